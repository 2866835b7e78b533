"""What a market's liquidity pool is worth, as a function of the spot price.

Source: `getLiquidity` of LiquidityPool.sol and `getHedgingLiquidity` of the hedgers of @lyrafinance/protocol
0.1.3-alpha (Avalon) and of derivexyz/v1-core at ea9e36a (Newport). All numbers have 18 decimals.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from aggregator.model.fixed_point import divide, multiply
from aggregator.model.rules import WAD

WORTHLESS_POOL = "OptionValueDebtExceedsTotalAssets"
NEGATIVE_ASSETS = "NegativeTotalAssetValue"


class WorthlessPool(ValueError):
    """The pool's net value is not positive, so that the contract reverts; the message is its reason."""


class Pool(NamedTuple):
    """An Avalon pool, whose hedger holds base or is short of a synth.

    `rest` is what does not depend on the spot price; base and a long hedge are worth it, a short hedge its
    collateral less what it owes.
    """

    rest: int
    base: int
    hedge_base: int
    hedge_short: int
    hedge_collateral: int

    def value(self, spot: int) -> int:
        """Net value in quote; raises WorthlessPool where it is negative."""
        hedge = multiply(self.hedge_base, spot) + max(
            self.hedge_collateral - multiply(self.hedge_short, spot), 0
        )
        found = self.rest + multiply(self.base, spot) + hedge
        if found < 0:
            raise WorthlessPool(WORTHLESS_POOL)
        return found


class NewportPool(NamedTuple):
    """A Newport pool, whose hedger has perpetual futures.

    `assets` is what does not depend on the spot price, less what is owed but for options; `debt` is what
    options are worth to traders, `protected` what the pool keeps before it pays them. A hedge is worth
    `long_value` (or `short_value`) at the spot price `at` and moves by its delta from there, but not below
    nothing: a venue's own price is taken to move in proportion to the market's.
    """

    assets: int
    base: int
    debt: int
    protected: int
    at: int
    long_value: int = 0
    long_delta: int = 0
    short_value: int = 0
    short_delta: int = 0

    @property
    def hedges(self) -> tuple[tuple[int, int], ...]:
        """(value at the block, delta) of the long and the short one."""
        return (self.long_value, self.long_delta), (self.short_value, self.short_delta)

    def value(self, spot: int) -> int:
        """Net value in quote; raises WorthlessPool where the pool owes more than it has beside options.

        What traders are owed beyond all that is not protected is cut, so that options can't exceed it.
        """
        total = self.total(spot)
        if total < 0:
            raise WorthlessPool(NEGATIVE_ASSETS)
        if self.debt < 0:
            return total - self.debt
        available = total - self.protected
        if available < 0:
            return total
        scale = WAD if available >= self.debt else divide(available, self.debt)
        return total - multiply(self.debt, scale)

    def total(self, spot: int) -> int:
        """All that the pool has but what options are worth."""
        hedge = sum(max(value + multiply(delta, spot - self.at), 0) for value, delta in self.hedges)
        return self.assets + multiply(self.base, spot) + hedge


AnyPool: TypeAlias = Pool | NewportPool
