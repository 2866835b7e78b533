"""What decides a market's fees and limits, as the DataStore has it. USD, factors and prices have 30 decimals.

A price is USD for the smallest unit of a token. Names follow MarketUtils.sol of gmx-io/gmx-synthetics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.gmx_v2.fixed_point import FLOAT, apply_factor
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import Feed


@dataclass(frozen=True, slots=True)
class Side:
    """Longs or shorts of a market.

    Open interest in USD and in index tokens, of positions with the long and with the short token as
    collateral, as stored; borrowing and its settings; how large a part of the pool the profit of all may be.
    """

    open_interest_long: int
    open_interest_short: int
    tokens_long: int
    tokens_short: int
    cumulative_borrowing: int
    borrowing_updated_at: int
    borrowing_factor: int
    borrowing_exponent: int
    optimal_usage: int
    base_borrowing: int
    above_optimal_borrowing: int
    reserve_factor: int
    max_trader_pnl: int
    max_adl_pnl: int
    max_withdrawal_pnl: int
    total_borrowing: int


@dataclass(frozen=True, slots=True)
class Pool:
    """What the pool has, in the tokens' smallest units, and its pool of price impact, in index tokens.

    That one may pay more than it has: a part of the pool's value, and an amount in USD, may be lent to it.
    """

    long_amount: int
    short_amount: int
    impact_amount: int
    impact_minimum: int
    impact_rate: int
    impact_distributed_at: int
    impact_lent: int
    lendable_factor: int
    lendable_usd: int


@dataclass(frozen=True, slots=True)
class Funding:
    """How fast the larger side pays the smaller; `saved` is signed, longs pay above zero."""

    factor: int
    exponent: int
    increase: int
    decrease: int
    minimum: int
    maximum: int
    stable_threshold: int
    decrease_threshold: int
    updated_at: int
    saved: int


@dataclass(frozen=True, slots=True)
class Impact:
    """Price impact and its limits. `virtual` is the inventory that markets of one index share.

    It is signed, in USD or (where balance is counted in tokens) index tokens; None where there is none.
    """

    positive_factor: int
    negative_factor: int
    positive_exponent: int
    negative_exponent: int
    max_positive: int
    max_negative: int
    max_for_liquidations: int
    virtual: int | None


@dataclass(frozen=True, slots=True)
class Fees:
    """What closing costs where it improves and where it worsens the balance; who receives how much of it."""

    improved: int
    worsened: int
    liquidation: int
    min_collateral_factor: int
    min_collateral_usd: int
    position_receiver: int
    liquidation_receiver: int
    borrowing_receiver: int

    def __post_init__(self) -> None:
        if max(self.position_receiver, self.liquidation_receiver, self.borrowing_receiver) > FLOAT:
            raise ValueError("a receiver of more than the whole fee")


@dataclass(frozen=True, slots=True)
class Pair:
    """A price as the protocol has it: the lower and the higher one."""

    low: int
    high: int

    @property
    def mid(self) -> int:
        """Half way, rounded down."""
        return (self.low + self.high) // 2

    def for_pnl(self, *, is_long: bool, maximize: bool) -> int:
        """What a profit is counted at, to its owner's advantage or not."""
        return self.high if is_long == maximize else self.low


@dataclass(frozen=True, slots=True)
class Token:
    """A token's feed; `stable` is the price beside which the protocol puts what the feed says, or 0."""

    feed: Feed
    stable: int

    def __post_init__(self) -> None:
        if self.stable < 0:
            raise ValueError(f"a stable price of {self.stable}")

    def pair(self, prices: Mapping[AssetId, int]) -> Pair:
        """The protocol's pair at these prices; raises UnusablePrice on one <= 0."""
        price = prices[self.feed.asset]
        if price <= 0:
            raise UnusablePrice(self.feed.asset, self.feed.origin, price)
        if not self.stable:
            return Pair(price, price)
        return Pair(min(price, self.stable), max(price, self.stable))


@dataclass(frozen=True, slots=True)
class Prices:
    """The three prices of a market."""

    index: Pair
    long: Pair
    short: Pair


@dataclass(frozen=True, slots=True)
class Market:
    """A market at the block. `single` where its long and short token are one: each is then half of it.

    `tokens_for_balance`: longs and shorts are compared in index tokens instead of what was paid for them.
    `skip_smaller`: the smaller side pays no borrowing fees.
    """

    address: str
    name: str
    index: Token
    long: Token
    short: Token
    single: bool
    longs: Side
    shorts: Side
    pool: Pool
    funding: Funding
    impact: Impact
    fees: Fees
    tokens_for_balance: bool
    skip_smaller: bool
    disabled: bool

    @property
    def parts(self) -> int:
        """By how much stored amounts are divided (`getPoolDivisor`)."""
        return 2 if self.single else 1

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The prices that it depends on, each once."""
        return tuple({one.feed.asset: one.feed for one in (self.index, self.long, self.short)}.values())

    def prices(self, prices: Mapping[AssetId, int]) -> Prices:
        """The pairs at these prices; raises UnusablePrice on one <= 0."""
        return Prices(self.index.pair(prices), self.long.pair(prices), self.short.pair(prices))

    def side(self, is_long: bool) -> Side:
        """Longs or shorts."""
        return self.longs if is_long else self.shorts

    def open_interest(self, is_long: bool) -> int:
        """What was paid for all positions of a side, in USD."""
        one = self.side(is_long)
        return one.open_interest_long // self.parts + one.open_interest_short // self.parts

    def tokens(self, is_long: bool) -> int:
        """The size of all positions of a side, in index tokens."""
        one = self.side(is_long)
        return one.tokens_long // self.parts + one.tokens_short // self.parts

    def balance(self, is_long: bool, price: int) -> int:
        """What a side counts for in the market's balance, in USD."""
        return self.tokens(is_long) * price if self.tokens_for_balance else self.open_interest(is_long)

    def pool_usd(self, is_long: bool, prices: Prices) -> int:
        """What of the pool backs a side: the long token for longs, the short one for shorts, at least."""
        if is_long:
            return self.pool.long_amount // self.parts * prices.long.low
        return self.pool.short_amount // self.parts * prices.short.low

    def pnl(self, is_long: bool, prices: Prices, *, maximize: bool) -> int:
        """The profit of all positions of a side."""
        paid, tokens = self.open_interest(is_long), self.tokens(is_long)
        if not paid or not tokens:
            return 0
        value = tokens * prices.index.for_pnl(is_long=is_long, maximize=maximize)
        return value - paid if is_long else paid - value

    def capped(self, pnl: int, pool_usd: int, factor: int) -> int:
        """A profit of all, no more than a part of the pool."""
        return pnl if pnl < 0 else min(pnl, apply_factor(pool_usd, factor))
