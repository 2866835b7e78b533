"""The parts of a rule as stored data, checked while they are read. Integers are decimal strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from adapters.compound_v2.interest import Clock, Minted, Totals
from adapters.compound_v2.liquidation import Terms
from adapters.compound_v2.position import Leg, VaiDebt
from aggregator.model.assets import AssetId
from aggregator.model.rules import JsonValue
from aggregator.model.stored import entry, exact, feed_to_json, load_feed
from aggregator.model.units import parse_address

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
        close_factor=exact(found, "close_factor"),
        paused=entry(found, "paused", bool),
        treasury_share=exact(found, "treasury_share"),
        least_vai=None if least is None else exact(found, "least_vai"),
    )


def leg_to_json(leg: Leg) -> dict[str, JsonValue]:
    """Data for load_leg."""
    return {
        "c_token": leg.c_token,
        "feed": feed_to_json(leg.feed),
        "decimals": leg.decimals,
        "totals": _numbers_to_json(leg.totals),
        **{name: str(getattr(leg, name)) for name in _LEG_NUMBERS},
        **{name: getattr(leg, name) for name in _FLAGS},
        "lending_factor": None if leg.lending_factor is None else str(leg.lending_factor),
    }


def load_leg(data: JsonValue) -> Leg:
    """One leg of a stored rule."""
    found = _object("legs", data)
    return Leg(
        c_token=AssetId(entry(found, "c_token", str)),
        feed=load_feed(entry(found, "feed", dict)),
        decimals=entry(found, "decimals", int),
        totals=Totals(**_numbers("totals", found.get("totals"), Totals)),
        tokens=exact(found, "tokens"),
        factor=exact(found, "factor"),
        owed=exact(found, "owed"),
        incentive=exact(found, "incentive"),
        vai_incentive=exact(found, "vai_incentive"),
        seize_share=exact(found, "seize_share"),
        forced=entry(found, "forced", bool),
        native=entry(found, "native", bool),
        repay_paused=entry(found, "repay_paused", bool),
        seize_paused=entry(found, "seize_paused", bool),
        liquidate_paused=entry(found, "liquidate_paused", bool),
        lending_factor=None if found.get("lending_factor") is None else exact(found, "lending_factor"),
    )


def vai_to_json(vai: VaiDebt) -> dict[str, JsonValue]:
    """Data for load_vai."""
    return {
        "feed": feed_to_json(vai.feed),
        "debt": _numbers_to_json(vai.debt),
        **{name: getattr(vai, name) for name in _VAI_FLAGS},
        "controller": vai.controller,
    }


def load_vai(data: JsonValue) -> VaiDebt | None:
    """The debt in VAI of a stored rule, if it has one."""
    if data is None:
        return None
    found = _object("vai", data)
    return VaiDebt(
        feed=load_feed(entry(found, "feed", dict)),
        debt=Minted(**_numbers("debt", found.get("debt"), Minted)),
        **{name: entry(found, name, bool) for name in _VAI_FLAGS},
        controller=None
        if found.get("controller") is None
        else parse_address(entry(found, "controller", str)),
    )


def _numbers_to_json(value: Clock | Totals | Minted) -> dict[str, JsonValue]:
    return {field.name: str(getattr(value, field.name)) for field in fields(value)}


def _numbers(name: str, data: JsonValue, kind: type[Any]) -> dict[str, int]:
    found = _object(name, data)
    return {field.name: exact(found, field.name) for field in fields(kind)}


def _object(name: str, value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} of a stored rule should be an object, not {value!r}")
    return value
