"""A market's totals and how interest, shares and assets follow from them, wei by wei as Morpho.sol computes.

Rates, fees and factors have 18 decimals; assets and shares are integers in their smallest unit.
Source: Morpho.sol, MathLib and SharesMathLib of npm @morpho-org/morpho-blue 1.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aggregator.model.rules import WAD

YEAR_SECONDS = 31_536_000
VIRTUAL_SHARES = 10**6
VIRTUAL_ASSETS = 1


def mul_div_up(x: int, y: int, d: int) -> int:
    """`x * y / d` rounded up, for x, y >= 0 and d > 0."""
    return -(-x * y // d)


def growth(rate: int, seconds: int) -> int:
    """e^(rate * seconds) - 1 by the first three terms of its series, each rounded down."""
    first = rate * seconds
    second = first * first // (2 * WAD)
    third = second * first // (3 * WAD)
    return first + second + third


@dataclass(frozen=True, slots=True)
class MarketState:
    """What `market(id)` answers, with the rate that its interest rate model gives.

    `borrow_rate` is per second and counts from `updated_at` (Unix seconds); 0 where there is no model.
    """

    supply_assets: int
    supply_shares: int
    borrow_assets: int
    borrow_shares: int
    updated_at: int
    fee: int
    borrow_rate: int

    def interest(self, time: int) -> int:
        """What borrowers owe at a time beyond the stored total."""
        return self.borrow_assets * growth(self.borrow_rate, time - self.updated_at) // WAD

    def fee_shares(self, time: int) -> int:
        """Supply shares that the fee recipient gets with that interest: everybody else's are worth less."""
        interest = self.interest(time)
        fee_assets = interest * self.fee // WAD
        # The fee is taken off the total again, which holds the whole interest by then.
        others = self.supply_assets + interest - fee_assets
        return fee_assets * (self.supply_shares + VIRTUAL_SHARES) // (others + VIRTUAL_ASSETS)

    def accrued(self, time: int) -> MarketState:
        """The market with interest added, as every operation does first; `time` not before `updated_at`."""
        interest = self.interest(time)
        return replace(
            self,
            supply_assets=self.supply_assets + interest,
            supply_shares=self.supply_shares + self.fee_shares(time),
            borrow_assets=self.borrow_assets + interest,
            updated_at=time,
        )

    def supplied(self, shares: int) -> int:
        """Assets that supply shares can be withdrawn for."""
        return shares * (self.supply_assets + VIRTUAL_ASSETS) // (self.supply_shares + VIRTUAL_SHARES)

    def owed(self, shares: int) -> int:
        """Assets that borrow shares have to be repaid with."""
        return mul_div_up(shares, self.borrow_assets + VIRTUAL_ASSETS, self.borrow_shares + VIRTUAL_SHARES)

    def owed_down(self, shares: int) -> int:
        """The same rounded down, as a liquidator's repayment is valued."""
        return shares * (self.borrow_assets + VIRTUAL_ASSETS) // (self.borrow_shares + VIRTUAL_SHARES)

    def repaid_shares(self, assets: int) -> int:
        """Borrow shares that so many assets repay."""
        return assets * (self.borrow_shares + VIRTUAL_SHARES) // (self.borrow_assets + VIRTUAL_ASSETS)

    def repaid_shares_up(self, assets: int) -> int:
        """The same rounded up, as for collateral that is seized."""
        return mul_div_up(assets, self.borrow_shares + VIRTUAL_SHARES, self.borrow_assets + VIRTUAL_ASSETS)

    @property
    def borrow_apr(self) -> float:
        """What debt costs per year, not compounded, as a fraction."""
        return self.borrow_rate * YEAR_SECONDS / WAD

    @property
    def supply_apr(self) -> float:
        """What supply earns per year after the fee, not compounded, as a fraction."""
        if not self.supply_assets:
            return 0.0
        return self.borrow_apr * (self.borrow_assets / self.supply_assets) * (1 - self.fee / WAD)
