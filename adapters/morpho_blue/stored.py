"""Stored rules, checked while they are read: what `MorphoRule.to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from adapters.morpho_blue.liquidation import Position
from adapters.morpho_blue.margin import MorphoRule
from adapters.morpho_blue.market_state import MarketState
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)


def load_rule(data: Mapping[str, JsonValue]) -> MorphoRule:
    """The rule that `MorphoRule.to_json` wrote; raises ValueError on data of another family or shape."""
    if data.get("family") != MorphoRule.family:
        raise ValueError(f"a rule of {data.get('family')!r} is no rule of {MorphoRule.family}")
    feed, market = _get(data, "feed", dict), _get(data, "market", dict)
    return MorphoRule(
        feed=Feed(
            asset=AssetId(_get(feed, "asset", str)),
            oracle=Oracle(_get(feed, "oracle", str)),
            price=_big(feed, "price"),
            decimals=_get(feed, "decimals", int),
            origin=_get(feed, "origin", str),
            quote=AssetId(_get(feed, "quote", str)),
        ),
        loan_decimals=_get(data, "loan_decimals", int),
        lltv=_big(data, "lltv"),
        position=Position(borrow_shares=_big(data, "borrow_shares"), collateral=_big(data, "collateral")),
        market=MarketState(
            supply_assets=_big(market, "supply_assets"),
            supply_shares=_big(market, "supply_shares"),
            borrow_assets=_big(market, "borrow_assets"),
            borrow_shares=_big(market, "borrow_shares"),
            updated_at=_get(market, "updated_at", int),
            fee=_big(market, "fee"),
            borrow_rate=_big(market, "borrow_rate"),
        ),
    )


def _get(data: Mapping[str, JsonValue], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name!r} of a stored rule should be {kind.__name__}, not {value!r}")
    return value


def _big(data: Mapping[str, JsonValue], name: str) -> int:
    return int(_get(data, name, str))
