"""What a part of a pool is: its tokens, and the other side of what traders have open.

Source: `getPoolValueInfo` of MarketUtils.sol of github gmx-io/gmx-synthetics, at the lower value, as a
withdrawal is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.gmx_v2 import calls
from adapters.gmx_v2.account import DAY_SECONDS, DOLLAR, USD_DECIMALS
from adapters.gmx_v2.accrual import borrowing_per_second, cumulative_borrowing
from adapters.gmx_v2.fixed_point import FLOAT, apply_factor
from adapters.gmx_v2.impact import impact_pool
from adapters.gmx_v2.reading import MarketReply
from adapters.gmx_v2.state import Market, Prices
from adapters.gmx_v2.tokens import Table
from aggregator.contract import Deployment
from aggregator.model.errors import MalformedReply
from aggregator.model.fixed_point import truncated
from aggregator.model.positions import Perp, Position, Supply

_TO_WAD = 10 ** (30 - USD_DECIMALS)


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a pool: a fraction of all that it has."""

    numerator: int
    denominator: int

    def of(self, amount: int) -> int:
        """The part of an amount, towards zero."""
        return truncated(amount * self.numerator, self.denominator)


def positions(
    deployment: Deployment, known: Table, reply: MarketReply, part: Part, time: int
) -> list[Position]:
    """A part of a pool: its tokens, and the other side of what traders have open."""
    state, pool = reply.market, reply.market.pool
    origin = calls.UINT.at(deployment.addresses["data_store"], bytes(32)).origin
    amounts = (
        {reply.long: pool.long_amount}
        if state.single
        else {
            reply.long: pool.long_amount,
            reply.short: pool.short_amount,
        }
    )
    held: list[Position] = [
        Supply(known.asset(token.described), part.of(amount), is_collateral=False, origin=origin)
        for token, amount in amounts.items()
    ]
    if reply.only_swaps:
        return held
    pairs = state.prices({feed.asset: feed.price for feed in state.feeds})
    try:
        fees, profit, day = (
            _fees(state, pairs, time),
            _profit(state, pairs, time),
            _fees_of_a_day(state, pairs),
        )
    except (ArithmeticError, ValueError) as error:
        raise MalformedReply(f"the market {state.address}", str(error)) from error
    held.append(
        Perp(
            market=state.name,
            index=state.index.feed.asset,
            underlying=reply.index.described.underlying,
            size_raw=part.of(state.tokens(False) - state.tokens(True)),  # noqa: FBT003
            size_decimals=reply.index.described.decimals,
            entry_price_raw=pairs.index.mid,
            mark_price_raw=pairs.index.mid,
            price_decimals=state.index.feed.decimals,
            pnl_raw=truncated(part.of(profit), _TO_WAD),
            funding_raw=0,
            settlement=DOLLAR,
            origin=origin,
            funding_24h_raw=0,
            borrowing_raw=truncated(part.of(fees), _TO_WAD),
            borrowing_24h_raw=truncated(part.of(day), _TO_WAD),
        )
    )
    return held


def _fees(state: Market, pairs: Prices, time: int) -> int:
    """Borrowing fees that traders owe to the pool."""
    owed = 0
    for side in (True, False):
        total = apply_factor(state.open_interest(side), cumulative_borrowing(state, pairs, side, time))
        owed += total - state.side(side).total_borrowing
    if owed < 0:
        raise MalformedReply(f"the market {state.address}", f"borrowing fees of {owed}")
    return apply_factor(owed, FLOAT - state.fees.borrowing_receiver)


def _fees_of_a_day(state: Market, pairs: Prices) -> int:
    """Borrowing fees of the next 24 hours at present rates."""
    rates = sum(
        state.open_interest(side) * borrowing_per_second(state, pairs, side) for side in (True, False)
    )
    return apply_factor(DAY_SECONDS * rates // FLOAT, FLOAT - state.fees.borrowing_receiver)


def _profit(state: Market, pairs: Prices, time: int) -> int:
    """What the pool has of traders' losses (< 0: owes of their profits), less its pool of price impact."""
    total = 0
    for side in (True, False):
        every = state.pnl(side, pairs, maximize=True)
        total -= state.capped(every, state.pool_usd(side, pairs), state.side(side).max_withdrawal_pnl)
    return total - impact_pool(state, time) * pairs.index.high + state.pool.impact_lent * pairs.index.low
