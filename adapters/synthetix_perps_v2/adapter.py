"""Reads a wallet's margin accounts in three rounds.

1. the manager's markets, and where the resolver says that its other parts live (shared by all wallets);
2. the wallet's position in every market, as one column, and the keys of each market (shared);
3. for held markets only: the market's state, its settings, its own views of the account, a delayed order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from adapters.synthetix_perps_v2 import calls
from adapters.synthetix_perps_v2.account import (
    account_of,
    could_open,
    failure_of,
    openable_of,
    quote_of,
    warnings_of,
    with_quotes,
)
from adapters.synthetix_perps_v2.family import PerpsV2Family
from adapters.synthetix_perps_v2.margin import DECIMALS
from adapters.synthetix_perps_v2.market import Held, System, details
from adapters.synthetix_perps_v2.names import name_key
from adapters.synthetix_perps_v2.terms import Unsaid, unsaid
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, both, join
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import Asset, token_id
from aggregator.model.errors import BadConfiguration, MalformedReply, ReadError, Unsupported, UnusablePrice
from aggregator.model.readings import AccountFailure, Block, Quote, Reading
from aggregator.model.units import Address

ROLES = ("address_resolver", "futures_market_manager", "susd")
MAX_MARKETS = 1_000
"""In one reply of the manager: far more than it has ever listed."""


class _Found(NamedTuple):
    """One margin account and what comes with it."""

    account: Account
    quote: Quote | None
    warnings: list[str]
    untold: list[str]


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

        A market that can't be read, or with a position and no valid price, fails alone. Raises UnusablePrice
        where sUSD has no valid rate, Unsupported where the resolver knows another manager than the
        configuration, and the error where nobody answered whether the wallet is in a market.
        """
        return (yield from _read(deployment, wallet, block, openings=False))

    def read_with_openings(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The same with what could be opened in every market, in as many rounds: the third asks all markets.

        A warning names the markets of which that can't be told; suspended ones can't be opened in.
        """
        return (yield from _read(deployment, wallet, block, openings=True))

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How many markets there are, and how many of V1, which are not read.

        Raises Unsupported where `read` does, and where the configuration's sUSD is another token.
        """
        manager = deployment.addresses["futures_market_manager"]
        system, ([legacy], _) = yield from both(
            _system(deployment), both(ask([calls.NUM_MARKETS.at(manager, calls.V1)]), _check_susd(deployment))
        )
        sentences = [f"{len(system.markets)} markets at block {block.number}"]
        if legacy:
            sentences.append(f"{legacy} markets of Futures V1 are not read")
        return tuple(sentences)


def _read(deployment: Deployment, wallet: Address, block: Block, *, openings: bool) -> Read[Reading]:
    system = yield from _system(deployment)
    held, others, unasked = (yield from _held(system.markets, wallet)) if system.markets else ([], [], {})
    unread = [failure_of(market, wallet, block, error) for market, error in unasked.items()]
    others = others if openings else []
    if not held and not others:
        return Reading((), (), block, failures=tuple(unread))
    susd_address = deployment.addresses["susd"]
    susd = Asset(token_id(deployment.chain, susd_address), "sUSD", DECIMALS)
    (found, could), susd_quote = yield from both(
        both(
            join(
                [_account(one, system, wallet, block, susd, openings=openings) for one in held], isolate=True
            ),
            join([details(one, system, wallet, block, openings=True) for one in others], isolate=True),
        ),
        _susd_quote(system.exchange_rates, susd),
    )
    for one, outcome in zip(held, found, strict=True):
        if isinstance(outcome, ReadError):
            unread.append(failure_of(one.market, wallet, block, outcome, one.label))
    reading = _reading([one for one in found if not isinstance(one, ReadError)], susd_quote, block, unread)
    if not openings:
        return reading
    openable = [
        f"{one.label}: {said}"
        if isinstance(said, ReadError)
        else openable_of(said, wallet, block, susd, susd_quote)
        for one, said in zip(others, could, strict=True)
    ]
    untold = [sentence for one in found if not isinstance(one, ReadError) for sentence in one.untold]
    untold += [one for one in openable if isinstance(one, str)]
    told = [f"{deployment.name}: nothing can be opened, or it is not known: {'; '.join(untold)}"]
    return replace(
        reading,
        accounts=tuple(with_quotes(one, susd_quote) for one in reading.accounts),
        openable=tuple(one for one in openable if not isinstance(one, str)),
        warnings=(*reading.warnings, *(told if untold else ())),
    )


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


def _check_susd(deployment: Deployment) -> Read[None]:
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


def _held(
    markets: tuple[Address, ...], wallet: Address
) -> Read[tuple[list[Held], list[Held], dict[Address, ReadError]]]:
    """Where the wallet has an account, where it has none, and markets that could not be asked: each may hold
    a position.

    Raises where none could be asked.
    """
    positions, keys, assets, lengths = yield from ask(
        [
            calls.POSITIONS.each(markets, wallet),
            calls.MARKET_KEY.each(markets),
            calls.BASE_ASSET.each(markets),
            calls.FUNDING_SEQUENCE_LENGTH.each(markets),
        ]
    )
    failed = {
        markets[i]: error
        for column in (positions, keys, assets, lengths)
        for i, error in column.failures.items()
    }
    if len(failed) == len(markets):
        raise failed[markets[0]].with_traceback(None)
    rows = zip(
        markets,
        keys.outcomes(),
        assets.outcomes(),
        lengths.outcomes(),
        positions.outcomes(1),
        positions.outcomes(2),
        positions.outcomes(3),
        positions.outcomes(4),
        strict=True,
    )
    # A pending order needs no look of its own: to be accepted it must leave more margin than its deposit,
    # and no margin can be withdrawn while it waits.
    asked = [
        Held(market, key, asset, length - 1, index, margin, last_price, size)
        for market, key, asset, length, index, margin, last_price, size in rows
        if market not in failed
    ]
    held = [one for one in asked if one.margin or one.size]
    return held, [one for one in asked if not (one.margin or one.size)], failed


def _account(
    held: Held, system: System, wallet: Address, block: Block, susd: Asset, *, openings: bool
) -> Read[_Found]:
    found = yield from details(held, system, wallet, block, openings=openings)
    could = could_open(found, susd, "") if openings and not held.size else None
    return _Found(
        account_of(found, wallet, block, susd),
        quote_of(found),
        warnings_of(found, block.timestamp),
        [could] if isinstance(could, str) else [],
    )


def _susd_quote(exchange_rates: Address, susd: Asset) -> Read[Quote]:
    call = calls.RATE.at(exchange_rates, name_key("sUSD"))
    [rate] = yield from ask([call])
    if rate.invalid or rate.value <= 0:
        raise UnusablePrice(susd.id, call.origin, rate.value)
    return Quote(susd.id, rate.value, DECIMALS, call.origin)


def _reading(
    found: Sequence[_Found],
    susd_quote: Quote,
    block: Block,
    unread: Sequence[AccountFailure],
) -> Reading:
    quotes = {one.quote.origin: one.quote for one in found if one.quote}
    return Reading(
        accounts=tuple(one.account for one in found),
        quotes=(susd_quote, *quotes.values()),
        source=block,
        warnings=tuple(sentence for one in found for sentence in one.warnings),
        failures=tuple(unread),
    )
