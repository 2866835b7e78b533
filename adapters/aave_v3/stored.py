"""Stored rules, checked while they are read: what `AaveRule.to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from adapters.aave_v3.interest import Accrual, StableDebt
from adapters.aave_v3.margin import AaveRule, Leg
from adapters.aave_v3.versions import Maths
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)


def load_rule(data: Mapping[str, JsonValue]) -> AaveRule:
    """The rule that `AaveRule.to_json` wrote; raises ValueError on data of another family or shape."""
    if data.get("family") != AaveRule.family:
        raise ValueError(f"a rule of {data.get('family')!r} is no rule of {AaveRule.family}")
    legs = _get(data, "legs", list)
    return AaveRule(
        maths=Maths(_get(data, "maths", str)),
        base_decimals=_get(data, "base_decimals", int),
        legs=tuple(_load_leg(_object("legs", leg)) for leg in legs),
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


def _big(data: Mapping[str, JsonValue], name: str) -> int:
    return int(_get(data, name, str))


def _object(name: str, value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} of a stored rule should hold objects, not {value!r}")
    return value
