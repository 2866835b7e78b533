"""A protocol's own solvency test and liquidation as frozen integers: recomputed without a chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol, TypeAlias, TypeVar, runtime_checkable

from aggregator.model.assets import AssetId

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

R = TypeVar("R", bound="Rule")

WAD = 10**18


class Oracle(StrEnum):
    """Which price an account is judged at: the market's, base price times exchange rate, or a pinned one."""

    MARKET = "market"
    RATE = "rate"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Feed:
    """A price that a rule depends on: `price / 10**decimals` as the protocol read it at the block.

    `quote` is the asset that the price is counted in, per whole unit; None is USD.
    """

    asset: AssetId
    oracle: Oracle
    price: int
    decimals: int
    origin: str
    quote: AssetId | None = None


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


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of an asset, in its smallest unit, >= 0."""

    asset: AssetId
    raw: int


@dataclass(frozen=True, slots=True)
class Repayment:
    """What a liquidator offers: at most so much of a debt, for one collateral.

    `collateral` is None where the protocol takes all of it, whatever is offered. The amount may exceed what
    the protocol accepts, as a transaction's argument may.
    """

    debt: Amount
    collateral: AssetId | None


@dataclass(frozen=True, slots=True)
class Liquidated:
    """What a liquidation moves, and the account after it.

    `repaid`: debt that the liquidator pays (with None as collateral, that the protocol itself does).
    `seized`: what the liquidator (or the protocol) takes, in the token that changes hands, fees not included.
    `fees`: what the protocol keeps of the collateral beside that, or of what is repaid, where they are in
    what is owed and not supplied. `bad_debt`: debt that is written off and that others bear. Assets of zero
    are left out. `supplied`: what the account has of an asset then, in the asset itself, where that does not
    follow from the rest: the token that changes hands is another, or the
    protocol pays out what the collateral is worth beyond the debt.
    """

    repaid: tuple[Amount, ...]
    seized: tuple[Amount, ...]
    fees: tuple[Amount, ...]
    bad_debt: tuple[Amount, ...]
    successor: Rule
    supplied: tuple[Amount, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The protocol would revert; `reason` is its own error where it has a name, else a short sentence."""

    reason: str


@runtime_checkable
class LiquidatableRule(Rule, Protocol):
    """A rule that also knows what the protocol's liquidation does."""

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        """What liquidating so much does at these prices and this time, with the protocol's own rounding.

        Raises UnusablePrice on a price <= 0 of an asset that the account depends on.
        """
        ...


def prices_of(rule: Rule) -> dict[AssetId, int]:
    """The prices at which a rule was read."""
    return {feed.asset: feed.price for feed in rule.feeds}


def all_of(kind: type[R], rules: Sequence[Rule]) -> list[R]:
    """The rules, each of which is of this kind; raises TypeError on one of another family."""
    ours: list[R] = []
    for rule in rules:
        if not isinstance(rule, kind):
            raise TypeError(f"{type(rule).__name__} is no rule of {kind.family}")
        ours.append(rule)
    return ours
