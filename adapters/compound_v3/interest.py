"""Comet's interest: simple between two accruals, at rates per second that only an accrual changes."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.rules import WAD

INDEX_SCALE = 10**15
"""An index of one."""

YEAR_SECONDS = 31_536_000


@dataclass(frozen=True, slots=True)
class Accrual:
    """Indices with 15 decimals as last accrued at `updated_at`, and rates per second with 18.

    The rates follow the utilisation of the last accrual, so both indices are exact until the next one.
    """

    supply_index: int
    borrow_index: int
    supply_rate: int
    borrow_rate: int
    updated_at: int

    def at(self, time: int) -> Accrual:
        """The same, accrued to a time not before `updated_at`."""
        seconds = time - self.updated_at
        return Accrual(
            supply_index=self.supply_index + self.supply_index * (self.supply_rate * seconds) // WAD,
            borrow_index=self.borrow_index + self.borrow_index * (self.borrow_rate * seconds) // WAD,
            supply_rate=self.supply_rate,
            borrow_rate=self.borrow_rate,
            updated_at=time,
        )

    def supplied(self, principal: int) -> int:
        """Base supplied in the smallest unit, rounded down; 0 for a debt."""
        return max(principal, 0) * self.supply_index // INDEX_SCALE

    def owed(self, principal: int) -> int:
        """Base owed in the smallest unit, rounded down; 0 for a supply."""
        return max(-principal, 0) * self.borrow_index // INDEX_SCALE

    def principal_of_supply(self, supplied: int) -> int:
        """The principal that is kept of a supply, rounded down."""
        return supplied * INDEX_SCALE // self.supply_index


def apr(rate: int) -> float:
    """A rate per second with 18 decimals as a fraction per year, not compounded."""
    return rate * YEAR_SECONDS / WAD
