"""Rules as data: written, and checked while they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from adapters.derive_v2.auction import Auction, Terms
from adapters.derive_v2.holdings import Expiry, Holdings, OptionHeld, PerpHeld
from adapters.derive_v2.margin import Book, DeriveRule
from adapters.derive_v2.portfolio import Portfolio, PortfolioParameters
from adapters.derive_v2.portfolio_2 import Collateral, Portfolio2, Portfolio2Parameters
from adapters.derive_v2.shocks import BasisParameters, Scenario, VolParameters, VolShock
from adapters.derive_v2.skew import SkewParameters
from adapters.derive_v2.standard import Standard, StandardMarket, StandardParameters
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact, feed_to_json, load_feed, objects

T = TypeVar("T")

_INNER: Mapping[str, type] = {
    kind.__name__: kind for kind in (BasisParameters, VolParameters, SkewParameters)
}


def to_json(rule: DeriveRule) -> dict[str, JsonValue]:
    """Data for `load_rule`; integers are decimal strings."""
    return {
        "family": rule.family,
        "cash": str(rule.cash),
        "stable": feed_to_json(rule.stable),
        "stable_decimals": rule.stable_decimals,
        "book": _book(rule.book),
        "terms": _flat(rule.terms),
        "auction": None if rule.auction is None else _flat(rule.auction),
    }


def load_rule(data: Mapping[str, JsonValue]) -> DeriveRule:
    """The rule that `to_json` wrote; raises ValueError on data of another family or shape."""
    check_family(data, DeriveRule.family)
    auction = data.get("auction")
    return DeriveRule(
        cash=exact(data, "cash"),
        stable=load_feed(entry(data, "stable", dict)),
        stable_decimals=entry(data, "stable_decimals", int),
        book=_load_book(entry(data, "book", dict)),
        terms=_load(Terms, entry(data, "terms", dict)),
        auction=None if auction is None else _load(Auction, entry(data, "auction", dict)),
    )


def _flat(value: Any) -> dict[str, JsonValue]:
    """A dataclass of integers, booleans, and further ones of `_INNER`."""
    found: dict[str, JsonValue] = {}
    for field in fields(value):
        inner = getattr(value, field.name)
        if str(field.type) in _INNER:
            found[field.name] = _flat(inner)
        else:
            found[field.name] = inner if isinstance(inner, bool) else str(inner)
    return found


def _load(kind: type[T], data: Mapping[str, JsonValue], **given: Any) -> T:
    """What `_flat` wrote; fields that are `given` are not looked for."""
    found: dict[str, Any] = dict(given)
    for field in fields(kind):  # type: ignore[arg-type]  # only dataclasses are asked for
        name = field.name
        if name in given:
            continue
        if field.type == "bool":
            found[name] = entry(data, name, bool)
        elif (inner := _INNER.get(str(field.type))) is not None:
            found[name] = _load(inner, entry(data, name, dict))
        else:
            found[name] = exact(data, name)
    return kind(**found)


def _book(book: Book) -> dict[str, JsonValue]:
    if isinstance(book, Standard):
        markets: list[JsonValue] = [
            {"held": _holdings(one.held), "parameters": _flat(one.parameters)} for one in book.markets
        ]
        return {
            "kind": "standard",
            "markets": markets,
            "depeg_threshold": str(book.depeg_threshold),
            "depeg_factor": str(book.depeg_factor),
        }
    found: dict[str, JsonValue] = {
        "kind": "portfolio" if isinstance(book, Portfolio) else "portfolio_2",
        "held": _holdings(book.held),
        "parameters": _flat(book.parameters),
        "scenarios": [
            {"spot": str(one.spot), "vol": one.vol.name, "damping": str(one.damping)}
            for one in book.scenarios
        ],
    }
    if isinstance(book, Portfolio2):
        found["collaterals"] = [
            {
                "feed": feed_to_json(one.feed),
                "amount": str(one.amount),
                "confidence": str(one.confidence),
                "is_risk_cancelling": one.is_risk_cancelling,
                "mm_haircut": str(one.mm_haircut),
                "im_haircut": str(one.im_haircut),
            }
            for one in book.collaterals
        ]
    return found


def _load_book(data: Mapping[str, JsonValue]) -> Book:
    kind = entry(data, "kind", str)
    if kind == "standard":
        return Standard(
            tuple(
                StandardMarket(
                    _load_holdings(entry(one, "held", dict)),
                    _load(StandardParameters, entry(one, "parameters", dict)),
                )
                for one in objects(data, "markets")
            ),
            exact(data, "depeg_threshold"),
            exact(data, "depeg_factor"),
        )
    held, parameters = _load_holdings(entry(data, "held", dict)), entry(data, "parameters", dict)
    scenarios = tuple(
        Scenario(exact(one, "spot"), _shock(entry(one, "vol", str)), exact(one, "damping"))
        for one in objects(data, "scenarios")
    )
    if not scenarios:
        raise ValueError("'scenarios' of a stored rule should not be empty")
    if kind == "portfolio":
        return Portfolio(held, _load(PortfolioParameters, parameters), scenarios)
    if kind == "portfolio_2":
        collaterals = tuple(
            _load(Collateral, one, feed=load_feed(entry(one, "feed", dict)))
            for one in objects(data, "collaterals")
        )
        return Portfolio2(held, collaterals, _load(Portfolio2Parameters, parameters), scenarios)
    raise ValueError(f"{kind!r} is no kind of book")


def _shock(name: str) -> VolShock:
    if name not in VolShock.__members__:
        raise ValueError(f"{name!r} is no shock of volatilities")
    return VolShock[name]


def _holdings(held: Holdings) -> dict[str, JsonValue]:
    return {
        "name": held.name,
        "spot": feed_to_json(held.spot),
        "confidence": str(held.confidence),
        "base": str(held.base),
        "perp": None if held.perp is None else _flat(held.perp),
        "expiries": [
            {
                "time": str(one.time),
                "fixed": str(one.fixed),
                "variable": str(one.variable),
                "rate": str(one.rate),
                "confidence": str(one.confidence),
                "options": [_flat(option) for option in one.options],
            }
            for one in held.expiries
        ],
    }


def _load_holdings(data: Mapping[str, JsonValue]) -> Holdings:
    perp = data.get("perp")
    return Holdings(
        name=entry(data, "name", str),
        spot=load_feed(entry(data, "spot", dict)),
        confidence=exact(data, "confidence"),
        perp=None if perp is None else _load(PerpHeld, entry(data, "perp", dict)),
        base=exact(data, "base"),
        expiries=tuple(
            _load(Expiry, one, options=tuple(_load(OptionHeld, option) for option in objects(one, "options")))
            for one in objects(data, "expiries")
        ),
    )
