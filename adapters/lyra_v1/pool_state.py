"""What a market's liquidity pool has at the block, read in one round; the same for all wallets."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.lyra_v1.calls import BALANCE, MarketAddresses
from adapters.lyra_v1.closing_calls import GLOBAL_GREEKS, HEDGE, NET_VALUE, POOL_HEDGER
from adapters.lyra_v1.market import PRICE_DECIMALS, Market
from adapters.lyra_v1.newport_calls import (
    FUTURES,
    LIQUIDITY,
    PERP_MARGIN,
    PERP_SIZE,
    PROTECTED,
    Futures,
    Liquidity,
)
from adapters.lyra_v1.pool_value import AnyPool, NewportPool, Pool
from aggregator.contract import Deployment, Read, ask, attempt, both
from aggregator.model.errors import ReadError, Unsupported
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.units import Address

NO_HEDGER = Address("0x" + "00" * 20)


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool, and what its contract counts options at: what they are worth to traders, 18 decimals, as of
    the last update of the Greeks."""

    pool: AnyPool
    option_debt: int


def read_pool(deployment: Deployment, market: Market, listed: MarketAddresses, spot: int) -> Read[PoolState]:
    """A pool in one round; raises Unsupported where its hedger is none that this release knows."""
    read = _read_newport if market.synths is None else _read_avalon
    [used], state = yield from both(
        ask([POOL_HEDGER.at(listed.liquidity_pool)]), read(deployment, market, listed, spot)
    )
    if used != listed.pool_hedger:
        raise Unsupported(
            f"the hedger {used} of {deployment.name}'s pool",
            f"the market's viewer lists {listed.pool_hedger}",
        )
    return state


def _read_avalon(
    deployment: Deployment, market: Market, listed: MarketAddresses, spot: int
) -> Read[PoolState]:
    del market
    hedger, base = listed.pool_hedger, deployment.addresses["base_asset"]
    holders = [holder for holder in (listed.liquidity_pool, hedger) if holder != NO_HEDGER]
    (balances, shorts), ([net_value], [greeks]) = yield from both(
        both(
            ask([BALANCE.at(base, holder) for holder in holders]),
            ask([HEDGE.at(hedger)] if hedger != NO_HEDGER else []),
        ),
        both(
            ask([NET_VALUE.at(listed.liquidity_pool, spot)]),
            ask([GLOBAL_GREEKS.at(deployment.addresses["greek_cache"])]),
        ),
    )
    pool = Pool(0, balances[0], sum(balances[1:]), *(shorts[0] if shorts else (0, 0)))
    return PoolState(pool._replace(rest=net_value - pool.value(spot)), greeks.option_value)


def _read_newport(
    deployment: Deployment, market: Market, listed: MarketAddresses, spot: int
) -> Read[PoolState]:
    at, pool = deployment.addresses, listed.liquidity_pool
    ([liquidity], [protected]), (([base], [greeks]), empty) = yield from both(
        both(ask([LIQUIDITY.at(pool)]), ask([PROTECTED.at(pool)])),
        both(
            both(ask([BALANCE.at(at["base_asset"], pool)]), ask([GLOBAL_GREEKS.at(at["greek_cache"])])),
            _read_hedges(deployment, listed.pool_hedger, spot),
        ),
    )
    base *= 10 ** (PRICE_DECIMALS - market.base.decimals)
    known = empty._replace(base=base, debt=greeks.option_value, protected=protected)
    total = _total_assets(liquidity, greeks.option_value)
    return PoolState(known._replace(assets=total - known.total(spot)), greeks.option_value)


def _total_assets(liquidity: Liquidity, debt: int) -> int:
    """What the pool has but options, from its net value: the contract tells it in no view."""
    return liquidity.net_value + (debt if debt < 0 else multiply(debt, liquidity.long_scale))


def _read_hedges(deployment: Deployment, hedger: Address, spot: int) -> Read[NewportPool]:
    """A pool of nothing but its hedges; which of two kinds a hedger is shows in what it answers."""
    nothing = NewportPool(0, 0, 0, 0, spot)
    if hedger == NO_HEDGER:
        return nothing
    [futures], (margins, [size]) = yield from both(
        attempt([FUTURES.at(hedger)]),
        both(attempt([PERP_MARGIN.at(hedger)]), ask([PERP_SIZE.at(hedger)])),
    )
    [margin] = margins
    if isinstance(margin, ReadError) and not isinstance(futures, ReadError):
        return _on_gmx(nothing, futures)
    if isinstance(margin, ReadError) or not isinstance(futures, ReadError):
        raise Unsupported(
            f"the hedger {hedger} of {deployment.name}'s pool",
            "this release knows those that trade on GMX V1 and on Synthetix Perps V2",
        )
    if size and not margin:
        raise Unsupported(
            f"the hedger {hedger} of {deployment.name}'s pool",
            "its perpetual has no margin left, and no view tells at which price it would have some again",
        )
    if size > 0:
        return nothing._replace(long_value=margin, long_delta=size)
    return nothing._replace(short_value=margin, short_delta=size)


def _on_gmx(nothing: NewportPool, futures: Futures) -> NewportPool:
    """Both positions; what a long gains per dollar of the spot price is its size at today's price."""
    held, owed, spot = futures.long, futures.short, nothing.at
    return nothing._replace(
        long_value=held.collateral + held.profit,
        long_delta=divide(held.size + held.profit, spot),
        short_value=owed.collateral + owed.profit,
        short_delta=-divide(owed.size - owed.profit, spot),
    )
