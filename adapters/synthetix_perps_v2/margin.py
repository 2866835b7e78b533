"""The liquidation test of Synthetix Perps V2, exact.

Source: `_canLiquidate` and what it calls in PerpsV2MarketBase.sol of npm `synthetix` 2.102.1, rounding
included. Equal to the wei in the tests, which ask the real contracts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.rules import WAD, Feed, Health, JsonValue

DECIMALS = 18
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class MarketState:
    """What the test takes from the market and its settings; all with 18 decimals but the time.

    `skew` is the net size of all positions in units of the asset. `funding_rate` is per day, as last
    recomputed at `funding_time` (Unix seconds); it grows by up to `max_funding_velocity` per day, in
    proportion to `skew / skew_scale`. Ratios are of the notional, fees in sUSD.
    """

    skew: int
    skew_scale: int
    max_funding_velocity: int
    funding_rate: int
    funding_time: int
    premium_multiplier: int
    buffer_ratio: int
    fee_ratio: int
    min_keeper_fee: int
    max_keeper_fee: int
    keeper_liquidation_fee: int

    def __post_init__(self) -> None:
        if self.skew_scale <= 0:
            raise ValueError(f"a market's skew scale is positive, not {self.skew_scale}")

    def funding_velocity(self) -> int:
        """Change of the funding rate per day, per day (`_currentFundingVelocity`)."""
        share = max(-WAD, min(WAD, divide(self.skew, self.skew_scale)))
        return multiply(share, self.max_funding_velocity)

    def funding_rate_at(self, time: int) -> int:
        """The funding rate per day at a time (`_currentFundingRate`); longs pay it where positive."""
        return self.funding_rate + multiply(self.funding_velocity(), self._days(time))

    def unrecorded_funding(self, price: int, time: int) -> int:
        """Funding in sUSD per unit of size since `funding_time` (`_unrecordedFunding`).

        Positive is received by longs. Raises ValueError on a time before `funding_time`.
        """
        average = -divide(self.funding_rate + self.funding_rate_at(time), 2 * WAD)
        return multiply(multiply(average, self._days(time)), price)

    def _days(self, time: int) -> int:
        if time < self.funding_time:
            raise ValueError(f"funding at {time} is asked for, but was recomputed at {self.funding_time}")
        return divide(time - self.funding_time, DAY_SECONDS)

    def liquidation_premium(self, size: int, price: int) -> int:
        """What closing the position costs by its own impact on the price (`_liquidationPremium`)."""
        notional = multiply(abs(size), price)
        return multiply(multiply(divide(abs(size), self.skew_scale), notional), self.premium_multiplier)

    def liquidation_fee(self, size: int, price: int) -> int:
        """What the flagger gets: a share of the notional within bounds (`_liquidationFee`)."""
        share = multiply(multiply(abs(size), price), self.fee_ratio)
        return max(min(share, self.max_keeper_fee), self.min_keeper_fee)

    def liquidation_margin(self, size: int, price: int) -> int:
        """The margin at which a position is liquidated (`_liquidationMargin`)."""
        buffer = multiply(multiply(abs(size), price), self.buffer_ratio)
        return buffer + self.liquidation_fee(size, price) + self.keeper_liquidation_fee


@dataclass(frozen=True, slots=True)
class PerpsV2Rule:
    """The solvency test of one margin account; all with 18 decimals.

    `size` is signed in units of the asset; `margin` in sUSD and `last_price` are as last settled, and
    `settled_funding` is the funding per unit that was recorded since. A `flagged` position can be
    liquidated at any price. Power is the margin with profit and funding less the liquidation premium,
    requirement the liquidation margin; both are in sUSD, and health is their ratio rounded down.
    """

    family: ClassVar[str] = "synthetix_perps_v2"

    feed: Feed
    market: MarketState
    size: int
    margin: int
    last_price: int
    settled_funding: int
    flagged: bool

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The market's asset price."""
        return (self.feed,)

    def profit_loss(self, price: int) -> int:
        """Unrealised profit in sUSD since the last settlement (`_profitLoss`)."""
        return multiply(self.size, price - self.last_price)

    def accrued_funding(self, price: int, time: int) -> int:
        """Funding in sUSD since the last settlement, positive where received (`_accruedFunding`)."""
        return multiply(self.size, self.settled_funding + self.market.unrecorded_funding(price, time))

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The test at another price and a later time; raises UnusablePrice on a price <= 0.

        Without a position nothing is required. Raises ValueError on a time before the market's last one.
        """
        price = prices[self.feed.asset]
        if price <= 0:
            raise UnusablePrice(self.feed.asset, self.feed.origin, price)
        margin = self.margin + self.profit_loss(price) + self.accrued_funding(price, time)
        if self.size == 0:
            return Health(margin, 0, DECIMALS, None, liquidatable=False)
        power = margin - self.market.liquidation_premium(self.size, price)
        required = self.market.liquidation_margin(self.size, price)
        return Health(
            power=power,
            requirement=required,
            decimals=DECIMALS,
            health=power * WAD // required if required else None,
            # The contract cuts the margin off at zero before it compares.
            liquidatable=self.flagged or max(power, 0) <= required,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """Data for PerpsV2Family.load; amounts, prices and ratios are decimal strings."""
        feed, market = self.feed, self.market
        return {
            "family": self.family,
            "asset": feed.asset,
            "oracle": feed.oracle.value,
            "price": str(feed.price),
            "price_decimals": feed.decimals,
            "price_origin": feed.origin,
            "market": {
                "skew": str(market.skew),
                "skew_scale": str(market.skew_scale),
                "max_funding_velocity": str(market.max_funding_velocity),
                "funding_rate": str(market.funding_rate),
                "funding_time": market.funding_time,
                "premium_multiplier": str(market.premium_multiplier),
                "buffer_ratio": str(market.buffer_ratio),
                "fee_ratio": str(market.fee_ratio),
                "min_keeper_fee": str(market.min_keeper_fee),
                "max_keeper_fee": str(market.max_keeper_fee),
                "keeper_liquidation_fee": str(market.keeper_liquidation_fee),
            },
            "size": str(self.size),
            "margin": str(self.margin),
            "last_price": str(self.last_price),
            "settled_funding": str(self.settled_funding),
            "flagged": self.flagged,
        }
