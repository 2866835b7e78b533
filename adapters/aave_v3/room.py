"""What a reserve has to pay out, and how much more it takes: its cash and its supply cap.

Source: `validateSupply`, `_accrueToTreasury` and the updates of rates in ReserveLogic of the releases named
in versions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from adapters.aave_v3.interest import RAY, Accrual, compound
from adapters.aave_v3.versions import Maths
from aggregator.model.rules import JsonValue
from aggregator.model.stored import entry, exact

BPS = 10_000


@dataclass(frozen=True, slots=True)
class SupplyCap:
    """The most that all may supply in the smallest unit, and what they do: scaled, with the treasury's part.

    `factor_bps` of all interest is the treasury's, which gets it at the reserve's next update.
    """

    most: int
    scaled: int
    factor_bps: int

    def room(self, accrual: Accrual, maths: Maths, time: int) -> int:
        """How much more may be supplied at a time, rounded down."""
        index = accrual.supply_index_at(time)
        return max(0, self.most - -(-self._scaled_at(accrual, maths, time) * index // RAY))

    def after(self, added: int, accrual: Accrual, maths: Maths, time: int) -> SupplyCap:
        """The cap once the supply has grown, or become less, by so many scaled units at a time."""
        return replace(self, scaled=self._scaled_at(accrual, maths, time) + added)

    def _scaled_at(self, accrual: Accrual, maths: Maths, time: int) -> int:
        """What is supplied once the treasury was given its part of the interest since the last update.

        Suppliers' rate is the rest of what all debt pays, which tells the debt of the variable rate.
        """
        rest = BPS - self.factor_bps
        if not accrual.borrow_rate or rest <= 0:
            return self.scaled
        grown = compound(maths, accrual.borrow_rate, time - accrual.updated_at) - RAY
        supplied = self.scaled * accrual.liquidity_index
        share = supplied * accrual.liquidity_rate * grown * self.factor_bps
        whole = accrual.borrow_rate * rest * RAY * accrual.supply_index_at(time)
        return self.scaled + -(-share // whole)


def cap_to_json(cap: SupplyCap) -> dict[str, JsonValue]:
    """Data for load_cap."""
    return {"most": str(cap.most), "scaled": str(cap.scaled), "factor_bps": cap.factor_bps}


def load_cap(data: Mapping[str, JsonValue]) -> SupplyCap:
    """The cap of a stored rule; raises ValueError on data of another shape."""
    return SupplyCap(exact(data, "most"), exact(data, "scaled"), entry(data, "factor_bps", int))
