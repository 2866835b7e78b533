"""Stored rules, checked while they are read: what `to_json` wrote, with or without a liquidation's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from adapters.lyra_v1.closing import ClosableShortRule, Closing, Penalty
from adapters.lyra_v1.collateral import CollateralParameters, OptionType
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.premium import BuyBack, Forced, Pool, Pricing, Variance, Vols
from aggregator.model.assets import AssetId
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, load_feed

T = TypeVar("T", Penalty, Pricing, Variance, Vols, Pool)


def load_rule(data: Mapping[str, JsonValue]) -> ShortOptionRule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape.

    Rules without the terms of a liquidation are a ShortOptionRule, which knows none.
    """
    check_family(data, ShortOptionRule.family)
    kind = entry(data, "kind", str)
    if kind not in {one.name for one in OptionType if one.is_short}:
        raise ValueError(f"{kind!r} is no kind of short option")
    parameters = entry(data, "parameters", dict)
    common: dict[str, Any] = {
        "kind": OptionType[kind],
        "amount": exact(data, "amount"),
        "collateral": exact(data, "collateral"),
        "strike": exact(data, "strike"),
        "expiry": exact(data, "expiry"),
        "parameters": CollateralParameters(
            **{field.name: exact(parameters, field.name) for field in fields(CollateralParameters)}
        ),
        "spot": load_feed(data, "price_"),
    }
    if "closing" not in data:
        return ShortOptionRule(**common)
    return ClosableShortRule(**common, closing=_load_closing(entry(data, "closing", dict)))


def _load_closing(data: Mapping[str, JsonValue]) -> Closing:
    terms = entry(data, "buy_back", dict)
    forced = entry(terms, "forced", dict)
    numbers = {name: exact(forced, name) for name in Forced._fields if name != "caps_skew"}
    return Closing(
        market=entry(data, "market", str),
        collateral=AssetId(entry(data, "collateral", str)),
        quote=AssetId(entry(data, "quote", str)),
        refusal=None if data.get("refusal", 0) is None else entry(data, "refusal", str),
        base_fee=exact(data, "base_fee"),
        penalty=_load(Penalty, data, "penalty"),
        buy_back=BuyBack(
            pricing=_load(Pricing, terms, "pricing"),
            variance=_load(Variance, terms, "variance"),
            forced=Forced(**numbers, caps_skew=entry(forced, "caps_skew", bool)),
            vols=_load(Vols, terms, "vols"),
            pool=_load(Pool, terms, "pool"),
            rate=exact(terms, "rate"),
        ),
    )


def _load(kind: type[T], data: Mapping[str, JsonValue], name: str) -> T:
    numbers = entry(data, name, dict)
    return kind(**{field: exact(numbers, field) for field in kind._fields})
