"""Stored rules, checked while they are read: what `to_json` wrote, with or without terms of
liquidations and trades."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.synthetix_perps_v2.acting import TradablePerpsV2Rule
from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule, Closing
from adapters.synthetix_perps_v2.margin import MarketState, PerpsV2Rule
from adapters.synthetix_perps_v2.terms import load_terms
from aggregator.model.assets import AssetId
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, load_feed


def load_rule(data: Mapping[str, JsonValue]) -> PerpsV2Rule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape.

    Rules stored before close-outs were read lack their terms: they are a PerpsV2Rule, which knows none. Those
    from before trades were are a ClosablePerpsV2Rule.
    """
    check_family(data, PerpsV2Rule.family)
    feed = load_feed(data, "price_")
    market = _load_market(entry(data, "market", dict))
    size, margin = exact(data, "size"), exact(data, "margin")
    last_price, settled_funding = exact(data, "last_price"), exact(data, "settled_funding")
    flagged = entry(data, "flagged", bool)
    if "closing" not in data:
        return PerpsV2Rule(feed, market, size, margin, last_price, settled_funding, flagged)
    closing = _load_closing(entry(data, "closing", dict))
    rule = ClosablePerpsV2Rule(feed, market, size, margin, last_price, settled_funding, flagged, closing)
    if "terms" not in data:
        return rule
    return TradablePerpsV2Rule.of(rule, load_terms(entry(data, "terms", dict)))


def _load_market(data: Mapping[str, JsonValue]) -> MarketState:
    return MarketState(
        skew=exact(data, "skew"),
        skew_scale=exact(data, "skew_scale"),
        max_funding_velocity=exact(data, "max_funding_velocity"),
        funding_rate=exact(data, "funding_rate"),
        funding_time=entry(data, "funding_time", int),
        premium_multiplier=exact(data, "premium_multiplier"),
        buffer_ratio=exact(data, "buffer_ratio"),
        fee_ratio=exact(data, "fee_ratio"),
        min_keeper_fee=exact(data, "min_keeper_fee"),
        max_keeper_fee=exact(data, "max_keeper_fee"),
        keeper_liquidation_fee=exact(data, "keeper_liquidation_fee"),
    )


def _load_closing(data: Mapping[str, JsonValue]) -> Closing:
    return Closing(
        market=entry(data, "market", str),
        settlement=AssetId(entry(data, "settlement", str)),
        max_delta=exact(data, "max_delta"),
        max_skew=exact(data, "max_skew"),
        endorsed=entry(data, "endorsed", bool),
        suspension=None if data.get("suspension", 0) is None else entry(data, "suspension", str),
        commit_deposit=exact(data, "commit_deposit"),
        keeper_deposit=exact(data, "keeper_deposit"),
    )
