"""Stored rules, checked while they are read: what `to_json` wrote, with or without a liquidation's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule, Closing
from adapters.synthetix_perps_v2.margin import MarketState, PerpsV2Rule
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)


def load_rule(data: Mapping[str, JsonValue]) -> PerpsV2Rule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape.

    Rules stored before close-outs were read lack their terms: they are a PerpsV2Rule, which knows none.
    """
    if data.get("family") != PerpsV2Rule.family:
        raise ValueError(f"a rule of {data.get('family')!r} is no rule of {PerpsV2Rule.family}")
    feed = Feed(
        asset=AssetId(_get(data, "asset", str)),
        oracle=Oracle(_get(data, "oracle", str)),
        price=_big(data, "price"),
        decimals=_get(data, "price_decimals", int),
        origin=_get(data, "price_origin", str),
    )
    market = _load_market(_get(data, "market", dict))
    size, margin = _big(data, "size"), _big(data, "margin")
    last_price, settled_funding = _big(data, "last_price"), _big(data, "settled_funding")
    flagged = _flag(data, "flagged")
    if "closing" not in data:
        return PerpsV2Rule(feed, market, size, margin, last_price, settled_funding, flagged)
    closing = _load_closing(_get(data, "closing", dict))
    return ClosablePerpsV2Rule(feed, market, size, margin, last_price, settled_funding, flagged, closing)


def _load_market(data: Mapping[str, JsonValue]) -> MarketState:
    return MarketState(
        skew=_big(data, "skew"),
        skew_scale=_big(data, "skew_scale"),
        max_funding_velocity=_big(data, "max_funding_velocity"),
        funding_rate=_big(data, "funding_rate"),
        funding_time=_get(data, "funding_time", int),
        premium_multiplier=_big(data, "premium_multiplier"),
        buffer_ratio=_big(data, "buffer_ratio"),
        fee_ratio=_big(data, "fee_ratio"),
        min_keeper_fee=_big(data, "min_keeper_fee"),
        max_keeper_fee=_big(data, "max_keeper_fee"),
        keeper_liquidation_fee=_big(data, "keeper_liquidation_fee"),
    )


def _load_closing(data: Mapping[str, JsonValue]) -> Closing:
    return Closing(
        market=_get(data, "market", str),
        settlement=AssetId(_get(data, "settlement", str)),
        max_delta=_big(data, "max_delta"),
        max_skew=_big(data, "max_skew"),
        endorsed=_flag(data, "endorsed"),
        suspension=None if data.get("suspension", 0) is None else _get(data, "suspension", str),
        commit_deposit=_big(data, "commit_deposit"),
        keeper_deposit=_big(data, "keeper_deposit"),
    )


def _get(data: Mapping[str, JsonValue], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name!r} of a stored rule should be {kind.__name__}, not {value!r}")
    return value


def _flag(data: Mapping[str, JsonValue], name: str) -> bool:
    value = data.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name!r} of a stored rule should be bool, not {value!r}")
    return value


def _big(data: Mapping[str, JsonValue], name: str) -> int:
    return int(_get(data, name, str))
