"""An Avalon market: a synth of Synthetix against sUSD, at Synthetix's own rates."""

from __future__ import annotations

from adapters.lyra_v1.calls import (
    BASE_KEY,
    CACHE_PARAMETERS,
    EXCHANGE_RATES,
    GLOBAL_PAUSED,
    MARKET_PAUSED,
    MIN_COLLATERAL_PARAMETERS,
    QUOTE_KEY,
    RATE_AND_INVALID,
)
from adapters.lyra_v1.collateral import CollateralParameters
from adapters.lyra_v1.market import PRICE_DECIMALS, Market, Spot, Synths
from aggregator.contract import Deployment, Read, ask, both
from aggregator.model.assets import Asset, index_id, token_id
from aggregator.model.errors import Unsupported, UnusablePrice
from aggregator.model.readings import Quote
from aggregator.model.rules import Feed, Oracle
from aggregator.model.units import Address

QUOTE_SYMBOL = "sUSD"


def read_avalon(deployment: Deployment) -> Read[Market]:
    """A market in one round; raises Unsupported where it isn't a synth against sUSD."""
    at = deployment.addresses
    market, cache, adapter = at["option_market"], at["greek_cache"], at["synthetix_adapter"]
    keys = ask([BASE_KEY.at(adapter, market), QUOTE_KEY.at(adapter, market)])
    paused = ask([MARKET_PAUSED.at(adapter, market), GLOBAL_PAUSED.at(adapter)])
    parameters, ((base_key, quote_key), ([rates], (here, everywhere))) = yield from both(
        _read_parameters(cache), both(keys, both(ask([EXCHANGE_RATES.at(adapter)]), paused))
    )
    base, quote = _symbol(base_key), _symbol(quote_key)
    if quote != QUOTE_SYMBOL or not base.startswith("s") or len(base) < 2:
        raise Unsupported(
            f"a market of {base or 'nothing'} against {quote or 'nothing'} ({deployment.name})",
            "correct its addresses; Avalon markets trade a synth of Synthetix against sUSD",
        )
    return Market(
        base=Asset(token_id(deployment.chain, at["base_asset"]), base, PRICE_DECIMALS),
        quote=Asset(token_id(deployment.chain, at["quote_asset"]), quote, PRICE_DECIMALS),
        # Synthetix names a synth `s` and what it follows.
        underlying=base[1:],
        parameters=parameters,
        is_paused=here or everywhere,
        is_paused_everywhere=everywhere,
        synths=Synths(base_key, quote_key, rates),
    )


def _read_parameters(cache: Address) -> Read[CollateralParameters]:
    [minimum], [of_cache] = yield from both(
        ask([MIN_COLLATERAL_PARAMETERS.at(cache)]), ask([CACHE_PARAMETERS.at(cache)])
    )
    return CollateralParameters(*minimum, rate=of_cache.rate)


def read_avalon_spot(market: Market, synths: Synths) -> Read[Spot]:
    """The market's prices in one round; raises UnusablePrice where one is zero or flagged invalid.

    They come from where the market's own adapter takes them, but are there while it is paused, too.
    """
    calls = [RATE_AND_INVALID.at(synths.exchange_rates, key) for key in (synths.base_key, synths.quote_key)]
    base, quote = yield from ask(calls)
    index = index_id(market.underlying)
    for asset, rate, call in zip((market.base, market.quote), (base, quote), calls, strict=True):
        if rate.price == 0 or rate.invalid:
            marked = f"{call.origin} (marked invalid)" if rate.invalid else call.origin
            raise UnusablePrice(asset.id, marked, rate.price)
    return Spot(
        feed=Feed(index, Oracle.MARKET, base.price, PRICE_DECIMALS, calls[0].origin),
        quotes=(
            Quote(index, base.price, PRICE_DECIMALS, calls[0].origin),
            Quote(market.base.id, base.price, PRICE_DECIMALS, calls[0].origin),
            Quote(market.quote.id, quote.price, PRICE_DECIMALS, calls[1].origin),
        ),
    )


def _symbol(key: bytes) -> str:
    return key.rstrip(b"\0").decode("ascii", errors="replace")
