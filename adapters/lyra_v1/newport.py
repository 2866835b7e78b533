"""A Newport market: options on a token against a stablecoin, of any decimals, at its own adapter's prices.

Source: OptionMarket.sol, BaseExchangeAdapter.sol and ShortCollateral.sol of derivexyz/v1-core at ea9e36a.
"""

from __future__ import annotations

from adapters.lyra_v1.calls import GLOBAL_PAUSED, MARKET_PAUSED, MIN_COLLATERAL_PARAMETERS
from adapters.lyra_v1.collateral import CollateralParameters
from adapters.lyra_v1.market import PRICE_DECIMALS, Market, Spot
from adapters.lyra_v1.newport_calls import DECIMALS, RATE, REFERENCE, SPOT, SYMBOL
from aggregator.contract import Deployment, Read, ask, attempt, both, symbol_of
from aggregator.model.assets import Asset, index_id, token_id
from aggregator.model.errors import Unsupported, UnusablePrice
from aggregator.model.readings import Quote
from aggregator.model.rules import Feed, Oracle

_MOST_DECIMALS = 18


def read_newport(deployment: Deployment) -> Read[Market]:
    """A market in one round; raises Unsupported where a token has more than 18 decimals."""
    at = deployment.addresses
    market, adapter = at["option_market"], at["exchange_adapter"]
    tokens = (at["base_asset"], at["quote_asset"])
    ([minimum], [rate]), ((symbols, decimals), (here, everywhere)) = yield from both(
        both(ask([MIN_COLLATERAL_PARAMETERS.at(at["greek_cache"])]), ask([RATE.at(adapter, market)])),
        both(
            both(attempt([SYMBOL.at(one) for one in tokens]), ask([DECIMALS.at(one) for one in tokens])),
            ask([MARKET_PAUSED.at(adapter, market), GLOBAL_PAUSED.at(adapter)]),
        ),
    )
    if max(decimals) > _MOST_DECIMALS:
        raise Unsupported(
            f"a token of {max(decimals)} decimals in {deployment.name}", "Newport counts in 18 decimals"
        )
    base, quote = (
        Asset(token_id(deployment.chain, token), symbol_of(token, symbol), count)
        for token, symbol, count in zip(tokens, symbols, decimals, strict=True)
    )
    return Market(
        base=base,
        quote=quote,
        underlying=str(deployment.options["underlying"]),
        parameters=CollateralParameters(*minimum, rate=rate),
        is_paused=here or everywhere,
        is_paused_everywhere=everywhere,
    )


def read_newport_spot(deployment: Deployment, market: Market) -> Read[Spot]:
    """The price that liquidations are judged at, in one round; raises UnusablePrice where it is zero.

    The adapter refuses while the market is paused or its feeds are stale. The stablecoin has no price here:
    the protocol counts it as one dollar.
    """
    call = SPOT.at(deployment.addresses["exchange_adapter"], deployment.addresses["option_market"], REFERENCE)
    [price] = yield from ask([call])
    index = index_id(market.underlying)
    if price == 0:
        raise UnusablePrice(market.base.id, call.origin, price)
    return Spot(
        feed=Feed(index, Oracle.MARKET, price, PRICE_DECIMALS, call.origin),
        quotes=tuple(Quote(asset, price, PRICE_DECIMALS, call.origin) for asset in (index, market.base.id)),
    )
