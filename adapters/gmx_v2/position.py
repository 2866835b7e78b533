"""One position: profit, fees and what is left of its collateral.

Source: PositionUtils.sol (`getPositionPnlUsd`, `isPositionLiquidatable`) and PositionPricingUtils.sol
(`getPositionFees`) of github gmx-io/gmx-synthetics. What accrued is settled first, as a liquidation does.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.gmx_v2.accrual import PER_SIZE, cumulative_borrowing, funding_delta
from adapters.gmx_v2.fixed_point import apply_factor, round_up
from adapters.gmx_v2.impact import closing_impact, limited, pending_usd
from adapters.gmx_v2.state import Market, Pair, Prices


@dataclass(frozen=True, slots=True)
class Position:
    """A position as the protocol has it. `funding` and the claims come in pairs: the market's for a unit of
    size as last settled, less the position's own, with 45 decimals; so does `borrowing_factor`, its own.

    `discount` is the larger of a referral code's and a professional tier's, with 30 decimals.
    """

    is_long: bool
    collateral_is_long: bool
    size_usd: int
    size_tokens: int
    collateral: int
    pending_impact: int
    borrowing_factor: int
    funding: int
    claim_long: int
    claim_short: int
    discount: int

    def __post_init__(self) -> None:
        least = (self.collateral, self.borrowing_factor, self.funding, self.claim_long, self.claim_short)
        if self.size_usd <= 0 or self.size_tokens <= 0 or min(least) < 0:
            raise ValueError(f"no position that could be: {self}")
        if not 0 <= self.discount <= 10**30:
            raise ValueError(f"a discount of {self.discount}")


@dataclass(frozen=True, slots=True)
class Accrued:
    """Fees since the position was last changed: borrowing in USD, funding and claims in token units."""

    borrowing_usd: int
    funding: int
    claim_long: int
    claim_short: int


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of closing whole, in the collateral's smallest unit, but `borrowing_usd`."""

    position: int
    discount: int
    borrowing: int
    funding: int
    borrowing_usd: int

    @property
    def without_funding(self) -> int:
        """Closing and borrowing fees, less the discount."""
        return self.position + self.borrowing - self.discount

    @property
    def total(self) -> int:
        """All of them."""
        return self.without_funding + self.funding


@dataclass(frozen=True, slots=True)
class Remaining:
    """What decides a liquidation, in USD with 30 decimals."""

    collateral_usd: int
    pnl_usd: int
    impact_usd: int
    costs: Costs
    costs_usd: int

    @property
    def usd(self) -> int:
        """What would be left of the collateral."""
        return self.collateral_usd + self.pnl_usd + self.impact_usd - self.costs_usd


def collateral_price(position: Position, prices: Prices) -> Pair:
    """The pair of the collateral token."""
    return prices.long if position.collateral_is_long else prices.short


def pnl(market: Market, position: Position, prices: Prices) -> tuple[int, int]:
    """The profit in USD, cut to what the pool may pay to all, and the whole one."""
    price = prices.index.for_pnl(is_long=position.is_long, maximize=False)
    value = position.size_tokens * price
    whole = value - position.size_usd if position.is_long else position.size_usd - value
    if whole <= 0:
        return whole, whole
    every = market.pnl(position.is_long, prices, maximize=True)
    pool_usd = market.pool_usd(position.is_long, prices)
    capped = market.capped(every, pool_usd, market.side(position.is_long).max_trader_pnl)
    if capped != every and capped > 0 and every > 0:
        return whole * capped // every, whole
    return whole, whole


def accrued(market: Market, position: Position, prices: Prices, time: int) -> Accrued:
    """Borrowing and funding up to a time; raises ValueError where the position is ahead of its market."""
    cumulative = cumulative_borrowing(market, prices, position.is_long, time)
    if cumulative < position.borrowing_factor:
        raise ValueError(f"UnexpectedBorrowingFactor: {position.borrowing_factor} of {cumulative}")
    more = funding_delta(market, prices, position.is_long, position.collateral_is_long, time)
    size = position.size_usd
    return Accrued(
        borrowing_usd=apply_factor(size, cumulative - position.borrowing_factor),
        funding=round_up(size * (position.funding + more.fee), PER_SIZE),
        claim_long=size * (position.claim_long + more.claim_long) // PER_SIZE,
        claim_short=size * (position.claim_short + more.claim_short) // PER_SIZE,
    )


def costs(market: Market, position: Position, prices: Prices, time: int, *, improved: bool) -> Costs:
    """What closing costs, where it improves the market's balance or not."""
    price = collateral_price(position, prices).low
    fee = apply_factor(position.size_usd, market.fees.improved if improved else market.fees.worsened) // price
    owed = accrued(market, position, prices, time)
    return Costs(
        position=fee,
        discount=apply_factor(fee, position.discount),
        borrowing=owed.borrowing_usd // price,
        funding=owed.funding,
        borrowing_usd=owed.borrowing_usd,
    )


def closing(market: Market, position: Position, prices: Prices) -> tuple[int, bool]:
    """The impact of closing, its gain limited, and whether it improves the balance."""
    size = position.size_usd
    found, improved = closing_impact(market, prices.index, position.is_long, size, position.size_tokens)
    return limited(market.impact, found, size), improved


def remaining(market: Market, position: Position, prices: Prices, time: int) -> Remaining:
    """What a liquidation would count at these prices and that time."""
    impact, improved = closing(market, position, prices)
    impact += pending_usd(position.pending_impact, prices.index)
    # A gain is not counted, a loss up to a limit.
    least = -apply_factor(position.size_usd, market.impact.max_for_liquidations)
    price = collateral_price(position, prices).low
    owed = costs(market, position, prices, time, improved=improved)
    return Remaining(
        collateral_usd=position.collateral * price,
        pnl_usd=pnl(market, position, prices)[0],
        impact_usd=max(min(impact, 0), least),
        costs=owed,
        costs_usd=owed.total * price,
    )


def requirement(market: Market, position: Position) -> int:
    """What must be left, in USD: the smallest collateral or a part of the size, and at least something."""
    fees = market.fees
    return max(fees.min_collateral_usd, apply_factor(position.size_usd, fees.min_collateral_factor), 1)
