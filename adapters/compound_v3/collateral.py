"""A collateral in a comet: how much of it counts, what it is worth, and how much more there may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Feed


@dataclass(frozen=True, slots=True)
class Collateral:
    """One collateral of an account, in its smallest unit; factors have 18 decimals.

    `liquidate_factor` is what counts against debt, `liquidation_factor` what an absorption credits, and
    `borrow_factor` what a debt must be covered by after a withdrawal. `room` is how much more of it the comet
    takes (below zero: it is above its cap). Either is None where it was not read.
    """

    feed: Feed
    decimals: int
    balance: int
    liquidate_factor: int
    liquidation_factor: int
    borrow_factor: int | None = None
    room: int | None = None

    def with_more(self, raw: int) -> Collateral:
        """So much more of it in the comet, less below zero: below its cap there is so much less room."""
        room = None if self.room is None else self.room - raw
        return replace(self, balance=self.balance + raw, room=room)


def value_of(raw: int, price: int, decimals: int) -> int:
    """What an amount is worth with 8 decimals, rounded down."""
    return raw * price // int(10**decimals)


def credit_of(value: int, factor: int) -> int:
    """The part of a value that a factor with 18 decimals lets count, rounded down."""
    return value * factor // WAD


def usable(feed: Feed, prices: Mapping[AssetId, int]) -> int:
    """Its price; raises UnusablePrice on one <= 0."""
    price = prices[feed.asset]
    if price <= 0:
        raise UnusablePrice(feed.asset, feed.origin, price)
    return price
