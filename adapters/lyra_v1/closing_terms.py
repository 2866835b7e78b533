"""What a liquidation takes in one market and of one short, read in the rounds of its positions."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.lyra_v1.amm import Amm, Bounds
from adapters.lyra_v1.base_exchange import BaseExchange, BaseRate, SynthFee
from adapters.lyra_v1.calls import CACHE_PARAMETERS, MARKET_ADDRESSES, MarketAddresses, Series
from adapters.lyra_v1.closing import Penalty
from adapters.lyra_v1.closing_calls import (
    CACHED_GREEKS,
    EXCHANGE_FEE,
    EXCHANGER,
    FORCE_CLOSE,
    GLOBAL_GREEKS,
    LIMITS,
    MEAN_IV,
    MEAN_SKEW,
    PENALTY,
    PRICING,
    RESERVED,
    VARIANCE,
    ForceClose,
)
from adapters.lyra_v1.market import Market, Synths
from adapters.lyra_v1.newport_calls import BASE_FOR_QUOTE, PROBE, USUAL_IV_PERIOD
from adapters.lyra_v1.pool_state import read_pool
from adapters.lyra_v1.premium import BuyBack, Forced, Pricing, Variance, Vols
from aggregator.contract import Deployment, Read, ask, both
from aggregator.model.errors import UNANSWERED, NotRecorded, ReadError, Unsupported
from aggregator.model.rules import WAD
from aggregator.model.units import Address

NEWPORT_TRADES = "Newport trades at other prices of its adapter than it judges positions at"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a market's terms are, and those that its known contracts tell; Newport has no `exchanger`.

    `reserved` is the part of trades' fees that the market keeps, or why trades are not known.
    """

    listed: MarketAddresses
    exchanger: Address | None
    force_close: ForceClose
    usual_iv_period: int
    penalty: Penalty
    reserved: int | str


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
    bounds: Bounds

    def exchange_at(self, spot: int) -> BaseExchange:
        """How base is counted, told at this spot price."""
        return self.exchange if isinstance(self.exchange, SynthFee) else BaseRate(self.exchange, spot)


def read_sources(deployment: Deployment) -> Read[Sources]:
    """What the contracts of an Avalon market's configuration say, in one round."""
    at = deployment.addresses
    shared, (([exchanger], [of_cache]), reserved) = yield from both(
        _read_shared_sources(deployment),
        both(
            both(ask([EXCHANGER.at(at["synthetix_adapter"])]), ask([CACHE_PARAMETERS.at(at["greek_cache"])])),
            _read_reserved(deployment),
        ),
    )
    listed, forced, penalty = shared
    return Sources(listed, exchanger, forced, of_cache.usual_iv_period, penalty, reserved)


def _read_reserved(deployment: Deployment) -> Read[int | str]:
    """The market's part of fees, or why it is not known: recordings of before it was asked for lack it."""
    try:
        [reserved] = yield from ask([RESERVED.at(deployment.addresses["option_market"])])
    except NotRecorded as error:
        return str(error)
    except UNANSWERED:
        raise
    except ReadError as error:
        return str(error)
    return reserved


def read_newport_sources(deployment: Deployment) -> Read[Sources]:
    """What the contracts of a Newport market's configuration say, in one round."""
    (listed, forced, penalty), [period] = yield from both(
        _read_shared_sources(deployment), ask([USUAL_IV_PERIOD.at(deployment.addresses["greek_cache"])])
    )
    return Sources(listed, None, forced, period, penalty, NEWPORT_TRADES)


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
        forced=Forced(force.vol_shock, force.late_vol_shock, force.least_over_spot, *limit[1:]),
        exchange=exchange,
        net_std_vega=greeks.std_vega,
        bounds=limit.bounds,
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
    deployment: Deployment,
    market: Market,
    terms: Terms,
    strike_id: int,
    series: Series,
    spot: int,
    *,
    is_call: bool,
) -> Read[tuple[BuyBack, Amm | str]]:
    """What the price of buying one short's options back depends on, in one round.

    The second is what its trades depend on, or why they are not known.
    """
    cache, sources = deployment.addresses["greek_cache"], terms.sources
    force, board = sources.force_close, series.board
    (state, [greeks]), (means, [skew]) = yield from both(
        both(read_pool(deployment, market, sources.listed, spot), ask([CACHED_GREEKS.at(cache, strike_id)])),
        both(
            ask([MEAN_IV.at(cache, board, age) for age in (force.iv_period, sources.usual_iv_period)]),
            ask([MEAN_SKEW.at(cache, strike_id, force.skew_period)]),
        ),
    )
    found = BuyBack(
        pricing=terms.pricing,
        variance=terms.variance,
        forced=terms.forced,
        vols=Vols(series.base_iv, series.skew, means[0], skew, means[1], greeks.std_vega, terms.net_std_vega),
        pool=state.pool,
        rate=market.parameters.rate,
    )
    if isinstance(sources.reserved, str):
        return found, sources.reserved
    counted_at = greeks.call if is_call else greeks.put
    return found, Amm(terms.bounds, force.closes, sources.reserved, counted_at)
