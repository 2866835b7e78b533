"""Stored rules as JSON data, checked while they are read back; integers are decimal strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, JsonValue, Oracle

T = TypeVar("T", bound=JsonValue)


def check_family(data: Mapping[str, JsonValue], family: str) -> None:
    """Raises ValueError on the rule of another family."""
    if data.get("family") != family:
        raise ValueError(f"a rule of {data.get('family')!r} is no rule of {family}")


def entry(data: Mapping[str, JsonValue], name: str, kind: type[T]) -> T:
    """An entry of one kind; raises ValueError on another, as all of these do. True is no integer."""
    value = data.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name!r} of a stored rule should be {kind.__name__}, not {value!r}")
    return value


def exact(data: Mapping[str, JsonValue], name: str) -> int:
    """An integer of any size, from decimal text."""
    return int(entry(data, name, str))


def objects(data: Mapping[str, JsonValue], name: str) -> list[Mapping[str, JsonValue]]:
    """A field that is a list of objects."""
    found: list[Mapping[str, JsonValue]] = []
    for one in entry(data, name, list):
        if not isinstance(one, dict):
            raise ValueError(f"{name!r} of a stored rule should hold objects, not {one!r}")
        found.append(one)
    return found


def feed_to_json(feed: Feed) -> dict[str, JsonValue]:
    """Data for load_feed, of a feed in USD."""
    return {
        "asset": feed.asset,
        "oracle": feed.oracle.value,
        "price": str(feed.price),
        "decimals": feed.decimals,
        "origin": feed.origin,
    }


def load_feed(data: Mapping[str, JsonValue], prefix: str = "", *, quoted: bool = False) -> Feed:
    """A feed; `prefix` stands before the names of its decimals and origin within a larger object.

    It is in USD, unless it may be `quoted` and `quote` names an asset.
    """
    quote = None if not quoted or data.get("quote") is None else AssetId(entry(data, "quote", str))
    return Feed(
        asset=AssetId(entry(data, "asset", str)),
        oracle=Oracle(entry(data, "oracle", str)),
        price=exact(data, "price"),
        decimals=entry(data, f"{prefix}decimals", int),
        origin=entry(data, f"{prefix}origin", str),
        quote=quote,
    )
