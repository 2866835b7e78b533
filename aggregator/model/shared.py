"""Markets that several accounts of a wallet trade in: what one account's trade leaves to the others."""

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
