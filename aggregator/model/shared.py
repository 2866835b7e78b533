"""What several accounts of a wallet use at one venue: what the step of one leaves to the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from aggregator.model.rules import Rule


@dataclass(frozen=True, slots=True)
class SharedMarket:
    """A market after a trade; a venue's own subclass says what of it has changed. `market` is unique."""

    market: str


@runtime_checkable
class SharingRule(Rule, Protocol):
    """A rule whose trades depend on a market that other accounts trade in, too."""

    def beside(self, moved: SharedMarket) -> Rule:
        """The same account after another one's trade; the rule itself where they share nothing."""
        ...


@dataclass(frozen=True, slots=True)
class SharedRoom:
    """What a step leaves of a venue's cash, or below its caps; a venue's own subclass says how much.

    `venue` is unique: whoever has the same there draws on the same room.
    """

    venue: str


@runtime_checkable
class RoomRule(Rule, Protocol):
    """A rule that knows how much its venue still pays out, or takes, which is the same for all accounts."""

    def with_room(self, left: SharedRoom) -> Rule:
        """The same account after another one's step; the rule itself where they share nothing."""
        ...
