"""Aave V3's health factor, exact: the integers that `Pool.getUserAccountData` works with.

Source: GenericLogic of the releases named in versions.py; equal to the wei on V3.0 and V3.6 in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from adapters.aave_v3.interest import Accrual, StableDebt, ceil_div
from adapters.aave_v3.versions import Maths
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Feed, Health, JsonValue

BPS = 10_000
# Thresholds in basis points are multiplied in, so N and Q have four decimals more than the base currency.
BPS_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Leg:
    """One reserve of an account that its health depends on.

    `supplied_scaled` is 0 where the supply does not count as collateral; `threshold_bps` is the eMode
    category's where the reserve belongs to it. `decimals` are the underlying's.
    """

    feed: Feed
    decimals: int
    supplied_scaled: int
    threshold_bps: int
    owed_scaled: int
    accrual: Accrual
    stable: StableDebt | None = None

    def supplied(self, maths: Maths, time: int) -> int:
        """Collateral with interest in the smallest unit."""
        return self.accrual.supplied(maths, self.supplied_scaled, time) if self.supplied_scaled else 0

    def owed(self, maths: Maths, time: int) -> int:
        """Debt of both kinds with interest in the smallest unit."""
        owed = self.accrual.owed(maths, self.owed_scaled, time) if self.owed_scaled else 0
        return owed + self.stable.owed(time) if self.stable else owed


@dataclass(frozen=True, slots=True)
class Totals:
    """What the pool sums up, in the base currency's smallest unit; `weighted` is times threshold in bps."""

    collateral: int
    weighted: int
    debt: int


@dataclass(frozen=True, slots=True)
class AaveRule:
    """The solvency test of one account in one market.

    Health is power over requirement as Aave rounds it; both have the base currency's decimals plus four.
    What is read now is a LiquidatableAaveRule; what was stored earlier may be this.
    """

    family: ClassVar[str] = "aave_v3"

    maths: Maths
    base_decimals: int
    legs: tuple[Leg, ...]

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """One feed per leg, in the order of the legs."""
        return tuple(leg.feed for leg in self.legs)

    def totals(self, prices: Mapping[AssetId, int], time: int) -> Totals:
        """Collateral, collateral times threshold, and debt; raises UnusablePrice on a price <= 0."""
        collateral = weighted = debt = 0
        for leg in self.legs:
            price = prices[leg.feed.asset]
            if price <= 0:
                raise UnusablePrice(leg.feed.asset, leg.feed.origin, price)
            unit = 10**leg.decimals
            value = leg.supplied(self.maths, time) * price // unit
            collateral += value
            weighted += value * leg.threshold_bps
            owed = leg.owed(self.maths, time) * price
            debt += ceil_div(owed, unit) if self.maths is Maths.V3_5 else owed // unit
        return Totals(collateral, weighted, debt)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The health factor at other prices and a later time; raises UnusablePrice on a price <= 0."""
        totals = self.totals(prices, time)
        if self.maths is Maths.V3_5:
            power = totals.weighted
        else:
            average_bps = totals.weighted // totals.collateral if totals.collateral else 0
            power = (totals.collateral * average_bps + BPS // 2) // BPS * BPS
        health = self._health_factor(power, totals.debt) if totals.debt else None
        return Health(
            power=power,
            requirement=totals.debt * BPS,
            decimals=self.base_decimals + BPS_DECIMALS,
            health=health,
            liquidatable=health is not None and health < WAD,
        )

    def _health_factor(self, power: int, debt: int) -> int:
        if self.maths is Maths.V3_5:
            return (power * WAD + debt // 2) // debt // BPS
        return (power // BPS * WAD + debt // 2) // debt

    def to_json(self) -> dict[str, JsonValue]:
        """Data for AaveFamily.load; amounts, indices and rates are decimal strings."""
        return {
            "family": self.family,
            "maths": self.maths.value,
            "base_decimals": self.base_decimals,
            "legs": [leg_to_json(leg) for leg in self.legs],
        }


def leg_to_json(leg: Leg) -> dict[str, JsonValue]:
    """Data for stored.load_rule's legs."""
    feed, accrual, stable = leg.feed, leg.accrual, leg.stable
    data: dict[str, JsonValue] = {
        "asset": feed.asset,
        "oracle": feed.oracle.value,
        "price": str(feed.price),
        "price_decimals": feed.decimals,
        "price_origin": feed.origin,
        "decimals": leg.decimals,
        "supplied_scaled": str(leg.supplied_scaled),
        "threshold_bps": leg.threshold_bps,
        "owed_scaled": str(leg.owed_scaled),
        "liquidity_index": str(accrual.liquidity_index),
        "liquidity_rate": str(accrual.liquidity_rate),
        "borrow_index": str(accrual.borrow_index),
        "borrow_rate": str(accrual.borrow_rate),
        "updated_at": accrual.updated_at,
    }
    if feed.quote is not None:
        data["quote"] = feed.quote
    if stable is not None:
        data["stable"] = {
            "principal": str(stable.principal),
            "rate": str(stable.rate),
            "updated_at": stable.updated_at,
        }
    return data
