"""What a source of daily prices is, wherever it has them from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aggregator.contract import Read
from aggregator.model.units import ChainId
from aggregator.pricing.returns import Close


class PriceHistory(Protocol):
    """Where the daily closes of one underlying come from.

    `key` tells sources of a chain apart, `name` is for people. One that is not read from a chain belongs to
    the chain whose pinned block says which days have ended.
    """

    @property
    def underlying(self) -> str:
        """What it prices in USD."""
        ...

    @property
    def chain(self) -> ChainId:
        """Whose pinned block it is read at."""
        ...

    @property
    def key(self) -> str:
        """Its own, among the sources of a chain."""
        ...

    @property
    def name(self) -> str:
        """Chainlink on ethereum."""
        ...

    def closes(self, days: Sequence[int]) -> Read[list[Close]]:
        """The closes of these days, all of which have ended at the pinned block.

        Raises ReadError where one can't be told; a day without a price is a close without one.
        """
        ...
