"""Reads a wallet's margin accounts in three rounds.

1. the manager's markets, and where the resolver says that its other parts live (shared by all wallets);
2. the wallet's position in every market, as one column, and each market's key (shared);
3. for held markets only: the market's state, its settings, its own views of the account, a delayed order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.synthetix_perps_v2 import calls
from adapters.synthetix_perps_v2.account import account_of, quote_of, warnings_of
from adapters.synthetix_perps_v2.family import PerpsV2Family
from adapters.synthetix_perps_v2.margin import DECIMALS
from adapters.synthetix_perps_v2.market import Details, Held, System, details
from adapters.synthetix_perps_v2.names import name_key
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, both, join
from aggregator.model.accounts import ProtocolKind
from aggregator.model.assets import Asset, token_id
from aggregator.model.errors import BadConfiguration, Unsupported, UnusablePrice
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.units import Address

ROLES = ("address_resolver", "futures_market_manager", "susd")


class PerpsV2Adapter:
    """All markets of V2 of each deployment; smart margin accounts of Kwenta are other owners' accounts."""

    name = "synthetix_perps_v2"
    kind: ProtocolKind = "perp"
    family: RuleFamily | None = PerpsV2Family()
    deployments: Collection[Deployment]

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.deployments = tuple(deployments)

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's margin accounts, one per market in which it has a margin or a position.

        Raises UnusablePrice where a market with a position has no valid price, Unsupported where the
        resolver knows another manager than the configuration.
        """
        system = yield from _system(deployment)
        held = (yield from _held(system.markets, wallet)) if system.markets else []
        if not held:
            return Reading((), (), block)
        susd_address = deployment.addresses["susd"]
        susd = Asset(token_id(deployment.chain, susd_address), "sUSD", DECIMALS)
        found, susd_quote = yield from both(
            join([details(one, system, wallet) for one in held]),
            _susd_quote(system.exchange_rates, susd),
        )
        return _reading(found, susd_quote, wallet, block, susd)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How many markets there are, and how many of V1, which are not read."""
        manager = deployment.addresses["futures_market_manager"]
        system, [legacy] = yield from both(
            _system(deployment), ask([calls.NUM_MARKETS.at(manager, calls.V1)])
        )
        sentences = [f"{len(system.markets)} markets at block {block.number}"]
        if legacy:
            sentences.append(f"{legacy} markets of Futures V1 are not read")
        return tuple(sentences)


def build(deployments: Deployments) -> Adapter:
    """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        if missing := [role for role in ROLES if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
    return PerpsV2Adapter(deployments.entries)


def _system(deployment: Deployment) -> Read[System]:
    resolver = deployment.addresses["address_resolver"]
    manager = deployment.addresses["futures_market_manager"]
    names = ("FuturesMarketManager", "PerpsV2MarketSettings", "SystemStatus", "ExchangeRates")
    [markets], [current, settings, status, rates] = yield from both(
        ask([calls.ALL_MARKETS.at(manager, calls.V2)]),
        ask([calls.GET_ADDRESS.at(resolver, name_key(name)) for name in names]),
    )
    if current != manager:
        # An abandoned manager goes on listing markets that nobody trades in any more.
        raise Unsupported(
            f"{deployment.name} with the market manager {manager}",
            f"its resolver names {current}; configure that as `futures_market_manager`",
        )
    return System(markets, settings, status, rates)


def _held(markets: tuple[Address, ...], wallet: Address) -> Read[list[Held]]:
    positions, keys, lengths = yield from ask(
        [
            calls.POSITIONS.each(markets, wallet),
            calls.MARKET_KEY.each(markets),
            calls.FUNDING_SEQUENCE_LENGTH.each(markets),
        ]
    )
    # A column raises what any of its calls failed with: a market that can't be asked may hold a position.
    rows = zip(
        markets,
        keys.values(),
        lengths.values(),
        positions.values(1),
        positions.values(2),
        positions.values(3),
        positions.values(4),
        strict=True,
    )
    # A pending order needs no look of its own: to be accepted it must leave more margin than its deposit,
    # and no margin can be withdrawn while it waits.
    return [
        Held(market, key, length - 1, index, margin, last_price, size)
        for market, key, length, index, margin, last_price, size in rows
        if margin or size
    ]


def _susd_quote(exchange_rates: Address, susd: Asset) -> Read[Quote]:
    call = calls.RATE.at(exchange_rates, name_key("sUSD"))
    [rate] = yield from ask([call])
    if rate.invalid or rate.value <= 0:
        raise UnusablePrice(susd.id, call.origin, rate.value)
    return Quote(susd.id, rate.value, DECIMALS, call.origin)


def _reading(
    found: Sequence[Details],
    susd_quote: Quote,
    wallet: Address,
    block: Block,
    susd: Asset,
) -> Reading:
    quotes = {quote.origin: quote for one in found if (quote := quote_of(one))}
    return Reading(
        accounts=tuple(account_of(one, wallet, block, susd) for one in found),
        quotes=(susd_quote, *quotes.values()),
        source=block,
        warnings=tuple(sentence for one in found for sentence in warnings_of(one)),
    )
