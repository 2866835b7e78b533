"""Reads a wallet's positions, GLP and waiting orders in three rounds.

1. the vault's settings and list of tokens (shared by all wallets); what GLP and how many orders a wallet has;
2. state and prices of all tokens (shared); the wallet's position in every pair of them, its orders, the pool;
3. of open positions the vault's own word, of requests the tokens that they pay with.

A vault that lists more than `vault.FIRST` tokens takes a round more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from adapters.gmx_v1 import calls
from adapters.gmx_v1.account import PROTOCOL, TITLE, Found, account_of, failure_of
from adapters.gmx_v1.family import GmxFamily
from adapters.gmx_v1.names import Names
from adapters.gmx_v1.orders import read_orders
from adapters.gmx_v1.pool import pool_account
from adapters.gmx_v1.positions import Held, read_held, read_word
from adapters.gmx_v1.requests import read_requests
from adapters.gmx_v1.shares import read_shares
from adapters.gmx_v1.vault import System, read_settings, read_system
from adapters.gmx_v1.waiting import Book, book_account
from aggregator.contract import Adapter, Deployment, Deployments, Read, RuleFamily, ask, both, join
from aggregator.model.accounts import ProtocolKind
from aggregator.model.assets import AssetId, token_id
from aggregator.model.errors import BadConfiguration, ReadError
from aggregator.model.readings import AccountFailure, Block, Quote, Reading
from aggregator.model.units import Address, scaled

ROLES = ("vault", "reader", "glp_manager", "glp", "order_book", "position_router")
STAKING = ("fee_glp", "staked_glp")


class _Part(NamedTuple):
    """What one of the reads of a wallet brings."""

    found: tuple[Found, ...] = ()
    failures: tuple[AccountFailure, ...] = ()


class GmxAdapter:
    """Positions of the vault, GLP, the order book and the position router of each deployment."""

    name = PROTOCOL
    kind: ProtocolKind = "perp"
    family: RuleFamily | None = GmxFamily()
    deployments: Collection[Deployment]

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments.entries
        self._names = Names(deployments.tokens)

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """The wallet's positions, each for itself, its GLP and what waits; what can't be read fails alone.

        Raises where the vault's settings or all of its tokens can't be read.
        """
        at = (wallet, block)
        book, router = deployment.addresses["order_book"], deployment.addresses["position_router"]
        manager = deployment.addresses["glp_manager"]
        positions, *others = yield from join(
            [
                self._positions(deployment, at),
                self._pool(deployment, _id(manager, at), at),
                self._waiting(read_orders(deployment, self._names, wallet), _id(book, at), "orders", at),
                self._waiting(
                    read_requests(deployment, self._names, wallet), _id(router, at), "requests", at
                ),
            ],
            isolate=True,
        )
        if isinstance(positions, ReadError):
            raise positions.with_traceback(None)
        parts: list[_Part] = [positions]
        for outcome, contract, label in zip(
            others, (manager, book, router), ("GLP", "orders", "requests"), strict=True
        ):
            if isinstance(outcome, ReadError):
                failure = AccountFailure(
                    _id(contract, at), PROTOCOL, block.chain, f"{TITLE} {label}", outcome
                )
                parts.append(_Part(failures=(failure,)))
            else:
                parts.append(outcome)
        return self._reading(deployment, parts, block)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """How many tokens the vault lists, its largest leverage, and what the pool is worth."""
        settings = yield from read_settings(deployment)
        manager = deployment.addresses["glp_manager"]
        system, [aum] = yield from both(
            read_system(settings, self._names, deployment.chain),
            ask([calls.AUM.at(manager, False)]),  # noqa: FBT003
        )
        listed = sum(token.is_whitelisted for token in system.tokens.values())
        sentences = [
            f"{listed} tokens at block {block.number}, leverage up to {settings.max_leverage / 10_000:g}",
            f"a pool of {scaled(aum // 10**28, 2):,} USD",
        ]
        if missing := _missing(deployment):
            sentences.append(missing)
        return tuple(sentences)

    def _positions(self, deployment: Deployment, at: tuple[Address, Block]) -> Read[_Part]:
        wallet, block = at
        settings = yield from read_settings(deployment)
        system, (held, unasked) = yield from both(
            read_system(settings, self._names, deployment.chain), read_held(settings, wallet)
        )
        outcomes = yield from join(
            [self._position(deployment, system, one, at) for one in held], isolate=True
        )
        unread = [failure_of(system, pair, wallet, block, error) for pair, error in unasked.items()]
        for one, outcome in zip(held, outcomes, strict=True):
            if isinstance(outcome, ReadError):
                unread.append(failure_of(system, one.pair, wallet, block, outcome))
        found = tuple(one for one in outcomes if not isinstance(one, ReadError))
        return _Part(found, tuple(unread))

    def _position(
        self, deployment: Deployment, system: System, held: Held, at: tuple[Address, Block]
    ) -> Read[Found]:
        word = yield from read_word(deployment, system, held, at[0])
        return account_of(system, self._names, held, word, at)

    def _pool(self, deployment: Deployment, account_id: str, at: tuple[Address, Block]) -> Read[_Part]:
        found = yield from read_shares(deployment, self._names, at[0])
        if found is None:
            return _Part()
        return _Part((pool_account(*found, self._names, account_id, at),))

    def _waiting(
        self, read: Read[Book | None], account_id: str, label: str, at: tuple[Address, Block]
    ) -> Read[_Part]:
        book = yield from read
        found = book and book_account(book, self._names, account_id, label, at)
        return _Part((found,)) if found else _Part()

    def _reading(self, deployment: Deployment, parts: Sequence[_Part], block: Block) -> Reading:
        found = [one for part in parts for one in part.found]
        quotes: dict[tuple[AssetId, str], Quote] = {
            (quote.asset, quote.origin): quote for one in found for quote in one.quotes
        }
        warnings = [sentence for one in found for sentence in one.warnings]
        if missing := _missing(deployment):
            warnings.append(f"{deployment.name}: {missing}")
        roles = ("glp", *STAKING)
        addresses = [deployment.addresses[role] for role in roles if role in deployment.addresses]
        return Reading(
            accounts=tuple(one.account for one in found),
            quotes=tuple(quotes.values()),
            source=block,
            warnings=tuple(warnings),
            receipts=tuple(token_id(deployment.chain, one) for one in addresses),
            failures=tuple(failure for part in parts for failure in part.failures),
        )


def build(deployments: Deployments) -> Adapter:
    """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
    for entry in deployments.entries:
        if missing := [role for role in ROLES if role not in entry.addresses]:
            raise BadConfiguration(entry.key, f"addresses lack {', '.join(missing)}")
        if len([role for role in STAKING if role in entry.addresses]) == 1:
            raise BadConfiguration(entry.key, f"addresses name one of {' and '.join(STAKING)} alone")
    return GmxAdapter(deployments)


def _missing(deployment: Deployment) -> str:
    return "" if "fee_glp" in deployment.addresses else "staked GLP is not read: no address of its tracker"


def _id(contract: Address, at: tuple[Address, Block]) -> str:
    wallet, block = at
    return f"{PROTOCOL}:{block.chain}:{contract}:{wallet}"
