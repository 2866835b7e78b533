"""How a reserve's balances grow between its updates, wei by wei as the contracts compute it.

Rates and indices are rays (27 decimals), rates per year of 365 days; times are Unix seconds.
Source: MathUtils and WadRayMath of the releases named in versions.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.aave_v3.versions import Maths

RAY = 10**27
YEAR_SECONDS = 31_536_000


def ray_mul(a: int, b: int) -> int:
    """`a * b` for rays, rounded half up."""
    return (a * b + RAY // 2) // RAY


def ray_div(a: int, b: int) -> int:
    """`a / b` for rays, rounded half up."""
    return (a * RAY + b // 2) // b


def ceil_div(a: int, b: int) -> int:
    """`a / b` rounded up, for a >= 0 and b > 0."""
    return -(-a // b)


def linear(rate: int, seconds: int) -> int:
    """Growth of supply over a time, as a ray."""
    return RAY + rate * seconds // YEAR_SECONDS


def binomial_powers(rate: int) -> tuple[int, int]:
    """Second and third power of the rate per second as the contracts truncate them, as rays."""
    second = ray_mul(rate, rate) // YEAR_SECONDS**2
    return second, ray_mul(second, rate) // YEAR_SECONDS


def compound(maths: Maths, rate: int, seconds: int) -> int:
    """Growth of debt over a time, as a ray."""
    if seconds == 0:
        return RAY
    if maths is Maths.V3_0:
        second, third = binomial_powers(rate)
        pairs = seconds * (seconds - 1)
        triples = pairs * max(seconds - 2, 0)
        return RAY + rate * seconds // YEAR_SECONDS + pairs * second // 2 + triples * third // 6
    x = rate * seconds // YEAR_SECONDS
    return RAY + x + ray_mul(x, x // 2 + ray_mul(x, x // 6))


@dataclass(frozen=True, slots=True)
class Accrual:
    """A reserve's indices and rates since its last update."""

    liquidity_index: int
    liquidity_rate: int
    borrow_index: int
    borrow_rate: int
    updated_at: int

    def supply_index_at(self, time: int) -> int:
        """What a scaled unit of supply is worth, as a ray."""
        return ray_mul(linear(self.liquidity_rate, time - self.updated_at), self.liquidity_index)

    def borrow_index_at(self, maths: Maths, time: int) -> int:
        """What a scaled unit of variable debt is worth, as a ray."""
        return ray_mul(compound(maths, self.borrow_rate, time - self.updated_at), self.borrow_index)

    def supplied(self, maths: Maths, scaled: int, time: int) -> int:
        """An aToken balance in the underlying's smallest unit."""
        amount = scaled * self.supply_index_at(time)
        return amount // RAY if maths is Maths.V3_5 else (amount + RAY // 2) // RAY

    def owed(self, maths: Maths, scaled: int, time: int) -> int:
        """Variable debt in the underlying's smallest unit."""
        amount = scaled * self.borrow_index_at(maths, time)
        return ceil_div(amount, RAY) if maths is Maths.V3_5 else (amount + RAY // 2) // RAY

    def scaled_supply(self, maths: Maths, amount: int, time: int) -> int:
        """What an amount takes off a scaled aToken balance."""
        index = self.supply_index_at(time)
        return ceil_div(amount * RAY, index) if maths is Maths.V3_5 else ray_div(amount, index)

    def scaled_debt(self, maths: Maths, amount: int, time: int) -> int:
        """What an amount repaid takes off scaled variable debt."""
        index = self.borrow_index_at(maths, time)
        return amount * RAY // index if maths is Maths.V3_5 else ray_div(amount, index)

    def updated(self, maths: Maths, time: int) -> Accrual:
        """The reserve as an operation at that time leaves it, but for the rates, which stay as they were."""
        return replace(
            self,
            liquidity_index=self.supply_index_at(time),
            borrow_index=self.borrow_index_at(maths, time),
            updated_at=time,
        )


@dataclass(frozen=True, slots=True)
class StableDebt:
    """Debt at a rate of its own, until V3.1: the principal at `updated_at`."""

    principal: int
    rate: int
    updated_at: int

    def owed(self, time: int) -> int:
        """The debt with interest in the underlying's smallest unit."""
        return ray_mul(self.principal, compound(Maths.V3_0, self.rate, time - self.updated_at))
