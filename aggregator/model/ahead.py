"""Where a protocol judges at averages of past prices: the account once they have caught up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from aggregator.model.assets import AssetId
from aggregator.model.rules import Rule


@dataclass(frozen=True, slots=True)
class Ahead:
    """An account at the prices and the time at which it will be judged, if the last prices stay."""

    rule: Rule
    prices: Mapping[AssetId, int]
    time: int


@runtime_checkable
class AveragedRule(Rule, Protocol):
    """A rule whose protocol judges at averages, which go on moving while the last prices stay."""

    def ahead(self, prices: Mapping[AssetId, int], time: int) -> Sequence[Ahead]:
        """The ends between which the account will be judged until averages have caught up, the worse first.

        Nothing where they have. At prices other than those that were read the averages are as far from the
        last prices as they are at these, in proportion. Raises UnusablePrice on a price <= 0.
        """
        ...
