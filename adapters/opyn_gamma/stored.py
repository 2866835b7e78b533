"""Stored rules, checked while they are read: what `to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.opyn_gamma.closing import Auction, ClosableNakedVaultRule
from adapters.opyn_gamma.margin import Bound, NakedVaultRule
from adapters.opyn_gamma.requirement import Leg
from aggregator.model.rules import Feed, JsonValue
from aggregator.model.stored import check_family, entry, exact, load_feed, objects


def load_rule(data: Mapping[str, JsonValue]) -> ClosableNakedVaultRule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape."""
    check_family(data, NakedVaultRule.family)

    def feed(name: str) -> Feed:
        return load_feed(entry(data, name, dict))

    auction = entry(data, "auction", dict)
    return ClosableNakedVaultRule(
        is_put=entry(data, "is_put", bool),
        leg=Leg(exact(data, "size"), exact(data, "strike")),
        expiry=exact(data, "expiry"),
        collateral=exact(data, "collateral"),
        collateral_decimals=entry(data, "collateral_decimals", int),
        shock=exact(data, "shock"),
        bounds=tuple(Bound(exact(one, "seconds"), exact(one, "value")) for one in objects(data, "bounds")),
        underlying_feed=feed("underlying_feed"),
        strike_feed=feed("strike_feed"),
        collateral_feed=feed("collateral_feed"),
        auction=Auction(
            market=entry(auction, "market", str),
            round_time=None if auction.get("round_time") is None else exact(auction, "round_time"),
            latest_update=exact(auction, "latest_update"),
            deviation=exact(auction, "deviation"),
            paused=None if auction.get("paused") is None else entry(auction, "paused", str),
        ),
    )
