"""What a liquidation takes in one market and of one short, read in the rounds of its positions."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.lyra_v1.calls import BALANCE, CACHE_PARAMETERS, MARKET_ADDRESSES, MarketAddresses, Series
from adapters.lyra_v1.closing import Penalty
from adapters.lyra_v1.closing_calls import (
    EXCHANGE_FEE,
    EXCHANGER,
    FORCE_CLOSE,
    HEDGE,
    LIMITS,
    MEAN_IV,
    MEAN_SKEW,
    NET_STD_VEGA,
    NET_VALUE,
    PENALTY,
    POOL_HEDGER,
    PRICING,
    STD_VEGA,
    VARIANCE,
    ForceClose,
)
from adapters.lyra_v1.market import Synths
from adapters.lyra_v1.premium import BuyBack, Forced, Pool, Pricing, Variance, Vols
from aggregator.contract import Deployment, Read, ask, both
from aggregator.model.errors import Unsupported
from aggregator.model.rules import WAD
from aggregator.model.units import Address

NO_HEDGER = Address("0x" + "00" * 20)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a market's terms are, and those that its known contracts tell."""

    listed: MarketAddresses
    exchanger: Address
    force_close: ForceClose
    usual_iv_period: int
    penalty: Penalty


@dataclass(frozen=True, slots=True)
class Terms:
    """A market's terms, the same for all of its shorts; `pool` lacks its `rest`."""

    sources: Sources
    pricing: Pricing
    variance: Variance
    forced: Forced
    base_fee: int
    net_std_vega: int
    pool: Pool


def read_sources(deployment: Deployment) -> Read[Sources]:
    """What the contracts of the configuration say, in one round."""
    at = deployment.addresses
    cache = at["greek_cache"]
    ([listed], [exchanger]), ([forced], ([of_cache], [penalty])) = yield from both(
        both(
            ask([MARKET_ADDRESSES.at(at["viewer"], at["option_market"])]),
            ask([EXCHANGER.at(at["synthetix_adapter"])]),
        ),
        both(
            ask([FORCE_CLOSE.at(cache)]),
            both(ask([CACHE_PARAMETERS.at(cache)]), ask([PENALTY.at(at["option_token"])])),
        ),
    )
    return Sources(listed, exchanger, forced, of_cache.usual_iv_period, penalty)


def read_terms(deployment: Deployment, synths: Synths, sources: Sources) -> Read[Terms]:
    """What the market's other contracts say, in one round; raises Unsupported where they contradict."""
    at, listed = deployment.addresses, sources.listed
    hedger = listed.pool_hedger
    prices = both(ask([PRICING.at(listed.pricer)]), ask([VARIANCE.at(listed.pricer)]))
    limits = both(ask([LIMITS.at(listed.pricer)]), ask([NET_STD_VEGA.at(at["greek_cache"])]))
    hedge = ask([HEDGE.at(hedger)] if hedger != NO_HEDGER else [])
    holders = [holder for holder in (listed.liquidity_pool, hedger) if holder != NO_HEDGER]
    held = both(ask([BALANCE.at(at["base_asset"], holder) for holder in holders]), hedge)
    adapter = both(
        ask([EXCHANGE_FEE.at(sources.exchanger, synths.base_key, synths.quote_key)]),
        ask([POOL_HEDGER.at(listed.liquidity_pool)]),
    )
    found = yield from both(both(prices, limits), both(held, adapter))
    (([pricing], [variance]), ([limit], [net_std_vega])), ((balances, shorts), ([fee], [used])) = found
    if used != hedger:
        raise Unsupported(
            f"the hedger {used} of {deployment.name}'s pool", f"the market's viewer lists {hedger}"
        )
    force, short = sources.force_close, shorts[0] if shorts else (0, 0)
    _check(deployment, pricing, sources.penalty, fee)
    return Terms(
        sources=sources,
        pricing=pricing,
        variance=variance,
        forced=Forced(force.vol_shock, force.late_vol_shock, force.least_over_spot, *limit),
        base_fee=fee,
        net_std_vega=net_std_vega,
        pool=Pool(0, balances[0], sum(balances[1:]), *short),
    )


def _check(deployment: Deployment, pricing: Pricing, penalty: Penalty, fee: int) -> None:
    """Raise Unsupported where a parameter is none that the contracts accept, which no formula takes."""
    lengths = (
        pricing.option_fee_2x - pricing.option_fee_1x,
        pricing.spot_fee_2x - pricing.spot_fee_1x,
        pricing.standard_size,
        WAD - fee,
    )
    shares = (penalty.ratio, penalty.liquidator + penalty.security_module)
    if min(lengths) <= 0 or max(shares) > WAD:
        raise Unsupported(
            f"the parameters of liquidations of {deployment.name}",
            "they are outside of what the market's contracts accept; check its addresses",
        )


def read_buy_back(
    deployment: Deployment, terms: Terms, strike_id: int, series: Series, spot: int, rate: int
) -> Read[BuyBack]:
    """What the price of buying one short's options back depends on, in one round."""
    cache, sources = deployment.addresses["greek_cache"], terms.sources
    force, board = sources.force_close, series.board
    ([net_value], [std_vega]), (means, [skew]) = yield from both(
        both(
            ask([NET_VALUE.at(sources.listed.liquidity_pool, spot)]),
            ask([STD_VEGA.at(cache, strike_id)]),
        ),
        both(
            ask([MEAN_IV.at(cache, board, age) for age in (force.iv_period, sources.usual_iv_period)]),
            ask([MEAN_SKEW.at(cache, strike_id, force.skew_period)]),
        ),
    )
    return BuyBack(
        pricing=terms.pricing,
        variance=terms.variance,
        forced=terms.forced,
        vols=Vols(series.base_iv, series.skew, means[0], skew, means[1], std_vega, terms.net_std_vega),
        pool=terms.pool._replace(rest=net_value - terms.pool.value(spot)),
        rate=rate,
    )
