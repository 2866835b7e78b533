"""A market as the margin rule sees it: funding, margin requirements, and how much may be liquidated.

Source: PerpsMarket.sol and PerpsMarketConfiguration.sol of npm `@synthetixio/perps-market` 3.13.0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from aggregator.model.fixed_point import divide, multiply
from aggregator.model.rules import WAD

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Market:
    """One market; all with 18 decimals but times and seconds.

    `skew` is the net size of all positions. `funding_rate` is per day, as last recomputed at `funding_time`.
    `impact_ratio` and `minimum_ratio` make the initial margin ratio. `window_limit` is what may be liquidated
    within `window_seconds` (0: anything); `liquidated` what was of late, as (time, amount).
    """

    skew: int
    skew_scale: int
    max_funding_velocity: int
    funding_rate: int
    funding_time: int
    impact_ratio: int
    minimum_ratio: int
    maintenance_scalar: int
    flag_reward_ratio: int
    minimum_position_margin: int
    locked_oi_ratio: int
    window_limit: int
    window_seconds: int
    max_liquidation_pd: int
    liquidated: tuple[tuple[int, int], ...]

    def funding_velocity(self) -> int:
        """Change of the funding rate per day, per day (`currentFundingVelocity`)."""
        if self.skew_scale == 0:
            return 0
        share = max(-WAD, min(WAD, divide(self.skew, self.skew_scale)))
        return multiply(share, self.max_funding_velocity)

    def funding_rate_at(self, time: int) -> int:
        """The funding rate per day at a time (`currentFundingRate`); longs pay it where positive."""
        return self.funding_rate + multiply(self.funding_velocity(), self._days(time))

    def unrecorded_funding(self, price: int, time: int) -> int:
        """Funding per unit of size since `funding_time` (`unrecordedFunding`); longs receive a positive one.

        Raises ValueError on a time before `funding_time`.
        """
        average = -divide(self.funding_rate + self.funding_rate_at(time), 2 * WAD)
        return multiply(multiply(average, self._days(time)), price)

    def _days(self, time: int) -> int:
        if time < self.funding_time:
            raise ValueError(f"funding at {time} is asked for, but was recomputed at {self.funding_time}")
        return divide(time - self.funding_time, DAY_SECONDS)

    def initial_ratio(self, size: int) -> int:
        """Initial margin as a share of the notional (`calculateRequiredMargins`)."""
        impact = divide(abs(size), self.skew_scale) if self.skew_scale else 0
        return multiply(impact, self.impact_ratio) + self.minimum_ratio

    def initial_margin(self, size: int, price: int) -> int:
        """The margin that must be left by whoever withdraws, for a position of `size` != 0."""
        return multiply(multiply(abs(size), price), self.initial_ratio(size)) + self.minimum_position_margin

    def maintenance_ratio(self, size: int) -> int:
        """Maintenance margin as a share of the notional (`calculateRequiredMargins`)."""
        return multiply(self.initial_ratio(size), self.maintenance_scalar)

    def maintenance_margin(self, size: int, price: int) -> int:
        """The margin that a position of `size` != 0 has to keep."""
        notional = multiply(abs(size), price)
        return multiply(notional, self.maintenance_ratio(size)) + self.minimum_position_margin

    def flag_reward(self, size: int, price: int) -> int:
        """What flagging a position is worth (`calculateFlagReward`)."""
        return multiply(multiply(abs(size), price), self.flag_reward_ratio)

    def windows(self, size: int) -> int:
        """How many windows it takes to liquidate a position (`numberOfLiquidationWindows`)."""
        return -(-abs(size) // self.window_limit) if self.window_limit else 0

    def liquidatable_amount(self, size: int, time: int) -> int:
        """How much of a position may be liquidated now (`maxLiquidatableAmount`), as an absolute size.

        A lump of which only the sum is known counts until the last of it has left the window.
        """
        requested = abs(size)
        if self.window_limit == 0:
            return requested
        start = time - self.window_seconds
        used = sum(amount for when, amount in self.liquidated if when > start)
        if capacity := max(self.window_limit - used, 0):
            return min(capacity, requested)
        latest = max((when for when, _ in self.liquidated), default=0)
        if self.max_liquidation_pd and latest != time and self.skew_scale:
            discount = divide(abs(self.skew), self.skew_scale)
            return min(self.window_limit, requested) if discount < self.max_liquidation_pd else 0
        return 0

    def after(self, closed: int, time: int) -> Market:
        """The market once `closed` (signed as the position) is liquidated and funding is recomputed."""
        done = ((time, abs(closed)),) if closed and self.window_limit else ()
        return replace(
            self,
            skew=self.skew - closed,
            funding_rate=self.funding_rate_at(time),
            funding_time=time,
            liquidated=(*self.liquidated, *done),
        )
