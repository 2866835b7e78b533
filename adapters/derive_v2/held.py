"""All that decides an account's margin, in one round: its book, and its manager's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.derive_v2 import calls
from adapters.derive_v2.books import Case, read_book
from adapters.derive_v2.feeds import read_price
from adapters.derive_v2.margin import Book
from adapters.derive_v2.overview import Overview
from adapters.derive_v2.system import Shared, System, read_token, token_behind
from aggregator.contract import Read, ask, both, join
from aggregator.model.assets import Asset, AssetId
from aggregator.model.errors import ReadError, Unsupported
from aggregator.model.rules import Feed
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Word:
    """What the manager and the auction say of an account; `endable`: whether a live auction could end."""

    maintenance: int
    initial: int
    value: int
    endable: bool | None


@dataclass(frozen=True, slots=True)
class Held:
    """An account with what decides its margin. `tokens` stand behind its collateral, by asset."""

    case: Case
    book: Book
    stable: Feed
    tokens: Mapping[Address, Asset]
    word: Word


def case_of(system: System, shared: Shared, found: Overview, time: int) -> Case:
    """An account with its manager; raises Unsupported where that is not known."""
    manager = system.managers.get(found.manager)
    if manager is None:
        raise Unsupported(
            f"the manager {found.manager} of account {found.account}",
            "name it in the deployment's addresses, with a role that begins with srm, pmrm or pmrm2",
        )
    if isinstance(manager, ReadError):
        raise manager.with_traceback(None)
    return Case(system, shared, manager, found, time)


def read_held(case: Case, symbols: Mapping[AssetId, str]) -> Read[Held]:
    """An account that may owe something."""
    (book, (stable, _)), (word, tokens) = yield from both(
        both(read_book(case), read_price(case.manager.stable_feed, case.shared.token.id)),
        both(_word(case), _tokens(case, symbols)),
    )
    return Held(case, book, stable, tokens, word)


def _word(case: Case) -> Read[Word]:
    account, manager = case.found.account, case.manager.address
    (maintenance, initial), ([(_, value)], statuses) = yield from both(
        ask([calls.MARGIN.at(manager, account, kind) for kind in (calls.MAINTENANCE, calls.INITIAL)]),
        both(
            ask([calls.MARGIN_AND_VALUE.at(manager, account, calls.MAINTENANCE, 0)]),
            ask([calls.AUCTION_STATUS.at(case.system.auction, account)] if case.found.auction else []),
        ),
    )
    return Word(maintenance, initial, value, statuses[0][0] if statuses else None)


def _tokens(case: Case, symbols: Mapping[AssetId, str]) -> Read[dict[Address, Asset]]:
    tokens = yield from join([_token(case, base, symbols) for base in case.bases])
    return dict(zip(case.bases, tokens, strict=True))


def _token(case: Case, base: Address, symbols: Mapping[AssetId, str]) -> Read[Asset]:
    token = yield from token_behind(case.shared, base)
    return (yield from read_token(case.system, token, symbols))
