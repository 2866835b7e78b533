"""One pool as far as it was read, and what selling into it brings, to the smallest unit.

Source: `swap` of UniswapV3Pool.sol and `nextInitializedTickWithinOneWord` of TickBitmap.sol of npm
`@uniswap/v3-core` 1.0.1, and `exactInputSingle` of SwapRouter.sol of `@uniswap/v3-periphery` 1.0.0.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import ClassVar

from adapters.uniswap_v3.calls import SELL
from aggregator.contract import approval, token_address
from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount, JsonValue, Refused
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address, ChainId
from aggregator.pricing.concentrated import (
    MAX_ROOT,
    MAX_TICK,
    MIN_ROOT,
    root_at_tick,
    swap_step,
    tick_at_root,
)

WORD = 256
"""Usable ticks that one word of a pool's bitmap tells of: a step of a swap ends with them."""
_MOST = 2**255
_tick = itemgetter(0)


@dataclass(frozen=True, slots=True)
class UniswapMarket:
    """A pool: `assets` are its token 0 and 1, `fee` in millionths.

    `root` is the root price with 96 binary places, `tick` the pool's own tick there, `liquidity` what is in
    range. `ticks` are the initialised ones, each with the liquidity that comes in where the price rises
    through it, of the bitmap's words from the first to the last of `words`; what lies beyond is not known.
    `router` is None where none is configured.
    """

    family: ClassVar[str] = "uniswap_v3"

    chain: ChainId
    pool: Address
    router: Address | None
    assets: tuple[AssetId, AssetId]
    label: str
    fee: int
    spacing: int
    root: int
    tick: int
    liquidity: int
    words: tuple[int, int]
    ticks: tuple[tuple[int, int], ...]

    def swap(self, sold: Amount) -> Swapped | Refused:
        """See SpotMarket: exact, as the router sells into the pool without a limit of the price.

        Refused, too, where the price leaves what was read. A token that takes a fee of transfers is no market
        here: the router reverts.
        """
        if sold.asset not in self.assets:
            return Refused(f"{self.label} does not trade {sold.asset}")
        if not 0 < sold.raw < _MOST:
            return Refused("AS: what is sold must be above zero and fit into 255 bits")
        sells_0 = sold.asset == self.assets[0]
        limit = MIN_ROOT + 1 if sells_0 else MAX_ROOT - 1
        root, tick, liquidity, left, received = self.root, self.tick, self.liquidity, sold.raw, 0
        while left and root != limit:
            ahead = self._ahead(tick, down=sells_0)
            if ahead is None:
                return Refused(f"{self.label} was not read beyond a tick of {tick}: sell less at once")
            border, net = ahead
            border_root = root_at_tick(border)
            target = max(border_root, limit) if sells_0 else min(border_root, limit)
            step = swap_step(root, target, liquidity, left, self.fee)
            left -= step.paid + step.fee
            received += step.received
            if step.root == border_root:
                liquidity += -net if sells_0 else net
                tick = border - 1 if sells_0 else border
            elif step.root != root:
                tick = tick_at_root(step.root)
            root = step.root
        if left:
            return Refused(f"{self.label} lacks the depth: {left} of {sold.raw} would stay unsold")
        if not received:
            return Refused(f"{self.label} gives nothing for so little")
        bought = self.assets[1] if sells_0 else self.assets[0]
        after = replace(self, root=root, tick=tick, liquidity=liquidity)
        return Swapped(Amount(bought, received), after)

    def _ahead(self, tick: int, *, down: bool) -> tuple[int, int] | None:
        """Where the next step ends at most, and what liquidity comes in there where the price rises.

        It ends at the next initialised tick within one word, else with the word. None where that word was not
        read.
        """
        place = tick // self.spacing if down else tick // self.spacing + 1
        word = place // WORD
        if not self.words[0] <= word <= self.words[1]:
            return None
        edge = (word * WORD if down else word * WORD + WORD - 1) * self.spacing
        if down:
            i = bisect_right(self.ticks, place * self.spacing, key=_tick) - 1
            if i >= 0 and self.ticks[i][0] >= edge:
                return self.ticks[i]
            return max(edge, -MAX_TICK), 0
        i = bisect_left(self.ticks, place * self.spacing, key=_tick)
        if i < len(self.ticks) and self.ticks[i][0] <= edge:
            return self.ticks[i]
        return min(edge, MAX_TICK), 0

    def calls(
        self, sold: Amount, least: Amount, sender: Address, deadline: int
    ) -> Sequence[UnsignedCall] | Untold:
        """See SpotMarket: an approval of exactly what is sold, and the sale; `sender` gets what it brings.

        Raises ValueError where the pool does not give the one for the other.
        """
        if {sold.asset, least.asset} != set(self.assets):
            raise ValueError(f"{self.label} does not give {least.asset} for {sold.asset}")
        if self.router is None:
            return Untold(f"no router of {self.label} is configured: name it as `router` of the deployment")
        order = (
            token_address(sold.asset),
            token_address(least.asset),
            self.fee,
            sender,
            deadline,
            sold.raw,
            least.raw,
            0,  # no limit of the price but `least`
        )
        said = (
            f"Sell {sold.raw} of the smallest unit of {sold.asset} for at least {least.raw} of {least.asset}"
        )
        data = SELL.at(self.router, order).data
        return (
            approval(sold.asset, self.router, sold.raw),
            UnsignedCall(self.router, data, 0, f"{said} on {self.label}"),
        )

    def to_json(self) -> dict[str, JsonValue]:
        """See SpotMarket."""
        return {
            "family": self.family,
            "chain": self.chain,
            "pool": self.pool,
            "router": self.router,
            "assets": list(self.assets),
            "label": self.label,
            "fee": self.fee,
            "spacing": self.spacing,
            "root": str(self.root),
            "tick": self.tick,
            "liquidity": str(self.liquidity),
            "words": list(self.words),
            "ticks": [[tick, str(net)] for tick, net in self.ticks],
        }
