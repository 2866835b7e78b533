"""Stored rules, checked while they are read: what `to_json` wrote, with or without a liquidation's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from adapters.aave_v3.interest import Accrual, StableDebt
from adapters.aave_v3.liquidation import LiquidatableAaveRule
from adapters.aave_v3.margin import AaveRule, Leg
from adapters.aave_v3.seizure import ReserveTerms
from adapters.aave_v3.versions import RELEASES, Maths
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)


def load_rule(data: Mapping[str, JsonValue]) -> AaveRule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape.

    Rules stored before liquidations were read have no terms: they are an AaveRule, which knows none.
    """
    if data.get("family") != AaveRule.family:
        raise ValueError(f"a rule of {data.get('family')!r} is no rule of {AaveRule.family}")
    maths = Maths(_get(data, "maths", str))
    base_decimals = _get(data, "base_decimals", int)
    legs = tuple(_load_leg(_object("legs", leg)) for leg in _get(data, "legs", list))
    if "release" not in data:
        return AaveRule(maths, base_decimals, legs)
    release = _get(data, "release", str)
    if release not in RELEASES or RELEASES[release].maths is not maths:
        raise ValueError(f"'release' of a stored rule with maths {maths} is {release!r}")
    terms = tuple(_load_terms(_object("terms", one)) for one in _get(data, "terms", list))
    if len(terms) != len(legs):
        raise ValueError(f"'terms' of a stored rule are {len(terms)} for {len(legs)} legs")
    closed = _flag(data, "sentinel_closed")
    return LiquidatableAaveRule(maths, base_decimals, legs, release, closed, terms)


def _load_terms(data: Mapping[str, JsonValue]) -> ReserveTerms:
    return ReserveTerms(
        bonus_bps=_get(data, "bonus_bps", int),
        fee_bps=_get(data, "fee_bps", int),
        active=_flag(data, "active"),
        paused=_flag(data, "paused"),
        grace_until=_get(data, "grace_until", int),
    )


def _load_leg(data: Mapping[str, JsonValue]) -> Leg:
    stable = data.get("stable")
    return Leg(
        feed=Feed(
            asset=AssetId(_get(data, "asset", str)),
            oracle=Oracle(_get(data, "oracle", str)),
            price=_big(data, "price"),
            decimals=_get(data, "price_decimals", int),
            origin=_get(data, "price_origin", str),
            quote=None if data.get("quote") is None else AssetId(_get(data, "quote", str)),
        ),
        decimals=_get(data, "decimals", int),
        supplied_scaled=_big(data, "supplied_scaled"),
        threshold_bps=_get(data, "threshold_bps", int),
        owed_scaled=_big(data, "owed_scaled"),
        accrual=Accrual(
            liquidity_index=_big(data, "liquidity_index"),
            liquidity_rate=_big(data, "liquidity_rate"),
            borrow_index=_big(data, "borrow_index"),
            borrow_rate=_big(data, "borrow_rate"),
            updated_at=_get(data, "updated_at", int),
        ),
        stable=None if stable is None else _load_stable(_object("stable", stable)),
    )


def _load_stable(data: Mapping[str, JsonValue]) -> StableDebt:
    return StableDebt(_big(data, "principal"), _big(data, "rate"), _get(data, "updated_at", int))


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


def _object(name: str, value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} of a stored rule should hold objects, not {value!r}")
    return value
