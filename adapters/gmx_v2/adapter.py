"""Reads a wallet's positions, orders, claims and shares of pools in three rounds.

1. all markets and vaults (shared), the wallet's positions and the keys of its orders;
2. each held market's state and prices (shared); orders, claims, and balances of all pools and vaults;
3. the Reader's own word on each position, shared inventories, and the state of pools that are held.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from adapters.gmx_v2 import account, calls, claims, collateral, pools, reading
from adapters.gmx_v2.calls import RawPosition
from adapters.gmx_v2.collateral import Slot
from adapters.gmx_v2.family import GmxFamily
from adapters.gmx_v2.reading import Lists, MarketReply
from adapters.gmx_v2.tokens import Table, index_asset, newest, table
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, attempt, both, join
from aggregator.model.accounts import Account, ProtocolKind
from aggregator.model.assets import AssetId, token_id
from aggregator.model.errors import BadConfiguration, MalformedReply, ReadError, Unsupported
from aggregator.model.readings import AccountFailure, Block, Quote, Reading
from aggregator.model.units import Address

ROLES = ("reader", "data_store", "referral_storage", "price_provider")


class _Found(NamedTuple):
    """One account, and what comes with it."""

    account: Account
    markets: list[MarketReply]
    quotes: list[Quote]
    warnings: list[str]


class GmxV2Adapter:
    """All markets of each deployment."""

    name = "gmx_v2"
    kind: ProtocolKind = "perp"
    family: RuleFamily | None = GmxFamily()
    deployments: Collection[Deployment]

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments.entries
        self._tables = {one.key: table(one, deployments.tokens) for one in deployments.entries}

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's accounts: one of each position, of orders and claims, and of each pool or vault.

        Each fails alone. Raises where the lists can't be read, or what was asked with them.
        """
        known = self._tables[deployment.key]
        found, [slots] = yield from both(
            reading.lists(deployment, known, wallet),
            join([collateral.slots(deployment, wallet, block)], isolate=True),
        )
        outcomes, ((others, unread, told)) = yield from both(
            join([_position(deployment, known, one, found, block) for one in found.positions], isolate=True),
            _others(deployment, known, wallet, found, slots, block),
        )
        good: list[_Found] = list(others)
        for one, outcome in zip(found.positions, outcomes, strict=True):
            if isinstance(outcome, ReadError):
                name = account.account_id(deployment.chain, one)
                label = account.label_of(deployment, known, one, found.markets.get(one.market))
                unread.append(AccountFailure(name, "gmx_v2", deployment.chain, label, outcome))
            else:
                good.append(outcome)
        return _reading(deployment, found, good, unread, told, block)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How many markets there are, and which Reader says so; raises where none answers."""
        known, store = self._tables[deployment.key], deployment.addresses["data_store"]
        asked = [calls.MARKETS.at(one, store, 0, reading.MOST) for one in known.readers]
        number, markets = newest((yield from attempt(asked)))
        if isinstance(markets, ReadError):
            raise markets.with_traceback(None)
        return (f"{len(markets)} markets at block {block.number}, by the Reader {known.readers[number]}",)


def build(deployments: Deployments) -> Adapter:
    """The adapter over these deployments; raises BadConfiguration on what it can't use of one."""
    for entry in deployments.entries:
        if missing := [role for role in ROLES if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
        collateral.blocks(entry)
    return GmxV2Adapter(deployments)


def _position(
    deployment: Deployment, known: Table, one: RawPosition, found: Lists, block: Block
) -> Read[_Found]:
    raw = found.markets.get(one.market)
    if raw is None or raw.index_token == reading.ZERO:
        where = account.account_id(deployment.chain, one)
        raise MalformedReply(where, "a position in no market of positions")
    if one.collateral not in (raw.long_token, raw.short_token):
        where = account.account_id(deployment.chain, one)
        raise MalformedReply(where, "collateral that is no token of its market")
    [draft] = yield from join([reading.market(deployment, known, raw)])
    ([state], [last]), said = yield from both(
        both(
            join([reading.with_inventory(deployment, draft)]),
            join([account.settled(deployment, one, draft)]),
        ),
        account.own_word(deployment, found.reader, one, draft),
    )
    rule = account.rule_of(one, state, last, said[0], block)
    return _Found(
        account.account_of(deployment, found.reader, known, one, state, rule, said),
        [state],
        [],
        account.warnings_of(deployment, state.market, rule),
    )


def _others(
    deployment: Deployment,
    known: Table,
    wallet: Address,
    found: Lists,
    slots: tuple[Slot, ...] | ReadError,
    block: Block,
) -> Read[tuple[list[_Found], list[AccountFailure], list[str]]]:
    """Orders, claims and pools, what failed of them, and warnings of claims.

    Requests that wait for a keeper are named as what is not read.
    """
    there = () if isinstance(slots, ReadError) else slots
    [claimed], [held] = yield from both(
        join([_claims(deployment, known, wallet, found, there, block)], isolate=True),
        join([_pools(deployment, known, wallet, found, block)], isolate=True),
    )
    good: list[_Found] = []
    unread: list[AccountFailure] = []
    told: list[str] = []

    def failed(kind: str, error: ReadError) -> None:
        name = f"gmx_v2:{deployment.chain}:{kind}:{wallet}"
        unread.append(AccountFailure(name, "gmx_v2", deployment.chain, f"{deployment.name} {kind}", error))

    if isinstance(slots, ReadError):
        failed("collateral to claim", slots)
    if isinstance(claimed, ReadError):
        name, label = claims.claims_id(deployment, wallet), claims.claims_label(deployment)
        unread.append(AccountFailure(name, "gmx_v2", deployment.chain, label, claimed))
    else:
        good.extend(claimed[0])
        told.extend(claimed[1])
    if isinstance(held, ReadError):
        failed("pools", held)
    else:
        good.extend(held[0])
        unread.extend(held[1])
    for name, count in found.pending.items():
        if count:
            kind = name.removeprefix("ACCOUNT_").removesuffix("_LIST").replace("_", " ").lower()
            what = f"{count} {kind} of GMX V2 that waits for a keeper"
            failed(kind, Unsupported(what, "read again once it is executed"))
    return good, unread, told


def _claims(
    deployment: Deployment,
    known: Table,
    wallet: Address,
    found: Lists,
    slots: tuple[Slot, ...],
    block: Block,
) -> Read[tuple[list[_Found], list[str]]]:
    claimed = yield from claims.claims(deployment, wallet, found, slots, block.timestamp)
    told = claims.warnings_of(deployment, claimed)
    if claimed.is_empty:
        return [], told
    own, quotes = yield from claims.account(deployment, known, wallet, claimed)
    return [_Found(own, [], quotes, [])], told


def _pools(
    deployment: Deployment, known: Table, wallet: Address, found: Lists, block: Block
) -> Read[tuple[list[_Found], list[AccountFailure]]]:
    held = yield from pools.shares(wallet, deployment, found)
    good, bad = yield from pools.accounts(deployment, known, wallet, found, held, block.timestamp)
    return [_Found(one, replies, [], []) for one, replies in good], bad


def _reading(
    deployment: Deployment,
    found: Lists,
    good: Sequence[_Found],
    unread: Sequence[AccountFailure],
    told: Sequence[str],
    block: Block,
) -> Reading:
    quotes: dict[AssetId, Quote] = {}
    for one in good:
        for reply in one.markets:
            for token in (reply.long, reply.short, reply.index):
                asset = token_id(deployment.chain, token.described.address)
                quotes.setdefault(asset, token.quote(asset))
            if not reply.only_swaps:
                index = index_asset(reply.index.described)
                quotes.setdefault(index, reply.index.quote(index))
        for quote in one.quotes:
            quotes.setdefault(quote.asset, quote)
    if any(one.markets for one in good):
        quotes[account.DOLLAR.id] = Quote(account.DOLLAR.id, 1, 0, "profits are counted in USD")
    warnings = dict.fromkeys([*told, *(warning for one in good for warning in one.warnings)])
    if (good or unread or told) and (unlooked := collateral.unlooked(deployment, block)):
        warnings[unlooked] = None
    return Reading(
        accounts=tuple(one.account for one in good),
        quotes=tuple(quotes.values()),
        source=block,
        warnings=tuple(warnings),
        receipts=tuple(token_id(deployment.chain, one) for one in (*found.markets, *found.vaults)),
        failures=tuple(unread),
    )
