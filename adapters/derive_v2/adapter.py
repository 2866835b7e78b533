"""Reads a wallet's subaccounts in three rounds.

1. the events that name accounts of the wallet; where the deployment's parts are (shared);
2. each account's owner, manager and balances; the managers' libraries and collateral (shared);
3. each account's prices, volatilities, perps, and its manager's word on it.

A round more where the standard manager has more than `managers.FIRST` markets, and where version 2.1 of the
portfolio manager has a library of its own for an account. A venue is asked beside it, in the first two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

from adapters.derive_v2 import venue, warnings
from adapters.derive_v2.account import account_of, cash_account, label_of, rule_of
from adapters.derive_v2.answering import Found, OnChain, Place, answer_of
from adapters.derive_v2.family import DeriveFamily
from adapters.derive_v2.held import case_of, read_held
from adapters.derive_v2.managers import NOBODY, StandardManager, kind_of, names_of
from adapters.derive_v2.overview import Overview, candidates, numbers_of, overview
from adapters.derive_v2.system import Shared, System, read_shared, read_system
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, both, join
from aggregator.model.accounts import ProtocolKind
from aggregator.model.assets import AssetId
from aggregator.model.errors import BadConfiguration, CallReverted, ReadError, Unsupported
from aggregator.model.readings import Block, Reading
from aggregator.model.units import Address, keccak

ROLES = ("sub_accounts", "cash", "auction")

TOO_OLD = tuple(
    keccak(error.encode())[:4].hex()
    for error in ("BLF_DataTooOld()", "LFF_SettlementDataTooOld()", "LFF_MissingExpiryData()")
)
"""How feeds refuse to answer of data beyond their heartbeat, or that they never had."""

FirstRound: TypeAlias = tuple[System, list[int]]


class DeriveAdapter:
    """The subaccounts of each deployment; an account belongs to its NFT's holder, or to who deposited it."""

    name = "derive_v2"
    kind: ProtocolKind = "option"
    family: RuleFamily | None = DeriveFamily()
    deployments: Collection[Deployment]

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments.entries
        self._tokens = deployments.tokens
        self._symbols = {token.asset.id: token.asset.symbol for token in deployments.tokens}

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's accounts that have anything; one that can't be read fails alone."""
        [found], listing = yield from both(
            join([both(read_system(deployment), candidates(deployment, wallet))], isolate=True),
            venue.listed(deployment, wallet, block),
        )
        [chain], said = yield from both(
            join([self._on_chain(found, listing, wallet, block)], isolate=True), venue.said(listing)
        )
        if isinstance(chain, ReadError) and not listing.numbers:
            raise chain.with_traceback(None)
        return answer_of(chain, said, Place(deployment, self._tokens, wallet, block))

    def _on_chain(
        self, found: FirstRound | ReadError, listing: venue.Listing, wallet: Address, block: Block
    ) -> Read[OnChain]:
        """What the chain says of the accounts that it or the venue knows."""
        if isinstance(found, ReadError):
            raise found.with_traceback(None)
        system, own = found
        numbers = sorted({*own, *listing.numbers})
        if not numbers:
            return OnChain(None, {})
        shared, seen = yield from both(
            read_shared(system, self._symbols),
            join([overview(system, number, wallet) for number in numbers], isolate=True),
        )
        there = {number: one for number, one in zip(numbers, seen, strict=True) if not _is_nothing(one)}
        outcomes = yield from join(
            [_account(system, shared, one, wallet, block, self._symbols) for one in there.values()],
            isolate=True,
        )
        return OnChain(shared, dict(zip(there, outcomes, strict=True)))

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """The managers, cash and its rate, whether its venue answers.

        Raises Unsupported where a configured manager can't be read.
        """
        system, listing = yield from both(read_system(deployment), venue.listed(deployment, NOBODY, block))
        shared = yield from read_shared(system, self._symbols)
        sentences = [f"cash is {shared.token.symbol} at block {block.number}"]
        for address, manager in system.managers.items():
            if isinstance(manager, ReadError):
                raise Unsupported(f"the manager {address} of {deployment.name}", str(manager)) from manager
            if isinstance(manager, StandardManager):
                sentences.append(f"the standard manager has {len(manager.markets)} markets")
            else:
                version, name = manager.version, manager.market.name
                sentences.append(f"a portfolio manager of version {version} for {name}")
        if listing.name:
            sentences.append(
                f"venue {listing.name} answers" if listing.answers else venue.of_listing(listing, ())[0]
            )
        return (*sentences, *warnings.of_deployment(deployment, shared, listing.answers))


def build(deployments: Deployments) -> Adapter:
    """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        if missing := [role for role in ROLES if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
        if not any(map(kind_of, entry.addresses)):
            raise BadConfiguration(entry.key, "addresses name no manager (srm, pmrm… or pmrm2…)")
        numbers_of(entry)
        names_of(entry)
        venue.venue_of(entry)
    return DeriveAdapter(deployments)


def _is_nothing(one: Overview | ReadError | None) -> bool:
    """Another's account, or one that is empty."""
    return one is None or (isinstance(one, Overview) and not (one.balances or one.auction))


def _account(
    system: System,
    shared: Shared,
    found: Overview | ReadError,
    wallet: Address,
    block: Block,
    symbols: Mapping[AssetId, str],
) -> Read[Found]:
    if isinstance(found, ReadError):
        raise found.with_traceback(None)
    if found.is_cash_only(system.cash):
        return cash_account(system, shared, found, wallet, block), (), []
    case = case_of(system, shared, found, block.timestamp)
    try:
        held = yield from read_held(case, symbols)
    except CallReverted as error:
        if any(one in error.reason for one in TOO_OLD):
            what = f"{label_of(found.account)} at data that is too old ({error.origin})"
            advice = "its feed answers nothing until somebody writes newer data to it: try again later"
            raise Unsupported(what, advice) from error
        raise
    rule = rule_of(held, block)
    account, quotes = account_of(held, rule, wallet, block)
    return account, quotes, warnings.of_account(held, rule, block)
