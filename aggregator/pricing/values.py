"""Dollars of a position, derived from its exact integers in Decimal: one way, for screens and tables."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import assert_never

from aggregator.model.assets import AssetId
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import Quote

USD_DECIMALS = 8

# Three uint256 factors have 234 digits, and decimals add more: only the last step rounds.
_WIDE = Context(prec=800, rounding=ROUND_HALF_EVEN)


def value_usd(position: Position, marks: Mapping[AssetId, Quote]) -> Decimal | None:
    """A position's signed value in USD with 8 decimals, half to even, at these marks.

    A debt is negative, a perp is worth its unrealised profit, accrued funding and borrowing fees, an option
    its size at the protocol's mark. None where a mark is missing.
    """
    match position:
        case Holding(asset=asset, raw=raw) | Supply(asset=asset, raw=raw):
            return _usd(marks.get(asset.id), raw, asset.decimals)
        case Debt(asset=asset, raw=raw):
            return _usd(marks.get(asset.id), -raw, asset.decimals)
        case Perp(settlement=asset, pnl_raw=pnl, funding_raw=funding, borrowing_raw=borrowing):
            return _usd(marks.get(asset.id), pnl + funding + borrowing, asset.decimals)
        case Option(settlement=asset, mark_raw=mark):
            if mark is None:
                return None
            decimals = position.size_decimals + position.price_decimals
            return _usd(marks.get(asset.id), position.size_raw * mark, decimals)
        case _:
            assert_never(position)


def rounded(value: Decimal, decimals: int) -> Decimal:
    """A number of any size with so many decimals, half to even."""
    return _WIDE.quantize(value, Decimal(1).scaleb(-decimals))


def _usd(mark: Quote | None, amount: int, decimals: int) -> Decimal | None:
    if mark is None:
        return None
    exact = _WIDE.multiply(Decimal(amount), Decimal(mark.price))
    return rounded(_WIDE.scaleb(exact, -(decimals + mark.decimals)), USD_DECIMALS)
