"""Rules as data: written, and checked while they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TypeVar

from adapters.synthetix_v3.margin import Collateral, PositionState, SynthetixV3Rule
from adapters.synthetix_v3.market import Market
from adapters.synthetix_v3.rewards import Rewards
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)

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
            {"feed": _feed(one.feed), "amount": str(one.amount), "discount": str(one.discount)}
            for one in rule.collaterals
        ],
        "positions": [
            {
                "name": one.name,
                "feed": _feed(one.feed),
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
    }


def load_rule(data: Mapping[str, JsonValue]) -> SynthetixV3Rule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape."""
    if data.get("family") != SynthetixV3Rule.family:
        raise ValueError(f"a rule of {data.get('family')!r} is no rule of {SynthetixV3Rule.family}")
    return SynthetixV3Rule(
        usd=AssetId(_get(data, "usd", str)),
        usd_amount=_big(data, "usd_amount"),
        debt=_big(data, "debt"),
        collaterals=tuple(
            Collateral(
                feed=_load_feed(_get(held, "feed", dict)),
                amount=_big(held, "amount"),
                discount=_big(held, "discount"),
            )
            for held in _objects(data, "collaterals")
        ),
        positions=tuple(
            PositionState(
                name=_get(held, "name", str),
                feed=_load_feed(_get(held, "feed", dict)),
                market=_load_market(_get(held, "market", dict)),
                size=_big(held, "size"),
                entry_price=_big(held, "entry_price"),
                settled_funding=_big(held, "settled_funding"),
                interest=_big(held, "interest"),
            )
            for held in _objects(data, "positions")
        ),
        rewards=_load_rewards(_get(data, "rewards", dict)),
        interest_rate=_big(data, "interest_rate"),
        interest_time=_get(data, "interest_time", int),
        flagged=_get(data, "flagged", bool),
    )


def _feed(feed: Feed) -> dict[str, JsonValue]:
    return {
        "asset": feed.asset,
        "oracle": feed.oracle.value,
        "price": str(feed.price),
        "decimals": feed.decimals,
        "origin": feed.origin,
    }


def _load_feed(data: Mapping[str, JsonValue]) -> Feed:
    return Feed(
        asset=AssetId(_get(data, "asset", str)),
        oracle=Oracle(_get(data, "oracle", str)),
        price=_big(data, "price"),
        decimals=_get(data, "decimals", int),
        origin=_get(data, "origin", str),
    )


def _rewards(rewards: Rewards) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {name: str(getattr(rewards, name)) for name in _BOUNDS}
    found["flag_costs"] = [str(cost) for cost in rewards.flag_costs]
    return found


def _load_rewards(data: Mapping[str, JsonValue]) -> Rewards:
    costs: list[int] = []
    for cost in _get(data, "flag_costs", list):
        if not isinstance(cost, str):
            raise ValueError(f"'flag_costs' of a stored rule should hold amounts, not {cost!r}")
        costs.append(int(cost))
    if not costs:
        raise ValueError("'flag_costs' of a stored rule should not be empty")
    return Rewards(**{name: _big(data, name) for name in _BOUNDS}, flag_costs=tuple(costs))


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
        field.name: _get(data, field.name, int) if field.name in _TIMES else _big(data, field.name)
        for field in fields(Market)
        if field.name != "liquidated"
    }
    liquidated = []
    for entry in _get(data, "liquidated", list):
        if not isinstance(entry, list) or len(entry) != 2:
            raise ValueError(f"'liquidated' of a stored rule should hold pairs, not {entry!r}")
        time, amount = entry
        if not isinstance(time, int) or isinstance(time, bool) or not isinstance(amount, str):
            raise ValueError(f"'liquidated' of a stored rule should hold times and amounts, not {entry!r}")
        liquidated.append((time, int(amount)))
    return Market(**numbers, liquidated=tuple(liquidated))


def _objects(data: Mapping[str, JsonValue], name: str) -> list[Mapping[str, JsonValue]]:
    found: list[Mapping[str, JsonValue]] = []
    for held in _get(data, name, list):
        if not isinstance(held, dict):
            raise ValueError(f"{name!r} of a stored rule should hold objects, not {held!r}")
        found.append(held)
    return found


def _get(data: Mapping[str, JsonValue], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name!r} of a stored rule should be {kind.__name__}, not {value!r}")
    return value


def _big(data: Mapping[str, JsonValue], name: str) -> int:
    return int(_get(data, name, str))
