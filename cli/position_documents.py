"""Positions as JSON: exact amounts as texts, values in USD."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, assert_never

from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.units import scaled
from aggregator.pricing.values import value_usd
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.model.portfolio import Portfolio


def of_positions(portfolio: Portfolio, found: Sequence[Position]) -> list[dict[str, Any]]:
    """Each position with its exact amounts and what it is worth."""
    return [_position(portfolio, position) for position in found]


def _position(portfolio: Portfolio, position: Position) -> dict[str, Any]:
    match position:
        case Holding():
            return {"kind": "holding", **_spot(portfolio, position), "origin": position.origin}
        case Supply():
            return {
                "kind": "supply",
                **_spot(portfolio, position),
                "is_collateral": position.is_collateral,
                "apr": position.apr,
                "origin": position.origin,
            }
        case Debt():
            return {
                "kind": "debt",
                **_spot(portfolio, position),
                "rate_mode": position.rate_mode,
                "apr": position.apr,
                "origin": position.origin,
            }
        case Perp():
            return _perp(portfolio, position)
        case Option():
            return _option(position)
        case _:
            assert_never(position)


def _spot(portfolio: Portfolio, position: Holding | Supply | Debt) -> dict[str, Any]:
    amount = scaled(position.raw, position.asset.decimals)
    price = portfolio.marks[position.asset.id].usd
    return {
        "asset_id": position.asset.id,
        "symbol": clean(position.asset.symbol),
        "raw": str(position.raw),
        "decimals": position.asset.decimals,
        "amount": text(amount),
        "price_usd": text(price),
        "value_usd": _value(portfolio, position),
    }


def _value(portfolio: Portfolio, position: Position) -> str | None:
    """In USD with eight decimals; None where the protocol gives no mark."""
    value = value_usd(position, portfolio.marks)
    return None if value is None else text(value)


def _perp(portfolio: Portfolio, perp: Perp) -> dict[str, Any]:
    return {
        "kind": "perp",
        "market": clean(perp.market, 64),
        "underlying": clean(perp.underlying, 64),
        "size_raw": str(perp.size_raw),
        "size_decimals": perp.size_decimals,
        "size": text(scaled(perp.size_raw, perp.size_decimals)),
        "entry_price": text(scaled(perp.entry_price_raw, perp.price_decimals)),
        "mark_price": text(scaled(perp.mark_price_raw, perp.price_decimals)),
        "pnl_raw": str(perp.pnl_raw),
        "funding_raw": str(perp.funding_raw),
        "funding_24h_raw": _raw(perp.funding_24h_raw),
        "borrowing_raw": str(perp.borrowing_raw),
        "borrowing_24h_raw": _raw(perp.borrowing_24h_raw),
        "settlement": clean(perp.settlement.symbol),
        "value_usd": _value(portfolio, perp),
        "origin": perp.origin,
    }


def _raw(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _option(option: Option) -> dict[str, Any]:
    mark = None if option.mark_raw is None else text(scaled(option.mark_raw, option.price_decimals))
    return {
        "kind": "option",
        "instrument": clean(option.instrument, 64),
        "underlying": clean(option.underlying, 64),
        "right": option.right,
        "style": option.style,
        "size_raw": str(option.size_raw),
        "size_decimals": option.size_decimals,
        "size": text(scaled(option.size_raw, option.size_decimals)),
        "strike": text(scaled(option.strike_raw, option.price_decimals)),
        "expiry": option.expiry,
        "mark": mark,
        "iv": option.iv,
        "iv_source": option.iv_source,
        "mark_source": option.mark_source,
        "side": option.side,
        "delivery": option.delivery,
        "multiplier": _multiplier(option),
        "settlement": clean(option.settlement.symbol),
        "origin": option.origin,
    }


def _multiplier(option: Option) -> str | None:
    raw = option.multiplier_raw
    return None if raw is None else text(scaled(raw, option.size_decimals))


def text(value: Decimal) -> str:
    """A Decimal in full, without exponent and trailing zeros."""
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
