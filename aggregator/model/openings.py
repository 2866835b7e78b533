"""Perps that could be opened in an account: what a venue was asked of markets without a position."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.assets import Asset
from aggregator.model.positions import Perp
from aggregator.model.readings import Quote
from aggregator.model.rules import Feed


@dataclass(frozen=True, slots=True)
class Opening:
    """A perp of no size that its account's rule can tell a Trade of.

    Its size is a multiple of `step_raw`, > 0, in the perp's units, and at most `most_raw` on either side
    (None: only the rule tells). Fee, fill and initial margin are what the rule answers to the Trade: it is
    Refused while the account has too little margin, which is posted in the perp's settlement token.
    `quotes` are prices of its index and settlement token, for assets that nobody else quotes.
    """

    perp: Perp
    quotes: tuple[Quote, ...]
    step_raw: int = 1
    most_raw: int | None = None

    @classmethod
    def at(
        cls,
        market: str,
        feed: Feed,
        *,
        underlying: str,
        settlement: Asset,
        size_decimals: int,
        price_decimals: int,
        origin: str,
        further: tuple[Quote, ...] = (),
        most_raw: int | None = None,
    ) -> Opening:
        """The perp of no size at a feed's price, which is its index; `further` are quotes beside that."""
        perp = Perp(
            market=market,
            index=feed.asset,
            underlying=underlying,
            size_raw=0,
            size_decimals=size_decimals,
            entry_price_raw=feed.price,
            mark_price_raw=feed.price,
            price_decimals=price_decimals,
            pnl_raw=0,
            funding_raw=0,
            settlement=settlement,
            origin=origin,
            funding_24h_raw=None,
        )
        quote = Quote(feed.asset, feed.price, feed.decimals, feed.origin)
        return cls(perp, (quote, *further), most_raw=most_raw)

    def __post_init__(self) -> None:
        if self.perp.size_raw or self.step_raw <= 0 or (self.most_raw is not None and self.most_raw < 0):
            raise ValueError(f"{self.perp.market}: {self.perp.size_raw} open, in steps of {self.step_raw}")
