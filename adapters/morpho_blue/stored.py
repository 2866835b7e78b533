"""Stored rules, checked while they are read: what `MorphoRule.to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.morpho_blue.liquidation import Position
from adapters.morpho_blue.margin import MorphoRule
from adapters.morpho_blue.market_state import MarketState
from adapters.morpho_blue.venue import load_venue
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle
from aggregator.model.stored import check_family, entry, exact


def load_rule(data: Mapping[str, JsonValue]) -> MorphoRule:
    """The rule that `MorphoRule.to_json` wrote; raises ValueError on data of another family or shape."""
    check_family(data, MorphoRule.family)
    feed, market = entry(data, "feed", dict), entry(data, "market", dict)
    return MorphoRule(
        feed=Feed(
            asset=AssetId(entry(feed, "asset", str)),
            oracle=Oracle(entry(feed, "oracle", str)),
            price=exact(feed, "price"),
            decimals=entry(feed, "decimals", int),
            origin=entry(feed, "origin", str),
            quote=AssetId(entry(feed, "quote", str)),
        ),
        loan_decimals=entry(data, "loan_decimals", int),
        lltv=exact(data, "lltv"),
        position=Position(borrow_shares=exact(data, "borrow_shares"), collateral=exact(data, "collateral")),
        market=MarketState(
            supply_assets=exact(market, "supply_assets"),
            supply_shares=exact(market, "supply_shares"),
            borrow_assets=exact(market, "borrow_assets"),
            borrow_shares=exact(market, "borrow_shares"),
            updated_at=entry(market, "updated_at", int),
            fee=exact(market, "fee"),
            borrow_rate=exact(market, "borrow_rate"),
        ),
        venue=None if data.get("venue") is None else load_venue(entry(data, "venue", dict)),
    )
