"""Stored rules, checked while they are read: what `CometRule.to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from adapters.compound_v3.interest import Accrual
from adapters.compound_v3.margin import Collateral, CometRule
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)


def load_rule(data: Mapping[str, JsonValue]) -> CometRule:
    """The rule that `CometRule.to_json` wrote; raises ValueError on data of another family or shape."""
    if data.get("family") != CometRule.family:
        raise ValueError(f"a rule of {data.get('family')!r} is no rule of {CometRule.family}")
    return CometRule(
        base=_load_feed(_get(data, "base", dict)),
        base_decimals=_get(data, "base_decimals", int),
        principal=_big(data, "principal"),
        accrual=Accrual(
            supply_index=_big(data, "supply_index"),
            borrow_index=_big(data, "borrow_index"),
            supply_rate=_big(data, "supply_rate"),
            borrow_rate=_big(data, "borrow_rate"),
            updated_at=_get(data, "updated_at", int),
        ),
        collaterals=tuple(_load_collateral(held) for held in _get(data, "collaterals", list)),
        absorb_paused=_get(data, "absorb_paused", bool),
    )


def _load_collateral(data: JsonValue) -> Collateral:
    if not isinstance(data, dict):
        raise ValueError(f"'collaterals' of a stored rule should hold objects, not {data!r}")
    return Collateral(
        feed=_load_feed(_get(data, "feed", dict)),
        decimals=_get(data, "decimals", int),
        balance=_big(data, "balance"),
        liquidate_factor=_big(data, "liquidate_factor"),
        liquidation_factor=_big(data, "liquidation_factor"),
    )


def _load_feed(data: Mapping[str, JsonValue]) -> Feed:
    return Feed(
        asset=AssetId(_get(data, "asset", str)),
        oracle=Oracle(_get(data, "oracle", str)),
        price=_big(data, "price"),
        decimals=_get(data, "decimals", int),
        origin=_get(data, "origin", str),
        quote=None if data.get("quote") is None else AssetId(_get(data, "quote", str)),
    )


def _get(data: Mapping[str, JsonValue], name: str, kind: type[T]) -> T:
    value = data.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name!r} of a stored rule should be {kind.__name__}, not {value!r}")
    return value


def _big(data: Mapping[str, JsonValue], name: str) -> int:
    return int(_get(data, name, str))
