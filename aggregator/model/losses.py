"""Who pays a debt that a borrower can't: a lending rule that knows its market's other side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from aggregator.model.assets import AssetId
from aggregator.model.rules import Rule


@dataclass(frozen=True, slots=True)
class Cover:
    """What stands behind one asset that a market lends, in its smallest unit; None where it is not known.

    `reserves` pay first, then everybody who has supplied a part of `supplied`, in proportion.
    """

    reserves: int | None
    supplied: int | None


@runtime_checkable
class CoveredRule(Rule, Protocol):
    """A lending rule that tells what stands behind the debts of its market."""

    def cover(self, debt: AssetId, time: int) -> Cover:
        """What pays a bad debt in this asset at a time, as far as the rule knows."""
        ...


@runtime_checkable
class DescribedLosses(Rule, Protocol):
    """A rule that says how a loss reaches those who lend to its accounts, or stand on their other side."""

    @property
    def loss_told(self) -> str:
        """When and whether their claims are written down; a part of a sentence, after a colon."""
        ...
