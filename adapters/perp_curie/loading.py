"""Stored rules, checked while they are read: what `CurieRule.to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from adapters.perp_curie.margin import CurieRule
from adapters.perp_curie.market import Collateral, MarketState, RangeOrder
from adapters.perp_curie.uniswap import MAX_TICK
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)


def load_rule(data: Mapping[str, JsonValue]) -> CurieRule:
    """The rule that `CurieRule.to_json` wrote; raises ValueError on data of another family or shape."""
    if data.get("family") != CurieRule.family:
        raise ValueError(f"a rule of {data.get('family')!r} is no rule of {CurieRule.family}")
    return CurieRule(
        time=_get(data, "time", int),
        settlement=AssetId(_get(data, "settlement", str)),
        settlement_decimals=_get(data, "settlement_decimals", int),
        balance=_big(data, "balance"),
        owed_pnl=_big(data, "owed_pnl"),
        pending_fee=_big(data, "pending_fee"),
        markets=tuple(_market(one) for one in _objects(data, "markets")),
        collaterals=tuple(_collateral(one) for one in _objects(data, "collaterals")),
        maintenance_ratio=_get(data, "maintenance_ratio", int),
        penalty_ratio=_get(data, "penalty_ratio", int),
        insurance=_big(data, "insurance"),
        paused=_get(data, "paused", bool),
    )


def _market(data: Mapping[str, JsonValue]) -> MarketState:
    return MarketState(
        base=_get(data, "base", str),
        name=_get(data, "name", str),
        feed=_feed(_get(data, "feed", dict)),
        is_open=_get(data, "is_open", bool),
        size=_big(data, "size"),
        notional=_big(data, "notional"),
        orders=tuple(_order(one) for one in _objects(data, "orders")),
        root=_big(data, "root"),
        funding=_big(data, "funding"),
        premium=_big(data, "premium"),
    )


def _order(data: Mapping[str, JsonValue]) -> RangeOrder:
    order = RangeOrder(
        lower=_get(data, "lower", int),
        upper=_get(data, "upper", int),
        liquidity=_big(data, "liquidity"),
        base_debt=_big(data, "base_debt"),
        quote_debt=_big(data, "quote_debt"),
    )
    if not -MAX_TICK <= order.lower < order.upper <= MAX_TICK:
        raise ValueError(f"a stored order from tick {order.lower} to {order.upper}")
    return order


def _collateral(data: Mapping[str, JsonValue]) -> Collateral:
    return Collateral(
        feed=_feed(_get(data, "feed", dict)),
        name=_get(data, "name", str),
        decimals=_get(data, "decimals", int),
        balance=_big(data, "balance"),
        ratio=_get(data, "ratio", int),
    )


def _feed(data: Mapping[str, JsonValue]) -> Feed:
    return Feed(
        asset=AssetId(_get(data, "asset", str)),
        oracle=Oracle(_get(data, "oracle", str)),
        price=_big(data, "price"),
        decimals=_get(data, "decimals", int),
        origin=_get(data, "origin", str),
    )


def _objects(data: Mapping[str, JsonValue], name: str) -> list[dict[str, JsonValue]]:
    found = []
    for one in _get(data, name, list):
        if not isinstance(one, dict):
            raise ValueError(f"{name!r} of a stored rule should hold objects, not {one!r}")
        found.append(one)
    return found


def _get(data: Mapping[str, JsonValue], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name!r} of a stored rule should be {kind.__name__}, not {value!r}")
    return value


def _big(data: Mapping[str, JsonValue], name: str) -> int:
    return int(_get(data, name, str))
