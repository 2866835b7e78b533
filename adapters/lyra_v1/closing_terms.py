"""What a liquidation takes in one market and of one short, read in the rounds of its positions."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.lyra_v1.base_exchange import BaseExchange, BaseRate, SynthFee
from adapters.lyra_v1.calls import CACHE_PARAMETERS, MARKET_ADDRESSES, MarketAddresses, Series
from adapters.lyra_v1.closing import Penalty
from adapters.lyra_v1.closing_calls import (
    EXCHANGE_FEE,
    EXCHANGER,
    FORCE_CLOSE,
    GLOBAL_GREEKS,
    LIMITS,
    MEAN_IV,
    MEAN_SKEW,
    PENALTY,
    PRICING,
    STD_VEGA,
    VARIANCE,
    ForceClose,
)
from adapters.lyra_v1.market import Market, Synths
from adapters.lyra_v1.newport_calls import BASE_FOR_QUOTE, PROBE, USUAL_IV_PERIOD
from adapters.lyra_v1.pool_state import read_pool
from adapters.lyra_v1.premium import BuyBack, Forced, Pricing, Variance, Vols
from aggregator.contract import Deployment, Read, ask, both
from aggregator.model.errors import Unsupported
from aggregator.model.rules import WAD
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a market's terms are, and those that its known contracts tell; Newport has no `exchanger`."""

    listed: MarketAddresses
    exchanger: Address | None
    force_close: ForceClose
    usual_iv_period: int
    penalty: Penalty


@dataclass(frozen=True, slots=True)
class Terms:
    """A market's terms, the same for all of its shorts.

    `exchange` is Avalon's fee, or in Newport the base for PROBE of quote at the block.
    """

    sources: Sources
    pricing: Pricing
    variance: Variance
    forced: Forced
    exchange: SynthFee | int
    net_std_vega: int

    def exchange_at(self, spot: int) -> BaseExchange:
        """How base is counted, told at this spot price."""
        return self.exchange if isinstance(self.exchange, SynthFee) else BaseRate(self.exchange, spot)


def read_sources(deployment: Deployment) -> Read[Sources]:
    """What the contracts of an Avalon market's configuration say, in one round."""
    at = deployment.addresses
    shared, ([exchanger], [of_cache]) = yield from both(
        _read_shared_sources(deployment),
        both(ask([EXCHANGER.at(at["synthetix_adapter"])]), ask([CACHE_PARAMETERS.at(at["greek_cache"])])),
    )
    listed, forced, penalty = shared
    return Sources(listed, exchanger, forced, of_cache.usual_iv_period, penalty)


def read_newport_sources(deployment: Deployment) -> Read[Sources]:
    """What the contracts of a Newport market's configuration say, in one round."""
    (listed, forced, penalty), [period] = yield from both(
        _read_shared_sources(deployment), ask([USUAL_IV_PERIOD.at(deployment.addresses["greek_cache"])])
    )
    return Sources(listed, None, forced, period, penalty)


def _read_shared_sources(deployment: Deployment) -> Read[tuple[MarketAddresses, ForceClose, Penalty]]:
    at = deployment.addresses
    [listed], ([forced], [penalty]) = yield from both(
        ask([MARKET_ADDRESSES.at(at["viewer"], at["option_market"])]),
        both(ask([FORCE_CLOSE.at(at["greek_cache"])]), ask([PENALTY.at(at["option_token"])])),
    )
    return listed, forced, penalty


def read_terms(deployment: Deployment, market: Market, sources: Sources) -> Read[Terms]:
    """What the market's other contracts say, in one round; raises Unsupported where they contradict."""
    pricer = sources.listed.pricer
    prices = both(ask([PRICING.at(pricer)]), ask([VARIANCE.at(pricer)]))
    limits = both(ask([LIMITS.at(pricer)]), ask([GLOBAL_GREEKS.at(deployment.addresses["greek_cache"])]))
    found = yield from both(both(prices, limits), _read_exchange(deployment, market.synths, sources))
    (([pricing], [variance]), ([limit], [greeks])), exchange = found
    force = sources.force_close
    _check(deployment, pricing, sources.penalty, exchange)
    return Terms(
        sources=sources,
        pricing=pricing,
        variance=variance,
        forced=Forced(force.vol_shock, force.late_vol_shock, force.least_over_spot, *limit),
        exchange=exchange,
        net_std_vega=greeks.std_vega,
    )


def _read_exchange(deployment: Deployment, synths: Synths | None, sources: Sources) -> Read[SynthFee | int]:
    if synths is not None and sources.exchanger is not None:
        [fee] = yield from ask([EXCHANGE_FEE.at(sources.exchanger, synths.base_key, synths.quote_key)])
        return SynthFee(fee)
    at = deployment.addresses
    [rate] = yield from ask([BASE_FOR_QUOTE.at(at["exchange_adapter"], at["option_market"], PROBE)])
    return rate


def _check(deployment: Deployment, pricing: Pricing, penalty: Penalty, exchange: SynthFee | int) -> None:
    """Raise Unsupported where a parameter is none that the contracts accept, which no formula takes."""
    lengths = (
        pricing.option_fee_2x - pricing.option_fee_1x,
        pricing.spot_fee_2x - pricing.spot_fee_1x,
        pricing.standard_size,
        WAD - exchange.fee if isinstance(exchange, SynthFee) else exchange,
    )
    shares = (penalty.ratio, penalty.liquidator + penalty.security_module)
    if min(lengths) <= 0 or max(shares) > WAD:
        raise Unsupported(
            f"the parameters of liquidations of {deployment.name}",
            "they are outside of what the market's contracts accept; check its addresses",
        )


def read_buy_back(
    deployment: Deployment, market: Market, terms: Terms, strike_id: int, series: Series, spot: int
) -> Read[BuyBack]:
    """What the price of buying one short's options back depends on, in one round."""
    cache, sources = deployment.addresses["greek_cache"], terms.sources
    force, board = sources.force_close, series.board
    (state, [std_vega]), (means, [skew]) = yield from both(
        both(read_pool(deployment, market, sources.listed, spot), ask([STD_VEGA.at(cache, strike_id)])),
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
        pool=state.pool,
        rate=market.parameters.rate,
    )
