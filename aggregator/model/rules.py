"""A protocol's own solvency test as frozen integers: it recomputes health without a chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

from aggregator.model.assets import AssetId

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

WAD = 10**18


class Oracle(StrEnum):
    """Which price an account is judged at: the market's, base price times exchange rate, or a pinned one."""

    MARKET = "market"
    RATE = "rate"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Feed:
    """A price that a rule depends on: `price / 10**decimals` as the protocol read it at the block."""

    asset: AssetId
    oracle: Oracle
    price: int
    decimals: int
    origin: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a protocol's own test says of an account.

    `power` (N: risk-adjusted collateral, or margin) and `requirement` (Q: debt, or maintenance margin) are
    integers with `decimals` in the protocol's own currency; N may be negative. `health` is the protocol's
    ratio N/Q with 18 decimals and the protocol's own rounding, None where nothing is required (Q = 0).
    """

    power: int
    requirement: int
    decimals: int
    health: int | None
    liquidatable: bool


@runtime_checkable
class Rule(Protocol):
    """One account's solvency test, exact. Frozen integer data with a JSON round trip.

    `prices` maps each feed's asset to its price in the feed's own decimals; `time` is Unix seconds, not
    before the time of reading. `health(rule.prices(), block time)` is what the protocol says at the block.
    """

    family: ClassVar[str]

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """Every price that the test depends on."""
        ...

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The account's health at other prices and a later time; raises UnusablePrice on a price <= 0."""
        ...

    def to_json(self) -> dict[str, JsonValue]:
        """Data for RuleFamily.load; integers above 53 bits are strings."""
        ...


def prices_of(rule: Rule) -> dict[AssetId, int]:
    """The prices at which a rule was read."""
    return {feed.asset: feed.price for feed in rule.feeds}
