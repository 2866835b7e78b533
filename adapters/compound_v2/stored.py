"""The parts of a rule as stored data, checked while they are read. Integers are decimal strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from adapters.compound_v2.interest import Clock, Minted, Totals
from adapters.compound_v2.liquidation import Terms
from adapters.compound_v2.position import Leg, VaiDebt
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)

_VAI_FLAGS = ("forced", "repay_paused", "liquidate_paused")
_FLAGS = (*_VAI_FLAGS, "native", "seize_paused")
_LEG_NUMBERS = ("tokens", "factor", "owed", "incentive", "vai_incentive", "seize_share")


def clock_to_json(clock: Clock) -> dict[str, JsonValue]:
    """Data for load_clock."""
    return _numbers_to_json(clock)


def load_clock(data: JsonValue) -> Clock:
    """Raises ValueError on data of another shape, as all of these do."""
    clock = Clock(**_numbers("clock", data, Clock))
    if clock.step_ms <= 0:
        raise ValueError(f"'step_ms' of a stored rule should be positive, not {clock.step_ms}")
    return clock


def terms_to_json(terms: Terms) -> dict[str, JsonValue]:
    """Data for load_terms."""
    return {
        "close_factor": str(terms.close_factor),
        "paused": terms.paused,
        "treasury_share": str(terms.treasury_share),
        "least_vai": None if terms.least_vai is None else str(terms.least_vai),
    }


def load_terms(data: JsonValue) -> Terms:
    """The terms of a stored rule."""
    found = _object("terms", data)
    least = found.get("least_vai")
    return Terms(
        close_factor=_big(found, "close_factor"),
        paused=_flag(found, "paused"),
        treasury_share=_big(found, "treasury_share"),
        least_vai=None if least is None else _big(found, "least_vai"),
    )


def leg_to_json(leg: Leg) -> dict[str, JsonValue]:
    """Data for load_leg."""
    return {
        "c_token": leg.c_token,
        "feed": _feed_to_json(leg.feed),
        "decimals": leg.decimals,
        "totals": _numbers_to_json(leg.totals),
        **{name: str(getattr(leg, name)) for name in _LEG_NUMBERS},
        **{name: getattr(leg, name) for name in _FLAGS},
    }


def load_leg(data: JsonValue) -> Leg:
    """One leg of a stored rule."""
    found = _object("legs", data)
    return Leg(
        c_token=AssetId(_get(found, "c_token", str)),
        feed=_load_feed(found.get("feed")),
        decimals=_get(found, "decimals", int),
        totals=Totals(**_numbers("totals", found.get("totals"), Totals)),
        tokens=_big(found, "tokens"),
        factor=_big(found, "factor"),
        owed=_big(found, "owed"),
        incentive=_big(found, "incentive"),
        vai_incentive=_big(found, "vai_incentive"),
        seize_share=_big(found, "seize_share"),
        forced=_flag(found, "forced"),
        native=_flag(found, "native"),
        repay_paused=_flag(found, "repay_paused"),
        seize_paused=_flag(found, "seize_paused"),
        liquidate_paused=_flag(found, "liquidate_paused"),
    )


def vai_to_json(vai: VaiDebt) -> dict[str, JsonValue]:
    """Data for load_vai."""
    return {
        "feed": _feed_to_json(vai.feed),
        "debt": _numbers_to_json(vai.debt),
        **{name: getattr(vai, name) for name in _VAI_FLAGS},
    }


def load_vai(data: JsonValue) -> VaiDebt | None:
    """The debt in VAI of a stored rule, if it has one."""
    if data is None:
        return None
    found = _object("vai", data)
    return VaiDebt(
        feed=_load_feed(found.get("feed")),
        debt=Minted(**_numbers("debt", found.get("debt"), Minted)),
        **{name: _flag(found, name) for name in _VAI_FLAGS},
    )


def _feed_to_json(feed: Feed) -> dict[str, JsonValue]:
    return {
        "asset": feed.asset,
        "oracle": feed.oracle.value,
        "price": str(feed.price),
        "decimals": feed.decimals,
        "origin": feed.origin,
    }


def _load_feed(data: JsonValue) -> Feed:
    found = _object("feed", data)
    return Feed(
        asset=AssetId(_get(found, "asset", str)),
        oracle=Oracle(_get(found, "oracle", str)),
        price=_big(found, "price"),
        decimals=_get(found, "decimals", int),
        origin=_get(found, "origin", str),
    )


def _numbers_to_json(value: Clock | Totals | Minted) -> dict[str, JsonValue]:
    return {field.name: str(getattr(value, field.name)) for field in fields(value)}


def _numbers(name: str, data: JsonValue, kind: type[Any]) -> dict[str, int]:
    found = _object(name, data)
    return {field.name: _big(found, field.name) for field in fields(kind)}


def _object(name: str, value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} of a stored rule should be an object, not {value!r}")
    return value


def _get(data: Mapping[str, JsonValue], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name!r} of a stored rule should be {kind.__name__}, not {value!r}")
    return value


def _big(data: Mapping[str, JsonValue], name: str) -> int:
    return int(_get(data, name, str))


def _flag(data: Mapping[str, JsonValue], name: str) -> bool:
    value = data.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name!r} of a stored rule should be true or false, not {value!r}")
    return value
