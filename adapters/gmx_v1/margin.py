"""The liquidation test of GMX V1, exact.

Source: `validateLiquidation` and what it calls in VaultUtils.sol and Vault.sol of github
gmx-io/gmx-contracts at fe55c4ba, with the update of the funding rate that a liquidation begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Feed, Health, JsonValue
from aggregator.model.stored import feed_to_json

DECIMALS = 30
"""Of USD and of prices."""
BASIS_POINTS = 10_000
RATE_PRECISION = 1_000_000
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Funding:
    """The funding rate of a collateral token: what its borrowers pay, by whole intervals.

    `cumulative` with 6 decimals, as stored at `last_time`; `factor` with 6 decimals per interval at full
    use; `reserved` and `pool` in the token's smallest unit.
    """

    cumulative: int
    last_time: int
    interval: int
    factor: int
    reserved: int
    pool: int

    def __post_init__(self) -> None:
        if self.interval <= 0:
            raise ValueError(f"an interval of funding is positive, not {self.interval}")

    def pending(self, time: int) -> int:
        """What the next update adds at a time (`updateCumulativeFundingRate`).

        Nothing where the token was never borrowed: its first update only sets the clock.
        """
        if self.last_time == 0 or self.last_time + self.interval > time or self.pool == 0:
            return 0
        intervals = (time - self.last_time) // self.interval
        return self.factor * self.reserved * intervals // self.pool

    def rate(self, time: int) -> int:
        """The cumulative rate after an update at a time."""
        return self.cumulative + self.pending(time)

    def fee_24h(self, size: int) -> int:
        """What a position of this size pays in a day at the present use of the pool."""
        if self.pool == 0:
            return 0
        of_a_day = size * self.factor * self.reserved * DAY_SECONDS
        return of_a_day // (self.pool * self.interval * RATE_PRECISION)


@dataclass(frozen=True, slots=True)
class Terms:
    """The vault's settings: leverage and fees in basis points, `liquidation_fee` in USD.

    A profit below `min_profit_bps` of the size counts as none until `min_profit_time` seconds have passed.
    """

    max_leverage: int
    liquidation_fee: int
    margin_fee_bps: int
    min_profit_time: int
    min_profit_bps: int

    def __post_init__(self) -> None:
        if self.max_leverage <= 0:
            raise ValueError(f"the largest leverage is positive, not {self.max_leverage}")


@dataclass(frozen=True, slots=True)
class GmxRule:
    """The solvency test of one position; USD, rates and prices as the vault keeps them.

    The feed is the price that closes the position: the vault's lowest for a long, its highest for a short.
    Power is the collateral with profit or less loss. Requirement is the larger of all fees, the
    liquidator's included, and the size over the largest leverage, rounded up. Both in USD with 30 decimals.
    """

    family: ClassVar[str] = "gmx_v1"

    feed: Feed
    terms: Terms
    funding: Funding
    is_long: bool
    size: int
    collateral: int
    average_price: int
    entry_funding_rate: int
    last_increased_time: int

    def __post_init__(self) -> None:
        if self.size <= 0 or self.average_price <= 0:
            raise ValueError(f"a position of {self.size} at the price {self.average_price} is none")
        if self.entry_funding_rate > self.funding.cumulative:
            raise ValueError("a position's funding rate is beyond its token's")

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The index token's price."""
        return (self.feed,)

    def profit(self, price: int, time: int) -> int:
        """Profit at a price, loss below zero (`getDelta`): rounded towards zero, small early ones none."""
        gain = price - self.average_price if self.is_long else self.average_price - price
        delta = self.size * abs(gain) // self.average_price
        if gain <= 0:
            return -delta
        early = time <= self.last_increased_time + self.terms.min_profit_time
        least = self.terms.min_profit_bps if early else 0
        return 0 if delta * BASIS_POINTS <= self.size * least else delta

    def funding_fee(self, time: int) -> int:
        """Funding since the position was last changed, with the intervals that are not yet counted."""
        return self.size * (self.funding.rate(time) - self.entry_funding_rate) // RATE_PRECISION

    def margin_fees(self, time: int) -> int:
        """The fee of closing all of it, and funding."""
        kept = self.size * (BASIS_POINTS - self.terms.margin_fee_bps) // BASIS_POINTS
        return self.size - kept + self.funding_fee(time)

    def least_by_leverage(self) -> int:
        """The least power that the largest leverage allows."""
        return -(-self.size * BASIS_POINTS // self.terms.max_leverage)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The test at another price and a later time; raises UnusablePrice on a price <= 0."""
        price = prices[self.feed.asset]
        if price <= 0:
            raise UnusablePrice(self.feed.asset, self.feed.origin, price)
        power = self.collateral + self.profit(price, time)
        fees = self.margin_fees(time) + self.terms.liquidation_fee
        required = max(fees, self.least_by_leverage())
        return Health(power, required, DECIMALS, power * WAD // required, liquidatable=power < required)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for GmxFamily.load; amounts, prices and rates are decimal strings."""
        terms, funding = self.terms, self.funding
        return {
            "family": self.family,
            "feed": feed_to_json(self.feed),
            "terms": {
                "max_leverage": str(terms.max_leverage),
                "liquidation_fee": str(terms.liquidation_fee),
                "margin_fee_bps": terms.margin_fee_bps,
                "min_profit_time": str(terms.min_profit_time),
                "min_profit_bps": str(terms.min_profit_bps),
            },
            "funding": {
                "cumulative": str(funding.cumulative),
                "last_time": str(funding.last_time),
                "interval": str(funding.interval),
                "factor": str(funding.factor),
                "reserved": str(funding.reserved),
                "pool": str(funding.pool),
            },
            "is_long": self.is_long,
            "size": str(self.size),
            "collateral": str(self.collateral),
            "average_price": str(self.average_price),
            "entry_funding_rate": str(self.entry_funding_rate),
            "last_increased_time": str(self.last_increased_time),
        }
