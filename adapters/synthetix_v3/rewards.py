"""What keepers are paid for liquidating: a part of what an account has to keep.

Source: GlobalPerpsMarketConfiguration.sol of npm `@synthetixio/perps-market` 3.13.0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aggregator.model.fixed_point import multiply
from aggregator.model.rules import WAD


@dataclass(frozen=True, slots=True)
class Rewards:
    """Bounds of rewards, and what flagging and liquidating an account cost a keeper; USD, 18 decimals.

    `flag_costs[n]` is the cost of flagging one with n prices to update; the last is this account's.
    """

    minimum: int
    profit_ratio: int
    maximum: int
    scaling_ratio: int
    collateral_ratio: int
    flag_costs: tuple[int, ...]
    liquidate_cost: int

    @property
    def flag_cost(self) -> int:
        """What flagging this account costs."""
        return self.flag_costs[-1]

    def with_feeds(self, count: int) -> Rewards:
        """Those of the account once fewer prices are to be updated for it."""
        return replace(self, flag_costs=self.flag_costs[: count + 1])

    def least(self, cost: int) -> int:
        """`minimumKeeperRewardCap`."""
        return max(cost + self.minimum, multiply(cost, self.profit_ratio + WAD))

    def most(self, collateral: int) -> int:
        """`maximumKeeperRewardCap`; no collateral means that the account was flagged before."""
        if collateral == 0:
            return self.maximum
        return min(multiply(collateral, self.scaling_ratio), self.maximum)

    def reward(self, earned: int, cost: int, collateral: int) -> int:
        """`keeperReward`: what was earned and spent, within the bounds."""
        return min(max(self.least(cost), earned + cost), self.most(collateral))

    def for_collateral(self, value: int) -> int:
        """`calculateCollateralLiquidateReward`: the share of a collateral's worth."""
        return multiply(value, self.collateral_ratio)

    def whole(self, flag_rewards: int, windows: int, collateral: int) -> int:
        """`getPossibleLiquidationReward` of an account with positions, as `getRequiredMargins` has it."""
        earned = max(flag_rewards, self.for_collateral(collateral))
        first = self.reward(earned, self.flag_cost + self.liquidate_cost, collateral)
        return first + self.further(windows)

    def further(self, windows: int) -> int:
        """What the windows after the first one cost."""
        return self.reward(0, self.liquidate_cost, 0) * (windows - 1) if windows else 0

    def margin_only(self, collateral: int) -> int:
        """The reward for an account without positions, as `isEligibleForMarginLiquidation` has it."""
        cost = self.flag_cost + self.liquidate_cost
        return self.reward(self.for_collateral(collateral), cost, collateral)
