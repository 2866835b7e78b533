"""Stored rules, checked while they are read: what `to_json` wrote, with or without a liquidation's terms."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.aave_v3.collateral import Opening
from adapters.aave_v3.interest import Accrual, StableDebt
from adapters.aave_v3.liquidation import LiquidatableAaveRule
from adapters.aave_v3.margin import AaveRule, Leg
from adapters.aave_v3.terms import load_pool, load_terms
from adapters.aave_v3.versions import RELEASES, Maths
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, load_feed


def load_rule(data: Mapping[str, JsonValue]) -> AaveRule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape.

    Rules stored before liquidations were read have no terms: they are an AaveRule, which knows none.
    """
    check_family(data, AaveRule.family)
    maths = Maths(entry(data, "maths", str))
    base_decimals = entry(data, "base_decimals", int)
    legs = tuple(_load_leg(_object("legs", leg)) for leg in entry(data, "legs", list))
    if "release" not in data:
        return AaveRule(maths, base_decimals, legs)
    release = entry(data, "release", str)
    if release not in RELEASES or RELEASES[release].maths is not maths:
        raise ValueError(f"'release' of a stored rule with maths {maths} is {release!r}")
    terms = tuple(load_terms(_object("terms", one)) for one in entry(data, "terms", list))
    if len(terms) != len(legs):
        raise ValueError(f"'terms' of a stored rule are {len(terms)} for {len(legs)} legs")
    closed = entry(data, "sentinel_closed", bool)
    pool = None if data.get("pool") is None else load_pool(entry(data, "pool", dict))
    listed = [] if data.get("openings") is None else entry(data, "openings", list)
    openings = tuple(_load_opening(_object("openings", one)) for one in listed)
    return LiquidatableAaveRule(maths, base_decimals, legs, release, closed, terms, pool, openings)


def _load_opening(data: Mapping[str, JsonValue]) -> Opening:
    leg, terms = _object("leg", data.get("leg")), _object("terms", data.get("terms"))
    return Opening(_load_leg(leg), load_terms(terms))


def _load_leg(data: Mapping[str, JsonValue]) -> Leg:
    stable = data.get("stable")
    return Leg(
        feed=load_feed(data, "price_", quoted=True),
        decimals=entry(data, "decimals", int),
        supplied_scaled=exact(data, "supplied_scaled"),
        threshold_bps=entry(data, "threshold_bps", int),
        owed_scaled=exact(data, "owed_scaled"),
        accrual=Accrual(
            liquidity_index=exact(data, "liquidity_index"),
            liquidity_rate=exact(data, "liquidity_rate"),
            borrow_index=exact(data, "borrow_index"),
            borrow_rate=exact(data, "borrow_rate"),
            updated_at=entry(data, "updated_at", int),
        ),
        stable=None if stable is None else _load_stable(_object("stable", stable)),
    )


def _load_stable(data: Mapping[str, JsonValue]) -> StableDebt:
    return StableDebt(exact(data, "principal"), exact(data, "rate"), entry(data, "updated_at", int))


def _object(name: str, value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} of a stored rule should hold objects, not {value!r}")
    return value
