"""A wallet's margin accounts in all markets, with what could be opened or without it."""

from __future__ import annotations

from collections.abc import Sequence
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
from adapters.synthetix_perps_v2.margin import DECIMALS
from adapters.synthetix_perps_v2.market import Held, System, details
from adapters.synthetix_perps_v2.names import name_key
from adapters.synthetix_perps_v2.system import system_of
from aggregator.contract import Deployment, Read, ask, both, join
from aggregator.model.accounts import Account
from aggregator.model.assets import Asset, token_id
from aggregator.model.errors import ReadError, UnusablePrice
from aggregator.model.readings import AccountFailure, Block, Quote, Reading
from aggregator.model.units import Address


class _Found(NamedTuple):
    """One margin account and what comes with it."""

    account: Account
    quote: Quote | None
    warnings: list[str]
    untold: list[str]


def read_accounts(deployment: Deployment, wallet: Address, block: Block, *, openings: bool) -> Read[Reading]:
    """See PerpsV2Adapter; with `openings` also what could be opened in every market."""
    system = yield from system_of(deployment)
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
