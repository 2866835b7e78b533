"""What a trader has in one market, and what its price makes of it.

Source: AccountBalance.sol, OrderBook.sol, Exchange.sol and lib/Funding.sol of npm `@perp/curie-contract`
2.8.4, rounding included. Amounts have 18 decimals, root prices and growths 96 binary places.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.perp_curie.averages import Averages, Track, Window, caught_up
from adapters.perp_curie.pool import Pool
from adapters.perp_curie.uniswap import base_amount, moved, quote_amount
from aggregator.model.rules import WAD, Feed
from aggregator.pricing.concentrated import Q96, root_at_tick

DAY_SECONDS = 86_400
MILLION = 10**6
COLLATERAL_SECONDS = 900
"""Collateral counts at its price's mean of so long (Vault.sol's own constant)."""
MOST_DECIMALS = 77
"""The contracts raise 10 to them in 256 bits."""
DUST = 10
"""A position of less than so many units counts as none."""


def cut(numerator: int, denominator: int) -> int:
    """The quotient cut towards zero, as Solidity divides; `denominator` > 0."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


@dataclass(frozen=True, slots=True)
class RangeOrder:
    """A maker's liquidity between two ticks, and what was borrowed for it in base and quote."""

    lower: int
    upper: int
    liquidity: int
    base_debt: int
    quote_debt: int

    def base(self, root: int) -> int:
        """Base that is in the pool at a root price."""
        return base_amount(root, root_at_tick(self.lower), root_at_tick(self.upper), self.liquidity)

    def quote(self, root: int) -> int:
        """Quote that is in the pool at a root price, without fees."""
        return quote_amount(root, root_at_tick(self.lower), root_at_tick(self.upper), self.liquidity)

    def funding_growth(self, root: int, premium: int) -> int:
        """What one second of a premium (quote per base) adds to the order's funding before it is divided.

        The base that is in the pool pays: all of it below the range, none above.
        """
        lower, upper = root_at_tick(self.lower), root_at_tick(self.upper)
        if root >= upper:
            return 0
        if root < lower:
            return base_amount(root, lower, upper, self.liquidity) * premium
        return self.liquidity * (cut(premium * Q96, root) - cut(premium * Q96, upper))


@dataclass(frozen=True, slots=True)
class MarketState:
    """A trader's taker position and orders in one market.

    `feed` gives the price at which the protocol values the position: the mark price while the market is open,
    else the price at which it stopped. `root` is the pool's root price at the block. `funding` is what the
    trader owes at the block (received < 0), and `premium` the quote per base that a day of funding costs at
    the block's averages, with 96 binary places; 0 where the market has stopped. `pool` is what a trade
    depends on, None where that is not known. `averages` are what the mark is made of, None where not known.
    """

    base: str
    name: str
    feed: Feed
    is_open: bool
    size: int
    notional: int
    orders: tuple[RangeOrder, ...]
    root: int
    funding: int
    premium: int
    pool: Pool | None = None
    averages: Averages | None = None

    def __post_init__(self) -> None:
        if self.feed.price <= 0 or self.root <= 0:
            raise ValueError(f"{self.name}: a price of {self.feed.price} at a root price of {self.root}")

    def root_at(self, price: int) -> int:
        """The pool's root price where the mark price is another one: it moves in proportion."""
        return moved(self.root, price, self.feed.price)

    def window(self, price: int) -> Window:
        """What the mark goes through from a price on while nobody trades and the index stays.

        Without averages between it and the pool's own price, at which the mark ends.
        """
        if not self.is_open:
            return Window(price, price, price, 0, (self.premium, self.premium))
        if self.averages is not None:
            return self.averages.window.at(price)
        spot = (self.root * self.root // Q96) * WAD // Q96
        present = self.feed.price
        return Window(min(present, spot), max(present, spot), present, 0, (self.premium, self.premium)).at(
            price
        )

    def total_size(self, price: int) -> int:
        """The position with what the orders hold less what was borrowed for it (`getTotalPositionSize`)."""
        root = self.root_at(price)
        made = sum(order.base(root) - order.base_debt for order in self.orders)
        size = self.size + made
        return size if abs(size) >= DUST else 0

    def value(self, price: int) -> int:
        """What the position is worth (`getTotalPositionValue`)."""
        return cut(self.total_size(price) * price, WAD)

    def net_quote(self, price: int) -> int:
        """Quote of the position and its orders less what is owed: what closing the position adds to."""
        root = self.root_at(price)
        return self.notional + sum(order.quote(root) - order.quote_debt for order in self.orders)

    def profit(self, price: int) -> int:
        """Unrealised profit."""
        return self.value(price) + self.net_quote(price)

    def entry_price(self, price: int) -> int:
        """Quote per base; below zero where a maker is short and owes quote, `price` where nothing is held."""
        size, quote = self.total_size(price), self.net_quote(price)
        return cut(-quote * WAD if size > 0 else quote * WAD, abs(size)) if size else price

    def borrowed(self, price: int) -> int:
        """What is owed in base, at a price (a part of `getTotalDebtValue`)."""
        base = self.size - sum(order.base_debt for order in self.orders)
        return max(0, -base) * price // WAD

    def funding_growth(self) -> int:
        """What a second adds to the funding owed, before it is divided by Q96 and a day."""
        held = self.size - sum(order.base_debt for order in self.orders)
        return held * self.premium + sum(
            order.funding_growth(self.root, self.premium) for order in self.orders
        )

    def funding_after(self, seconds: int) -> int:
        """Funding owed so long after the block, with premium and pool price as they were."""
        return self.funding + cut(self.funding_growth() * seconds, Q96 * DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class Collateral:
    """A token that is counted with a haircut; `balance` in its smallest unit, ratios in millionths.

    `ratio` of its worth counts; it is sold for `discount` less than its price. `track` is its price over the
    time of which the feed is the mean, `room` how much more the vault takes of all: below zero
    where it is above its cap. None is not known.
    """

    feed: Feed
    name: str
    decimals: int
    balance: int
    ratio: int
    discount: int
    track: Track | None = None
    room: int | None = None

    def __post_init__(self) -> None:
        if self.balance < 0 or not all(
            0 <= one <= MOST_DECIMALS for one in (self.decimals, self.feed.decimals)
        ):
            raise ValueError(f"{self.name}: {self.balance} of {self.decimals}, {self.feed.decimals} decimals")
        if not all(0 <= one <= MILLION for one in (self.ratio, self.discount)):
            raise ValueError(f"{self.name}: ratios {self.ratio} and {self.discount} of {MILLION}")

    def with_more(self, raw: int) -> Collateral:
        """The same once the trader, and the vault, has so much more of it."""
        room = None if self.room is None else self.room - raw
        return replace(self, balance=self.balance + raw, room=room)

    def window(self, price: int) -> Window:
        """What the mean goes through from a price on while the last price stays."""
        if self.track is None:
            return Window(price, price, price, 0)
        return caught_up(self.track, COLLATERAL_SECONDS).at(price)

    def value(self, price: int) -> int:
        """What it adds to the account (`_getNonSettlementTokenValue`), 18 decimals."""
        return self.worth(price) * self.ratio // MILLION

    def worth(self, price: int) -> int:
        """What all of it is worth at a price (`_getSettlementByCollateral`), 18 decimals."""
        more, fewer = self._to_18()
        worth: int = self.balance * more * price // 10**self.feed.decimals // fewer
        return worth

    def amount_for(self, worth: int, price: int) -> int:
        """How much of it is worth so much (18 decimals) at a price (`_getCollateralBySettlement`)."""
        more, fewer = self._to_18()
        amount: int = -(-worth * fewer * 10**self.feed.decimals // price) // more
        return amount

    def _to_18(self) -> tuple[int, int]:
        """What an amount is multiplied with and divided by to have 18 decimals; one of them is 1."""
        return 10 ** max(0, 18 - self.decimals), 10 ** max(0, self.decimals - 18)
