"""Positions as rows: what was read of each, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import Block, Quote
from aggregator.store.columns import utc
from aggregator.store.derived import value_usd


def position_rows(account: Account, block: Block, marks: Mapping[AssetId, Quote]) -> list[dict[str, Any]]:
    """The positions of an account at its block, in their order; `value_usd` by the marks."""
    return [
        {
            "account_id": account.id,
            "ordinal": i,
            "chain_id": account.chain,
            "block_number": block.number,
            "block_hash": block.hash,
            "origin": position.origin,
            "value_usd": value_usd(position, marks),
            **_position(position),
        }
        for i, position in enumerate(account.positions)
    ]


def _position(position: Position) -> dict[str, Any]:
    asset = position.settlement if isinstance(position, Perp | Option) else position.asset
    row: dict[str, Any] = {"asset_id": asset.id, "symbol": asset.symbol, "decimals": asset.decimals}
    match position:
        case Holding(raw=raw):
            return row | {"kind": "holding", "amount_raw": raw}
        case Supply(raw=raw, is_collateral=is_collateral, apr=apr):
            return row | {"kind": "supply", "amount_raw": raw, "is_collateral": is_collateral, "apr": apr}
        case Debt(raw=raw, rate_mode=rate_mode, apr=apr):
            return row | {"kind": "debt", "amount_raw": raw, "rate_mode": rate_mode, "apr": apr}
        case Perp():
            return row | {
                "kind": "perp",
                "market": position.market,
                "entry_price_raw": position.entry_price_raw,
                "mark_price_raw": position.mark_price_raw,
                "pnl_raw": position.pnl_raw,
                "funding_raw": position.funding_raw,
                "funding_24h_raw": position.funding_24h_raw,
                **_borrowing(position),
                **_derivative(position),
            }
        case Option():
            return row | {
                "kind": "option",
                "market": position.instrument,
                "mark_price_raw": position.mark_raw,
                "option_right": position.right,
                "option_style": "american" if position.style == "perpetual" else position.style,
                "strike_raw": position.strike_raw,
                "expiry": None if position.expiry is None else utc(position.expiry),
                "iv": position.iv,
                "iv_source": position.iv_source,
                "rate": position.rate,
                # Nothing is stored of a default: as rows are that were saved before there were such columns.
                "option_delivery": None if position.delivery == "cash" else position.delivery,
                "multiplier_raw": position.multiplier_raw,
                "mark_source": position.mark_source,
                **_derivative(position),
            }
        case _:
            assert_never(position)


def _borrowing(perp: Perp) -> dict[str, Any]:
    """Nothing where none is charged: as rows are that were saved before there were such columns."""
    if perp.borrowing_raw == 0 and perp.borrowing_24h_raw == 0:
        return {"borrowing_raw": None, "borrowing_24h_raw": None}
    return {"borrowing_raw": perp.borrowing_raw, "borrowing_24h_raw": perp.borrowing_24h_raw}


def _derivative(position: Perp | Option) -> dict[str, Any]:
    return {
        "index_asset_id": position.index,
        "underlying": position.underlying,
        "size_raw": position.size_raw,
        "size_decimals": position.size_decimals,
        "price_decimals": position.price_decimals,
    }
