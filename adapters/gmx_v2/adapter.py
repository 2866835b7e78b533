"""Reads a wallet's positions, orders, claims and shares of pools in three rounds.

1. all markets and vaults (shared), the wallet's positions and the keys of its orders;
2. each held market's state and prices (shared); orders, claims, and balances of all pools and vaults;
3. the Reader's own word on each position, shared inventories, and the state of pools that are held.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from adapters.gmx_v2 import account, calls, claims, pools, reading
from adapters.gmx_v2.calls import RawPosition
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
        found = yield from reading.lists(deployment, known, wallet)
        outcomes, ((others, unread)) = yield from both(
            join([_position(deployment, known, one, found, block) for one in found.positions], isolate=True),
            _others(deployment, known, wallet, found, block),
        )
        good: list[_Found] = list(others)
        for one, outcome in zip(found.positions, outcomes, strict=True):
            if isinstance(outcome, ReadError):
                name = account.account_id(deployment.chain, one)
                label = account.label_of(deployment, known, one, found.markets.get(one.market))
                unread.append(AccountFailure(name, "gmx_v2", deployment.chain, label, outcome))
            else:
                good.append(outcome)
        return _reading(deployment, found, good, unread, block)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How many markets there are, and which Reader says so; raises where none answers."""
        known, store = self._tables[deployment.key], deployment.addresses["data_store"]
        asked = [calls.MARKETS.at(one, store, 0, reading.MOST) for one in known.readers]
        number, markets = newest((yield from attempt(asked)))
        if isinstance(markets, ReadError):
            raise markets.with_traceback(None)
        return (f"{len(markets)} markets at block {block.number}, by the Reader {known.readers[number]}",)


def build(deployments: Deployments) -> Adapter:
    """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        if missing := [role for role in ROLES if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
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
    deployment: Deployment, known: Table, wallet: Address, found: Lists, block: Block
) -> Read[tuple[list[_Found], list[AccountFailure]]]:
    """Orders, claims and pools; requests that wait for a keeper are named as what is not read."""
    [claimed], [held] = yield from both(
        join([_claims(deployment, known, wallet, found)], isolate=True),
        join([_pools(deployment, known, wallet, found, block)], isolate=True),
    )
    good, unread = [], []
    if isinstance(claimed, ReadError):
        unread.append(_failure(deployment, claims.claims_id(deployment, wallet), claimed))
    elif claimed is not None:
        good.append(claimed)
    if isinstance(held, ReadError):
        unread.append(_failure(deployment, f"gmx_v2:{deployment.chain}:pools:{wallet}", held))
    else:
        good.extend(held[0])
        unread.extend(held[1])
    for name, count in found.pending.items():
        if count:
            kind = name.removeprefix("ACCOUNT_").removesuffix("_LIST").replace("_", " ").lower()
            what = f"{count} {kind} of GMX V2 that waits for a keeper"
            error = Unsupported(what, "read again once it is executed")
            unread.append(_failure(deployment, f"gmx_v2:{deployment.chain}:{kind}:{wallet}", error))
    return good, unread


def _claims(deployment: Deployment, known: Table, wallet: Address, found: Lists) -> Read[_Found | None]:
    claimed = yield from claims.claims(deployment, wallet, found)
    if claimed.is_empty:
        return None
    own, quotes = yield from claims.account(deployment, known, wallet, claimed)
    return _Found(own, [], quotes, claims.warnings_of(deployment, claimed))


def _pools(
    deployment: Deployment, known: Table, wallet: Address, found: Lists, block: Block
) -> Read[tuple[list[_Found], list[AccountFailure]]]:
    held = yield from pools.shares(wallet, deployment, found)
    good, bad = yield from pools.accounts(deployment, known, wallet, found, held, block.timestamp)
    return [_Found(one, replies, [], []) for one, replies in good], bad


def _failure(deployment: Deployment, identity: str, error: ReadError) -> AccountFailure:
    return AccountFailure(identity, "gmx_v2", deployment.chain, deployment.name, error)


def _reading(
    deployment: Deployment,
    found: Lists,
    good: Sequence[_Found],
    unread: Sequence[AccountFailure],
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
    warnings = dict.fromkeys(warning for one in good for warning in one.warnings)
    if good or unread:
        warnings[
            f"{deployment.name}: collateral that may be claimed after large price impact is not read"
        ] = None
    return Reading(
        accounts=tuple(one.account for one in good),
        quotes=tuple(quotes.values()),
        source=block,
        warnings=tuple(warnings),
        receipts=tuple(token_id(deployment.chain, one) for one in (*found.markets, *found.vaults)),
        failures=tuple(unread),
    )
