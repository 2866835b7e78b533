"""Rules as JSON and back: integers are decimal strings, all fields of a part by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.gmx_v2.position import Position
from adapters.gmx_v2.state import Fees, Funding, Impact, Market, Pool, Side, Token
from aggregator.model.assets import AssetId
from aggregator.model.rules import JsonValue
from aggregator.model.stored import entry, exact, feed_to_json, load_feed

if TYPE_CHECKING:
    from adapters.gmx_v2.margin import GmxRule

P = TypeVar("P", Fees, Funding, Impact, Pool, Position, Side)

_FLAGS = ("single", "tokens_for_balance", "skip_smaller", "disabled")
_TOKENS = ("index", "long", "short")


def rule_to_json(rule: GmxRule) -> dict[str, JsonValue]:
    """Data for load_rule_parts."""
    return {
        "family": rule.family,
        "time": rule.time,
        "market": _market(rule.market),
        "position": _numbers(rule.position),
        "collateral": rule.collateral,
        "profit": rule.profit,
    }


def load_market(data: Mapping[str, JsonValue]) -> Market:
    """The market that was written here; raises ValueError on data of another shape."""
    tokens = {name: _load_token(entry(data, name, dict)) for name in _TOKENS}
    return Market(
        address=entry(data, "address", str),
        name=entry(data, "name", str),
        longs=load_numbers(Side, entry(data, "longs", dict)),
        shorts=load_numbers(Side, entry(data, "shorts", dict)),
        pool=load_numbers(Pool, entry(data, "pool", dict)),
        funding=load_numbers(Funding, entry(data, "funding", dict)),
        impact=load_numbers(Impact, entry(data, "impact", dict)),
        fees=load_numbers(Fees, entry(data, "fees", dict)),
        index=tokens["index"],
        long=tokens["long"],
        short=tokens["short"],
        single=entry(data, "single", bool),
        tokens_for_balance=entry(data, "tokens_for_balance", bool),
        skip_smaller=entry(data, "skip_smaller", bool),
        disabled=entry(data, "disabled", bool),
    )


def load_numbers(kind: type[P], data: Mapping[str, JsonValue]) -> P:
    """A part whose fields are integers, flags, or None; raises ValueError on anything else."""
    found: dict[str, Any] = {one.name: _load_number(data, one.name, str(one.type)) for one in fields(kind)}
    return kind(**found)


def load_asset(data: Mapping[str, JsonValue], name: str) -> AssetId:
    """An asset's identity."""
    return AssetId(entry(data, name, str))


def _load_number(data: Mapping[str, JsonValue], name: str, kind: str) -> int | None:
    if kind == "bool":
        return entry(data, name, bool)
    if data.get(name) is None and kind == "int | None" and name in data:
        return None
    return exact(data, name)


def _market(market: Market) -> dict[str, JsonValue]:
    return {
        "address": market.address,
        "name": market.name,
        **{name: _token(getattr(market, name)) for name in _TOKENS},
        **{name: getattr(market, name) for name in _FLAGS},
        "longs": _numbers(market.longs),
        "shorts": _numbers(market.shorts),
        "pool": _numbers(market.pool),
        "funding": _numbers(market.funding),
        "impact": _numbers(market.impact),
        "fees": _numbers(market.fees),
    }


def _numbers(part: Side | Pool | Funding | Impact | Fees | Position) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for one in fields(part):
        value = getattr(part, one.name)
        found[one.name] = value if value is None or isinstance(value, bool) else str(value)
    return found


def _token(token: Token) -> dict[str, JsonValue]:
    return {"feed": feed_to_json(token.feed), "stable": str(token.stable)}


def _load_token(data: Mapping[str, JsonValue]) -> Token:
    return Token(load_feed(entry(data, "feed", dict)), exact(data, "stable"))
