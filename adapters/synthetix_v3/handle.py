"""By what an account is acted on: its number, the perps market, and the order that may be in the way."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Handle:
    """Account `account` of `perps`; while an order waits its margin can't be changed.

    `order_until` is the last second in which a listed order can be settled: 0 where there is none, None
    where its market does not say.
    """

    perps: Address
    account: int
    order_until: int | None

    def waits(self, time: int) -> bool | None:
        """Whether an order waits at a time; None where that is not known."""
        return None if self.order_until is None else time <= self.order_until
