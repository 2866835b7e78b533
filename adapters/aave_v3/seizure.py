"""How much a liquidation repays and seizes: the amounts of `LiquidationLogic`, in the smallest units.

Source: LiquidationLogic and PercentageMath of the releases named in versions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.aave_v3.interest import ceil_div
from adapters.aave_v3.margin import BPS, Leg, Totals
from adapters.aave_v3.terms import ReserveTerms
from adapters.aave_v3.versions import Maths, Version
from aggregator.model.assets import AssetId
from aggregator.model.rules import WAD

# Above this health only half of a debt can be repaid at once.
CLOSE_FACTOR_HEALTH = WAD * 95 // 100
HALF_BPS = 5_000
# In the base currency's smallest unit, whatever its decimals: what is worth less may be closed as a whole,
# and half of it must remain of what is not.
SMALL_POSITION = 2_000 * 10**8
LEAST_LEFT = SMALL_POSITION // 2


@dataclass(frozen=True, slots=True)
class Seizure:
    """Debt repaid, and collateral for the liquidator and, as `fee`, for the treasury."""

    repaid: int
    seized: int
    fee: int

    @property
    def taken(self) -> int:
        """All that the borrower loses."""
        return self.seized + self.fee


@dataclass(frozen=True, slots=True)
class Case:
    """One collateral and one debt of an account that can be liquidated; `terms` are the collateral's."""

    version: Version
    collateral: Leg
    debt: Leg
    terms: ReserveTerms
    totals: Totals
    health: int
    prices: Mapping[AssetId, int]
    time: int

    @property
    def supplied(self) -> int:
        """The collateral with interest."""
        return self.collateral.supplied(self.version.maths, self.time)

    @property
    def owed(self) -> int:
        """The debt with interest."""
        return self.debt.owed(self.version.maths, self.time)

    def value(self, amount: int) -> int:
        """So much of the collateral in the base currency."""
        return amount * self.prices[self.collateral.feed.asset] // int(10**self.collateral.decimals)

    def debt_value(self, amount: int) -> int:
        """So much of the debt in the base currency."""
        value, unit = amount * self.prices[self.debt.feed.asset], int(10**self.debt.decimals)
        return ceil_div(value, unit) if self.version.maths is Maths.V3_5 else value // unit

    def most(self) -> int:
        """How much of the debt can be repaid at once: the close factor."""
        close = self.health > CLOSE_FACTOR_HEALTH
        if not self.version.dust_rule:
            return percent_mul(self.owed, HALF_BPS if close else BPS)
        owed_value = self.debt_value(self.owed)
        half = percent_mul(self.totals.debt, HALF_BPS)
        if min(self.value(self.supplied), owed_value) < SMALL_POSITION or not close or owed_value <= half:
            return self.owed
        return half * int(10**self.debt.decimals) // self.prices[self.debt.feed.asset]

    def seizure(self, offer: int) -> Seizure:
        """The collateral for a repayment; where it does not suffice, all of it and the repayment for that."""
        bonus_bps, fee_bps = self.terms.bonus_bps, self.terms.fee_bps
        down = self.version.protocol_rounding
        # A unit of debt in units of collateral, as a fraction.
        numerator = self.prices[self.debt.feed.asset] * 10**self.collateral.decimals
        denominator = self.prices[self.collateral.feed.asset] * 10**self.debt.decimals
        base = numerator * offer // denominator
        taken, repaid = base * bonus_bps // BPS if down else percent_mul(base, bonus_bps), offer
        if taken > self.supplied:
            taken = self.supplied
            worth = denominator * taken // numerator
            up = self.version.maths is Maths.V3_5
            repaid = ceil_div(worth * BPS, bonus_bps) if up else percent_div(worth, bonus_bps)
        if not fee_bps:
            return Seizure(repaid, taken, 0)
        if down:
            fee = ceil_div((taken - taken * BPS // bonus_bps) * fee_bps, BPS)
        else:
            fee = percent_mul(taken - percent_div(taken, bonus_bps), fee_bps)
        return Seizure(repaid, taken - fee, fee)

    def leaves_dust(self, seizure: Seizure) -> bool:
        """Whether something of both sides would remain, and too little of either."""
        supplied, owed = self.supplied - seizure.taken, self.owed - seizure.repaid
        return supplied > 0 and owed > 0 and min(self.value(supplied), self.debt_value(owed)) < LEAST_LEFT


def percent_mul(value: int, bps: int) -> int:
    """`value * bps / 10000`, rounded half up."""
    return (value * bps + BPS // 2) // BPS


def percent_div(value: int, bps: int) -> int:
    """`value * 10000 / bps`, rounded half up."""
    return (value * BPS + bps // 2) // bps
