"""Where the parts of a deployment are, and which markets it has: the first round of a read."""

from __future__ import annotations

from adapters.synthetix_perps_v2 import calls
from adapters.synthetix_perps_v2.market import System
from adapters.synthetix_perps_v2.names import name_key
from adapters.synthetix_perps_v2.terms import Unsaid, unsaid
from aggregator.contract import Deployment, Read, ask, both
from aggregator.model.errors import MalformedReply, ReadError, Unsupported
from aggregator.model.units import Address

MAX_MARKETS = 1_000
"""In one reply of the manager: far more than it has ever listed."""


def system_of(deployment: Deployment) -> Read[System]:
    """The parts of a deployment and its markets; raises Unsupported where its manager is another one."""
    resolver = deployment.addresses["address_resolver"]
    manager = deployment.addresses["futures_market_manager"]
    names = ("FuturesMarketManager", "PerpsV2MarketSettings", "SystemStatus", "ExchangeRates")
    [markets], ([current, settings, status, rates], exchanger) = yield from both(
        ask([calls.ALL_MARKETS.at(manager, calls.V2)]),
        both(ask([calls.GET_ADDRESS.at(resolver, name_key(name)) for name in names]), _exchanger(resolver)),
    )
    if current != manager:
        # An abandoned manager goes on listing markets that nobody trades in any more.
        raise Unsupported(
            f"{deployment.name} with the market manager {manager}",
            f"its resolver names {current}; configure that as `futures_market_manager`",
        )
    return System(manager, _checked(markets, manager), settings, status, rates, exchanger)


def _exchanger(resolver: Address) -> Read[Address | Unsaid]:
    try:
        [exchanger] = yield from ask([calls.GET_ADDRESS.at(resolver, name_key("Exchanger"))])
    except ReadError as error:
        return unsaid(error)
    return exchanger


def check_susd(deployment: Deployment) -> Read[None]:
    """Raises Unsupported where sUSD is another token: its quote would value that one, wherever it is held."""
    susd, resolver = deployment.addresses["susd"], deployment.addresses["address_resolver"]
    [synth] = yield from ask([calls.GET_ADDRESS.at(resolver, name_key("SynthsUSD"))])
    [token] = yield from ask([calls.PROXY.at(synth)])
    if token != susd:
        what = f"{deployment.name} with {susd} as sUSD"
        raise Unsupported(what, f"its resolver leads to {token}; configure that as `susd`")


def _checked(markets: tuple[Address, ...], manager: Address) -> tuple[Address, ...]:
    """The list itself; raises MalformedReply on a market that comes twice: it would count twice."""
    if len(set(markets)) < len(markets) or len(markets) > MAX_MARKETS:
        where = calls.ALL_MARKETS.at(manager, calls.V2).origin
        raise MalformedReply(where, f"{len(markets)} markets, of which {len(set(markets))} differ")
    return markets
