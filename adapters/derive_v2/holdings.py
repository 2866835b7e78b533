"""What an account holds of one market, with all that its margin depends on but the prices of the feeds.

A market's spot price moves all of it: forwards and the perp's price follow at the distance that they had at
the block, as the contracts' own feeds store them. Volatilities are per strike and stay.
Source: LyraForwardFeed.sol, LyraSpotDiffFeed.sol and PerpAsset.sol of derivexyz/v2-core 7736900d.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.derive_v2.black76 import option_prices
from aggregator.model.fixed_point import multiply, truncated
from aggregator.model.rules import Feed
from aggregator.model.units import scaled

HOUR_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class OptionHeld:
    """A signed `amount` of one option; `strike` and `vol` (of that strike) with 18 decimals."""

    strike: int
    is_call: bool
    amount: int
    vol: int

    def payoff(self, price: int) -> int:
        """What it is worth at expiry."""
        difference = price - self.strike if self.is_call else self.strike - price
        return multiply(max(difference, 0), self.amount)


@dataclass(frozen=True, slots=True)
class Expiry:
    """The options of one expiry, in Unix seconds.

    The forward is `fixed`, which no price moves any more, and `variable` at the spot price of the block.
    `rate` is per year, `confidence` the least of the expiry's own feeds.
    """

    time: int
    fixed: int
    variable: int
    rate: int
    confidence: int
    options: tuple[OptionHeld, ...]

    def seconds(self, now: int) -> int:
        """Seconds to expiry, 0 afterwards."""
        return max(self.time - now, 0)

    def is_settled(self, now: int) -> bool:
        """Whether it is over and its settlement price is known, which is then the fixed part."""
        return self.time <= now and self.variable == 0

    def variable_at(self, then: int, spot: int) -> int:
        """The part of the forward that moves, at another spot price than `then`.

        While an average is being built the part follows in proportion: the time of the average's last
        update is in events only.
        """
        if self.fixed:
            return self.variable * spot // then
        return max(self.variable + spot - then, 0)


@dataclass(frozen=True, slots=True)
class PerpHeld:
    """A perpetual of signed `size`; prices, amounts and rates with 18 decimals.

    `gap` is the distance of the perp's price from the spot price; a `frozen` perp has its price for ever.
    `realised` and `applied` are profit and funding that wait to become cash. Funding per unit is
    `aggregated` at `funding_time`, of which the position has had `had`; it grows by `funding_rate` per hour.
    """

    size: int
    price: int
    gap: int
    frozen: bool
    confidence: int
    last_mark: int
    realised: int
    applied: int
    aggregated: int
    had: int
    funding_rate: int
    funding_time: int

    def price_at(self, spot: int) -> int:
        """The perp's price."""
        return self.price if self.frozen else max(spot + self.gap, 0)

    def profit(self, spot: int) -> int:
        """Profit by the price."""
        return multiply(self.price_at(spot) - self.last_mark, self.size) + self.realised

    def aggregated_at(self, spot: int, time: int) -> int:
        """Funding per unit since the perp began."""
        elapsed = max(time - self.funding_time, 0)
        return self.aggregated + multiply(truncated(self.funding_rate * elapsed, HOUR_SECONDS), spot)

    def funding(self, spot: int, time: int) -> int:
        """Funding, positive where received."""
        return self.applied - multiply(self.size, self.aggregated_at(spot, time) - self.had)

    def cash(self, spot: int, time: int) -> int:
        """All that settling brings (`getUnsettledAndUnrealizedCash`)."""
        return self.funding(spot, time) + self.profit(spot)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account holds of one market; `base` is collateral that counts at the spot price."""

    name: str
    spot: Feed
    confidence: int
    perp: PerpHeld | None
    base: int
    expiries: tuple[Expiry, ...]

    @property
    def perp_name(self) -> str:
        """The perp as people call it."""
        return f"{self.name}-PERP"

    def mark(self, expiry: Expiry, option: OptionHeld, spot: int, time: int, discount: int) -> int:
        """What one unit of an option is worth."""
        forward = expiry.fixed + expiry.variable_at(self.spot.price, spot)
        call, put = option_prices(expiry.seconds(time), option.vol, forward, option.strike, discount)
        return call if option.is_call else put

    def instrument(self, expiry: Expiry, option: OptionHeld) -> str:
        """An option as people call it."""
        day = datetime.fromtimestamp(expiry.time, UTC).strftime("%Y-%m-%d")
        strike = scaled(option.strike, 18).normalize()
        return f"{self.name} {day} {strike:f} {'call' if option.is_call else 'put'}"
