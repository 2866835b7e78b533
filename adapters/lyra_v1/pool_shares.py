"""What a wallet has in a market's liquidity pool: shares, deposits and withdrawals that wait.

A share is short volatility, pooled: the pool is the other side of every option, which is looked through.
Shares that wait to be paid out and deposits are quote. Source: LiquidityPool.sol of
@lyrafinance/protocol 0.1.3-alpha and of derivexyz/v1-core at ea9e36a.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.lyra_v1.calls import BALANCE, MARKET_ADDRESSES, MarketAddresses
from adapters.lyra_v1.generations import read_market, read_spot
from adapters.lyra_v1.held import in_units
from adapters.lyra_v1.market import Market, Spot, Untold, unless_refused
from adapters.lyra_v1.pool_calls import (
    DEPOSIT,
    DEPOSIT_HEAD,
    NEXT_DEPOSIT,
    NEXT_WITHDRAWAL,
    TOKEN_PRICE,
    WITHDRAWAL,
    WITHDRAWAL_HEAD,
    Queued,
    TokenPrice,
)
from adapters.lyra_v1.pool_parts import PoolParts, Share, read_parts, share_of
from adapters.lyra_v1.portfolio import account_id
from aggregator.contract import Deployment, Function, Read, ask, attempt, both
from aggregator.model.accounts import Account
from aggregator.model.errors import ReadError, Unsupported
from aggregator.model.fixed_point import multiply
from aggregator.model.positions import Position, Supply
from aggregator.model.readings import AccountFailure, Block, Reading
from aggregator.model.units import Address

LONGEST_QUEUE = 500
"""Entries; a longer one is not read."""
MOST_UNEXPLAINED = 100
"""One part in so many of a share's value may be unexplained without a word."""


@dataclass(frozen=True, slots=True)
class Stake:
    """A wallet's part in a pool: shares held and waiting to be paid out, quote waiting to be deposited; all
    with 18 decimals. `price` is None where there are no shares, `held` tells what those that are held are,
    or why that is not known."""

    shares: int
    leaving: int
    entering: int
    price: TokenPrice | None
    price_origin: str
    queue_origin: str
    held: Share | Untold | None

    @property
    def is_empty(self) -> bool:
        """Whether the wallet has nothing in the pool."""
        return not (self.shares or self.leaving or self.entering)


def read_stake(deployment: Deployment, wallet: Address, block: Block) -> Read[Stake]:
    """A wallet's part in three rounds, two where it has no shares and nobody waits.

    Raises what the pool refuses to a holder. Queues are read whole, the same for all wallets; raises
    Unsupported where one is longer than 500.
    """
    at = deployment.addresses
    [listed], market = yield from both(
        ask([MARKET_ADDRESSES.at(at["viewer"], at["option_market"])]), read_market(deployment)
    )
    pool = listed.liquidity_pool
    heads = (DEPOSIT_HEAD, NEXT_DEPOSIT, WITHDRAWAL_HEAD, NEXT_WITHDRAWAL)
    price_call = TOKEN_PRICE.at(pool)
    ([shares], spot), ([price], bounds) = yield from both(
        both(
            ask([BALANCE.at(listed.liquidity_token, wallet)]),
            unless_refused(read_spot(deployment, market)),
        ),
        both(attempt([price_call]), ask([head.at(pool) for head in heads])),
    )
    (deposits, withdrawals), parts = yield from both(
        both(
            _read_queue(deployment, pool, DEPOSIT, bounds[0], bounds[1]),
            _read_queue(deployment, pool, WITHDRAWAL, bounds[2], bounds[3]),
        ),
        _read_parts(deployment, market, listed, spot, shares),
    )
    leaving = sum(one.amount for one in withdrawals if one.beneficiary == wallet)
    entering = sum(one.amount for one in deposits if one.beneficiary == wallet)
    known: TokenPrice | None = None
    held: Share | Untold | None = None
    if shares or leaving:
        if isinstance(price, ReadError):
            raise price.with_traceback(None)
        known = price
    if known is not None and parts is not None:
        held = _share_of(parts, market, shares, known.price, block.timestamp, price_call.origin)
    queue_origin = DEPOSIT.at(pool, bounds[0]).origin
    return Stake(shares, leaving, entering, known, price_call.origin, queue_origin, held)


def _read_parts(
    deployment: Deployment, market: Market, listed: MarketAddresses, spot: Spot | Untold, shares: int
) -> Read[PoolParts | Untold | None]:
    if not shares:
        return None
    if isinstance(spot, Untold):
        return spot
    return (yield from unless_refused(read_parts(deployment, market, listed, spot)))


def _share_of(
    parts: PoolParts | Untold, market: Market, shares: int, price: int, time: int, origin: str
) -> Share | Untold:
    if isinstance(parts, Untold):
        return parts
    try:
        return share_of(parts, market, shares, price, time, origin)
    except ReadError as error:
        return Untold(error)


def _read_queue(
    deployment: Deployment, pool: Address, entry: Function[Queued], head: int, end: int
) -> Read[list[Queued]]:
    if not 0 <= end - head <= LONGEST_QUEUE:
        raise Unsupported(
            f"a queue from {head} to {end} in the pool of {deployment.name}",
            f"this release reads up to {LONGEST_QUEUE} entries",
        )
    if head == end:
        return []
    found = yield from ask([entry.at(pool, number) for number in range(head, end)])
    for number, one in enumerate(found, head):
        if one.id != number:
            raise Unsupported(
                f"entry {number} of a queue in the pool of {deployment.name}", f"it calls itself {one.id}"
            )
    return found


def with_stake(
    reading: Reading,
    deployment: Deployment,
    wallet: Address,
    market: Market,
    stake: Stake | Untold,
    block: Block,
) -> Reading:
    """A reading of positions with what the wallet has in the pool, or with its failure by name."""
    name, label = account_id(deployment, f"{wallet}:pool"), f"{deployment.name} pool share"
    if isinstance(stake, Untold):
        failure = AccountFailure(name, deployment.adapter, deployment.chain, label, stake.error)
        return replace(reading, failures=(*reading.failures, failure))
    if stake.is_empty:
        return reading
    account = Account(
        id=name,
        protocol=deployment.adapter,
        kind="option",
        chain=deployment.chain,
        label=label,
        owner_path=(wallet,),
        positions=_positions(market, stake),
        rule=None,
        reported=None,
    )
    told = _warnings(label, stake, block.timestamp)
    return replace(reading, accounts=(*reading.accounts, account), warnings=(*reading.warnings, *told))


def _positions(market: Market, stake: Stake) -> tuple[Position, ...]:
    """Shares held as what they are, and quote for the rest at what the pool says that shares are worth."""
    found = list[Position]()
    if isinstance(stake.held, Share):
        found.extend(stake.held.positions)
    if stake.price is not None:
        plain = stake.leaving if isinstance(stake.held, Share) else stake.shares + stake.leaving
        if value := in_units(market.quote, multiply(plain, stake.price.price)):
            found.append(Supply(market.quote, value, is_collateral=False, origin=stake.price_origin))
    if stake.entering:
        waiting = in_units(market.quote, stake.entering)
        found.append(Supply(market.quote, waiting, is_collateral=False, origin=stake.queue_origin))
    return tuple(found)


def _warnings(name: str, stake: Stake, time: int) -> list[str]:
    """What the user should know of a share: what it counts as, and what keeps it from being paid out."""
    if stake.price is None:
        return []
    told = []
    if isinstance(stake.held, Untold):
        told.append(
            f"{name} is pooled short volatility that can't be looked through: it counts at the pool's price, "
            f"as quote that no scenario moves ({stake.held.error})"
        )
    if stake.leaving:
        told.append(
            f"{name}: shares that wait to be paid out count at the pool's price, as quote that no scenario "
            "moves until they are."
        )
    held = stake.held
    if isinstance(held, Share) and abs(held.residual) * MOST_UNEXPLAINED > held.value:
        told.append(
            f"{name}: {held.residual / max(held.value, 1):+.1%} of its value is what the pool's price has "
            "beyond its parts at today's volatility: the pool's own prices of options are older, or it owes "
            "more than it can pay."
        )
    if stake.price.is_stale:
        told.append(f"{name} is priced with Greeks that the pool itself calls stale.")
    if stake.price.breaker_until > time:
        told.append(f"{name} can't be paid out now: the pool's circuit breaker is on.")
    return told
