"""Stored rules, checked while they are read."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.gmx_v1.closing import ClosableGmxRule, Closing
from adapters.gmx_v1.margin import Funding, GmxRule, Terms
from aggregator.model.assets import AssetId
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, load_feed


def load_rule(data: Mapping[str, JsonValue]) -> ClosableGmxRule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape."""
    check_family(data, GmxRule.family)
    terms, funding = entry(data, "terms", dict), entry(data, "funding", dict)
    closing = entry(data, "closing", dict)
    return ClosableGmxRule(
        feed=load_feed(entry(data, "feed", dict)),
        terms=Terms(
            max_leverage=exact(terms, "max_leverage"),
            liquidation_fee=exact(terms, "liquidation_fee"),
            margin_fee_bps=entry(terms, "margin_fee_bps", int),
            min_profit_time=exact(terms, "min_profit_time"),
            min_profit_bps=exact(terms, "min_profit_bps"),
        ),
        funding=Funding(
            cumulative=exact(funding, "cumulative"),
            last_time=exact(funding, "last_time"),
            interval=exact(funding, "interval"),
            factor=exact(funding, "factor"),
            reserved=exact(funding, "reserved"),
            pool=exact(funding, "pool"),
        ),
        is_long=entry(data, "is_long", bool),
        size=exact(data, "size"),
        collateral=exact(data, "collateral"),
        average_price=exact(data, "average_price"),
        entry_funding_rate=exact(data, "entry_funding_rate"),
        last_increased_time=exact(data, "last_increased_time"),
        closing=Closing(
            market=entry(closing, "market", str),
            settlement=AssetId(entry(closing, "settlement", str)),
            decimals=entry(closing, "decimals", int),
            price=exact(closing, "price"),
        ),
    )
