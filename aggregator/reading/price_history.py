"""What a source of daily prices is, wherever it has them from."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from aggregator.contract import Read
from aggregator.model.units import ChainId
from aggregator.pricing.returns import Close

_PRICES = (Decimal("1e-15"), Decimal("1e15"))


def is_price(number: Decimal) -> bool:
    """Whether it can be a price in USD; what is none lies far off."""
    return _PRICES[0] < number < _PRICES[1]


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

    @property
    def reach_days(self) -> int | None:
        """How many days back it tells; None: as many as there are."""
        ...

    def closes(self, days: Sequence[int]) -> Read[list[Close]]:
        """The closes of these days, all of which have ended at the pinned block.

        Raises ReadError where one can't be told. A day that never had a price is a close without one; one
        that may yet get one is left out.
        """
        ...
