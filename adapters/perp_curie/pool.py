"""What a market's pool and its terms of trade are: depth, fees, and how far a trade may move the price.

Source: `swap`, `settleFunding` and `_getPriceSpreadRatio` of Exchange.sol and `getMarketInfoByTrader` of
MarketRegistry.sol of npm `@perp/curie-contract` 2.8.4. Ratios are in millionths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.perp_curie.swap import MILLION, Depth
from aggregator.model.fixed_point import truncated
from aggregator.model.rules import WAD
from aggregator.pricing.concentrated import Q96

TICK_SECONDS = 15
"""The tick that a trade is measured from is kept so long (Exchange.sol's own constant)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The terms of trade of one trader in one market at the block.

    `exchange_fee` (the trader's own) is of the quote, `insurance_share` of that fee; `uniswap_fee` is what
    the pool itself takes and the exchange makes good. After a trade the pool's tick is at most `most_ticks`
    from the one that the exchange noted last, and its price within `most_spread` of the spot `index` (18
    decimals), or no further from it than before. `recent` are the ticks, other than the pool's present one,
    that may have been noted, each with the last second when that may have been; None where not known.
    """

    depth: Depth
    exchange_fee: int
    uniswap_fee: int
    insurance_share: int
    most_ticks: int
    most_spread: int
    index: int
    recent: tuple[tuple[int, int], ...] | None

    def __post_init__(self) -> None:
        ratios = (self.exchange_fee, self.uniswap_fee, self.insurance_share)
        if not all(0 <= one <= MILLION for one in ratios) or self.uniswap_fee == MILLION:
            raise ValueError(f"fees {ratios} of {MILLION}")
        if self.exchange_fee == MILLION or self.index <= 0 or self.most_ticks < 0 or self.most_spread < 0:
            raise ValueError(f"index {self.index}, at most {self.most_ticks} ticks, {self.most_spread}")

    def moved(self, root: int, price: int, present: int) -> Pool | None:
        """The same after the market went from one mark price to another; None where depth is not known."""
        if price == present:
            return self
        depth = self.depth.at(root)
        if depth is None:
            return None
        return replace(self, depth=depth, index=max(1, self.index * price // present), recent=())

    def noted(self, seconds: int, time: int) -> frozenset[int] | None:
        """The ticks that a trade at `time`, so long after the block, may be measured from."""
        if self.recent is None:
            return frozenset((self.depth.tick,)) if seconds >= TICK_SECONDS else None
        kept = (tick for tick, last in self.recent if last > time - TICK_SECONDS)
        return frozenset((self.depth.tick, *kept))

    def after(self, depth: Depth, time: int) -> Pool:
        """After a trade at `time`, which may have noted the tick before it."""
        last = {tick: at for tick, at in self.recent or () if at > time - TICK_SECONDS}
        last[self.depth.tick] = time
        last.pop(depth.tick, None)
        return replace(self, depth=depth, recent=tuple(sorted(last.items())))

    def spread(self, root: int) -> int:
        """The pool's price above the spot index."""
        price = (root * root // Q96) * WAD // Q96
        return truncated((price - self.index) * MILLION, self.index)

    def within_spread(self, before: int, after: int) -> bool:
        """Whether a trade may end at a root price."""
        had, has = self.spread(before), self.spread(after)
        return min(had, -self.most_spread) <= has <= max(had, self.most_spread)
