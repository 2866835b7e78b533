"""Rules as data: written, and checked while they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from adapters.synthetix_v3.handle import Handle
from adapters.synthetix_v3.margin import Collateral, PositionState, SynthetixV3Rule
from adapters.synthetix_v3.market import Market
from adapters.synthetix_v3.rewards import Rewards
from aggregator.model.assets import AssetId
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, feed_to_json, load_feed, objects
from aggregator.model.units import parse_address

_BOUNDS = tuple(field.name for field in fields(Rewards) if field.name != "flag_costs")
_TIMES = frozenset({"funding_time", "window_seconds"})


def to_json(rule: SynthetixV3Rule) -> dict[str, JsonValue]:
    """Data for `load_rule`; amounts, prices and ratios are decimal strings, times are integers."""
    return {
        "family": rule.family,
        "usd": rule.usd,
        "usd_amount": str(rule.usd_amount),
        "debt": str(rule.debt),
        "collaterals": [
            {"feed": feed_to_json(one.feed), "amount": str(one.amount), "discount": str(one.discount)}
            for one in rule.collaterals
        ],
        "positions": [
            {
                "name": one.name,
                "feed": feed_to_json(one.feed),
                "market": _market(one.market),
                "size": str(one.size),
                "entry_price": str(one.entry_price),
                "settled_funding": str(one.settled_funding),
                "interest": str(one.interest),
            }
            for one in rule.positions
        ],
        "rewards": _rewards(rule.rewards),
        "interest_rate": str(rule.interest_rate),
        "interest_time": rule.interest_time,
        "flagged": rule.flagged,
        "handle": None if rule.handle is None else _handle(rule.handle),
    }


def load_rule(data: Mapping[str, JsonValue]) -> SynthetixV3Rule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape."""
    check_family(data, SynthetixV3Rule.family)
    return SynthetixV3Rule(
        usd=AssetId(entry(data, "usd", str)),
        usd_amount=exact(data, "usd_amount"),
        debt=exact(data, "debt"),
        collaterals=tuple(
            Collateral(
                feed=load_feed(entry(held, "feed", dict)),
                amount=exact(held, "amount"),
                discount=exact(held, "discount"),
            )
            for held in objects(data, "collaterals")
        ),
        positions=tuple(
            PositionState(
                name=entry(held, "name", str),
                feed=load_feed(entry(held, "feed", dict)),
                market=_load_market(entry(held, "market", dict)),
                size=exact(held, "size"),
                entry_price=exact(held, "entry_price"),
                settled_funding=exact(held, "settled_funding"),
                interest=exact(held, "interest"),
            )
            for held in objects(data, "positions")
        ),
        rewards=_load_rewards(entry(data, "rewards", dict)),
        interest_rate=exact(data, "interest_rate"),
        interest_time=entry(data, "interest_time", int),
        flagged=entry(data, "flagged", bool),
        handle=None if data.get("handle") is None else _load_handle(entry(data, "handle", dict)),
    )


def _handle(handle: Handle) -> dict[str, JsonValue]:
    return {
        "perps": handle.perps,
        "account": str(handle.account),
        "order_until": handle.order_until,
    }


def _load_handle(data: Mapping[str, JsonValue]) -> Handle:
    until = None if data.get("order_until", 0) is None else entry(data, "order_until", int)
    return Handle(parse_address(entry(data, "perps", str)), exact(data, "account"), until)


def _rewards(rewards: Rewards) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {name: str(getattr(rewards, name)) for name in _BOUNDS}
    found["flag_costs"] = [str(cost) for cost in rewards.flag_costs]
    return found


def _load_rewards(data: Mapping[str, JsonValue]) -> Rewards:
    costs: list[int] = []
    for cost in entry(data, "flag_costs", list):
        if not isinstance(cost, str):
            raise ValueError(f"'flag_costs' of a stored rule should hold amounts, not {cost!r}")
        costs.append(int(cost))
    if not costs:
        raise ValueError("'flag_costs' of a stored rule should not be empty")
    return Rewards(**{name: exact(data, name) for name in _BOUNDS}, flag_costs=tuple(costs))


def _market(market: Market) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for field in fields(Market):
        if field.name != "liquidated":
            value = getattr(market, field.name)
            found[field.name] = value if field.name in _TIMES else str(value)
    found["liquidated"] = [[time, str(amount)] for time, amount in market.liquidated]
    return found


def _load_market(data: Mapping[str, JsonValue]) -> Market:
    numbers = {
        field.name: entry(data, field.name, int) if field.name in _TIMES else exact(data, field.name)
        for field in fields(Market)
        if field.name != "liquidated"
    }
    liquidated = []
    for pair in entry(data, "liquidated", list):
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"'liquidated' of a stored rule should hold pairs, not {pair!r}")
        time, amount = pair
        if not isinstance(time, int) or isinstance(time, bool) or not isinstance(amount, str):
            raise ValueError(f"'liquidated' of a stored rule should hold times and amounts, not {pair!r}")
        liquidated.append((time, int(amount)))
    return Market(**numbers, liquidated=tuple(liquidated))
