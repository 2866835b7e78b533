"""The solvency test of a naked margin vault (type 1), exact.

Source: `isLiquidatable` and `_getMarginRequired` in MarginCalculator.sol of github opynfinance/GammaProtocol,
rounding included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from adapters.opyn_gamma.fixed_point import OPTION_DECIMALS, from_scaled, to_scaled
from adapters.opyn_gamma.requirement import NO_LEG, Leg, Prices, naked, settled
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Feed, Health, JsonValue
from aggregator.model.stored import feed_to_json


class Bound(NamedTuple):
    """The product's highest price of an option (27 decimals) at most so many seconds before expiry."""

    seconds: int
    value: int


@dataclass(frozen=True, slots=True)
class NakedVaultRule:
    """One naked vault: `leg` written options of a product against `collateral` in its smallest unit.

    Feeds have 8 decimals. `shock` (27 decimals) and `bounds` (ascending, the last one reaching the time of
    reading) are the product's. Before expiry the test depends on the underlying's price alone; power and
    requirement are the collateral and what is asked of it in USD, and health is their ratio in the
    collateral's units. From expiry on nothing can liquidate the vault: the requirement is what it owes at
    the given prices, as if they were those of the expiry.
    """

    family: ClassVar[str] = "opyn_gamma"

    is_put: bool
    leg: Leg
    expiry: int
    collateral: int
    collateral_decimals: int
    shock: int
    bounds: tuple[Bound, ...]
    underlying_feed: Feed
    strike_feed: Feed
    collateral_feed: Feed

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """Prices of underlying, strike asset and collateral, each asset once."""
        found = (self.underlying_feed, self.strike_feed, self.collateral_feed)
        return tuple({feed.asset: feed for feed in found}.values())

    def prices_at(self, prices: Mapping[AssetId, int]) -> Prices:
        """The three prices; raises UnusablePrice on one <= 0."""
        for feed in self.feeds:
            if prices[feed.asset] <= 0:
                raise UnusablePrice(feed.asset, feed.origin, prices[feed.asset])
        return Prices(
            prices[self.underlying_feed.asset],
            prices[self.strike_feed.asset],
            prices[self.collateral_feed.asset],
        )

    def required(self, at: Prices, time: int) -> int:
        """Collateral that is asked for, in its smallest unit, rounded up as the contract does.

        Raises ValueError at a time so early that the product has no bound for it.
        """
        if not self.leg.size:
            return 0
        if time < self.expiry:
            exact = naked(
                self.leg,
                is_put=self.is_put,
                bound=self._bound(self.expiry - time),
                shock=self.shock,
                underlying=at.underlying,
            )
        else:
            assets = (self.underlying_feed.asset, self.strike_feed.asset, self.collateral_feed.asset)
            exact = settled(self.leg, NO_LEG, is_put=self.is_put, assets=assets, prices=at)
        return to_scaled(exact, self.collateral_decimals, up=True)

    def _bound(self, seconds: int) -> int:
        for bound in self.bounds:
            if bound.seconds >= seconds:
                return bound.value
        raise ValueError(f"no upper bound {seconds} s before expiry; this rule was read later than that")

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """The test at a round of these prices; raises UnusablePrice on a price <= 0.

        A vault is liquidatable where it lacks a unit of collateral. Rounds before the present one, at which
        a liquidator may still liquidate it, are not looked at.
        """
        at = self.prices_at(prices)
        required = self.required(at, time)
        return Health(
            power=self.collateral * at.collateral,
            requirement=required * at.collateral,
            decimals=self.collateral_decimals + OPTION_DECIMALS,
            health=self.collateral * WAD // required if required else None,
            liquidatable=self.collateral < required and time < self.expiry,
        )

    @property
    def deposited(self) -> int:
        """The collateral with 27 decimals."""
        return from_scaled(self.collateral, self.collateral_decimals)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for OpynFamily.load."""
        return {
            "family": self.family,
            "is_put": self.is_put,
            "size": str(self.leg.size),
            "strike": str(self.leg.strike),
            "expiry": str(self.expiry),
            "collateral": str(self.collateral),
            "collateral_decimals": self.collateral_decimals,
            "shock": str(self.shock),
            "bounds": [{"seconds": str(b.seconds), "value": str(b.value)} for b in self.bounds],
            "underlying_feed": feed_to_json(self.underlying_feed),
            "strike_feed": feed_to_json(self.strike_feed),
            "collateral_feed": feed_to_json(self.collateral_feed),
        }
