"""Stored rules, checked while they are read: what `to_json` wrote, with or without a liquidation's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from adapters.lyra_v1.adjusting import AdjustableShortRule
from adapters.lyra_v1.amm import Amm, Bounds, ForcedClose
from adapters.lyra_v1.base_exchange import BaseExchange, BaseRate, SynthFee
from adapters.lyra_v1.closing import TOKEN_DECIMALS, ClosableShortRule, Closing, Penalty
from adapters.lyra_v1.collateral import CollateralParameters, OptionType
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.orders import Adjusting, Short
from adapters.lyra_v1.pool_value import AnyPool, NewportPool, Pool
from adapters.lyra_v1.premium import BuyBack, Forced, Pricing, Variance, Vols
from aggregator.model.assets import AssetId
from aggregator.model.errors import InvalidAddress
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, load_feed
from aggregator.model.units import Address, parse_address

T = TypeVar("T", Penalty, Pricing, Variance, Vols, Pool, NewportPool, BaseRate, Bounds, ForcedClose)


def load_rule(data: Mapping[str, JsonValue]) -> ShortOptionRule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape.

    Rules without the terms of a liquidation are a ShortOptionRule, which knows none; those that were stored
    before an owner's actions were known are a ClosableShortRule.
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
    common["closing"] = _load_closing(entry(data, "closing", dict))
    if "adjusting" not in data:
        return ClosableShortRule(**common)
    return AdjustableShortRule(
        **common, adjusting=_load_adjusting(entry(data, "adjusting", dict), common["kind"])
    )


def _load_adjusting(data: Mapping[str, JsonValue], kind: OptionType) -> Adjusting:
    amm = None if data.get("amm", 0) is None else entry(data, "amm", dict)
    market = _load_address(entry(data, "option_market", str))
    return Adjusting(
        short=Short(market, exact(data, "strike_id"), exact(data, "position_id"), kind),
        time=exact(data, "time"),
        paused_everywhere=entry(data, "paused_everywhere", bool),
        amm=None
        if amm is None
        else Amm(
            bounds=_load(Bounds, amm, "bounds"),
            forced_close=_load(ForcedClose, amm, "forced_close"),
            reserved=exact(amm, "reserved"),
            counted_at=exact(amm, "counted_at"),
        ),
        untold=None if data.get("untold", 0) is None else entry(data, "untold", str),
    )


def _load_address(text: str) -> Address:
    try:
        return parse_address(text)
    except InvalidAddress as error:
        raise ValueError(f"'option_market' of a stored rule: {error}") from error


def _load_closing(data: Mapping[str, JsonValue]) -> Closing:
    terms = entry(data, "buy_back", dict)
    forced = entry(terms, "forced", dict)
    numbers = {name: exact(forced, name) for name in Forced._fields if name != "caps_skew"}
    return Closing(
        market=entry(data, "market", str),
        collateral=AssetId(entry(data, "collateral", str)),
        quote=AssetId(entry(data, "quote", str)),
        refusal=None if data.get("refusal", 0) is None else entry(data, "refusal", str),
        exchange=_load_exchange(data),
        penalty=_load(Penalty, data, "penalty"),
        buy_back=BuyBack(
            pricing=_load(Pricing, terms, "pricing"),
            variance=_load(Variance, terms, "variance"),
            forced=Forced(**numbers, caps_skew=entry(forced, "caps_skew", bool)),
            vols=_load(Vols, terms, "vols"),
            pool=_load_pool(terms),
            rate=exact(terms, "rate"),
        ),
        collateral_decimals=_load_decimals(data, "collateral_decimals"),
        quote_decimals=_load_decimals(data, "quote_decimals"),
    )


def _load_exchange(data: Mapping[str, JsonValue]) -> BaseExchange:
    if "base_rate" in data:
        return _load(BaseRate, data, "base_rate")
    return SynthFee(exact(data, "base_fee"))


def _load_pool(data: Mapping[str, JsonValue]) -> AnyPool:
    is_newport = "protected" in entry(data, "pool", dict)
    return _load(NewportPool, data, "pool") if is_newport else _load(Pool, data, "pool")


def _load_decimals(data: Mapping[str, JsonValue], name: str) -> int:
    """Rules that were stored before Newport's have none: Avalon's tokens all have 18."""
    found = exact(data, name) if name in data else TOKEN_DECIMALS
    if not 0 <= found <= TOKEN_DECIMALS:
        raise ValueError(f"{name!r} of a stored rule is {found}, not 0 to {TOKEN_DECIMALS}")
    return found


def _load(kind: type[T], data: Mapping[str, JsonValue], name: str) -> T:
    numbers = entry(data, name, dict)
    return kind(**{field: exact(numbers, field) for field in kind._fields})
