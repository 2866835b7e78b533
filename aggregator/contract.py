"""What an adapter is written against: requests, how to ask for them, Adapter and RuleFamily.

Beside them Owners, who find a wallet's other addresses, and SecondSource, which contracts are compared with.

An adapter yields requests and receives decoded replies; it never performs I/O. A read of several stages is
several `yield from`; the engine merges the stages of all reads of all wallets into common rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls, Function
from aggregator.abi.graph import Indexed, Query, Subgraph
from aggregator.abi.http import Http, Observed
from aggregator.abi.json_rows import Row
from aggregator.abi.logs import Event, Log, Logs
from aggregator.model.accounts import ProtocolKind
from aggregator.model.assets import ListedToken
from aggregator.model.errors import (
    UNANSWERED,
    AdapterFault,
    BadConfiguration,
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
)
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import Feed, JsonValue, Oracle, Rule
from aggregator.model.sightings import SightingKind, Sightings
from aggregator.model.units import Address, ChainId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Adapter",
    "AdapterFactory",
    "Call",
    "Calls",
    "Column",
    "Columns",
    "Deployment",
    "Deployments",
    "Event",
    "Function",
    "Http",
    "Indexed",
    "Log",
    "Logs",
    "Observed",
    "Owned",
    "Owners",
    "OwnersFactory",
    "Query",
    "Read",
    "Request",
    "Row",
    "RuleFamily",
    "SecondSource",
    "SecondSourceFactory",
    "Shocked",
    "Subgraph",
    "ask",
    "attempt",
    "both",
    "join",
    "symbol_of",
]

K = TypeVar("K")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Request(Protocol[T_co]):
    """Something to fetch: hashable, so that what several reads share is fetched once."""

    def decode(self, raw: bytes) -> T_co:
        """The typed reply; raises MalformedReply where the bytes are not what was asked for."""
        ...


# A read yields batches of requests and is sent their replies, failures included as values.
Read: TypeAlias = Generator[Sequence[Request[Any]], Sequence[Any], R]


def attempt(requests: Sequence[Request[T]]) -> Read[list[T | ReadError]]:
    """Send one batch; a request that the contract failed answers with its error as a value.

    Raises the error of a request, or of a call of a columnar one, that nobody answered: nothing follows from
    that, while a revert is an answer.
    """
    replies = list((yield requests)) if requests else []
    for reply in replies:
        _check_answered(reply)
    return replies


def ask(requests: Sequence[Request[T]]) -> Read[list[T]]:
    """Send one batch; raises the first failure among the replies.

    A columnar request whose calls the contracts failed one by one answers with a Column that holds their
    errors.
    """
    replies: list[T] = []
    for reply in (yield from attempt(requests)):
        if isinstance(reply, ReadError):
            # The same error answers every read that shares the request: each starts a traceback of its own.
            raise reply.with_traceback(None)
        replies.append(reply)
    return replies


def _check_answered(reply: object) -> None:
    error = reply.unanswered if isinstance(reply, Column) else reply
    if isinstance(error, UNANSWERED):
        raise error.with_traceback(None)


def both(first: Read[R], second: Read[S]) -> Read[tuple[R, S]]:
    """Run two reads in the same rounds; a failure of either is raised once both have ended."""
    a, b = yield from join([first, second], isolate=True)
    for outcome in (a, b):
        if isinstance(outcome, ReadError):
            raise outcome.with_traceback(None)
    return a, b


def join(reads: Iterable[Read[Any]], *, isolate: bool = False) -> Read[list[Any]]:
    """Run any number of reads in common rounds; results in the order given.

    Flat, so that 100,000 reads do not deepen the stack. With `isolate` a read that fails answers with its
    error as a value; anything that is not a ReadError becomes an AdapterFault with its cause chained.
    Without it the first failure is raised at once.
    """
    results: dict[int, Any] = {}
    live: list[tuple[int, Read[Any], Any]] = [(i, read, None) for i, read in enumerate(reads)]
    count = len(live)
    while live:
        waiting: list[tuple[int, Read[Any], Sequence[Request[Any]]]] = []
        for i, read, replies in live:
            try:
                waiting.append((i, read, list(read.send(replies))))
            except StopIteration as done:
                results[i] = done.value
            except ReadError as error:
                if not isolate:
                    raise
                results[i] = error
            except Exception as error:  # one broken adapter must not take the others along
                if not isolate:
                    raise
                fault = AdapterFault(f"{type(error).__name__}: {error}")
                fault.__cause__ = error
                results[i] = fault
        if not waiting:
            break
        merged = yield [request for _, _, requests in waiting for request in requests]
        live, start = [], 0
        for i, read, requests in waiting:
            live.append((i, read, merged[start : start + len(requests)]))
            start += len(requests)
    return [results[i] for i in range(count)]


def symbol_of(token: Address, answer: str | ReadError) -> str:
    """A token's own name for itself; its address where it has none, or none that is text (bytes32).

    Raises what else kept it from answering.
    """
    if isinstance(answer, (CallReverted, MalformedReply, NoContract)):
        return token
    if isinstance(answer, ReadError):
        raise answer.with_traceback(None)
    return answer or token


@dataclass(frozen=True, slots=True)
class Deployment:
    """One protocol market on one chain.

    `addresses` by role; `options` are further settings of the entry as TOML gave them. `source` says where
    the addresses come from; `verified` is True where this adapter was seen working on it.
    """

    adapter: str
    chain: ChainId
    name: str
    addresses: Mapping[str, Address]
    source: str
    first_block: int | None = None
    verified: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Unique among deployments: `adapter:chain:name`."""
        return f"{self.adapter}:{self.chain}:{self.name}"

    def oracles(self, named: Callable[[str], K]) -> dict[K, Oracle]:
        """Oracle kinds by what `named` makes of the names in `options.oracle`; all else is at its market.

        Raises BadConfiguration where that is no table of kinds, and what `named` raises.
        """
        kinds = self.options.get("oracle", {})
        if not isinstance(kinds, Mapping):
            raise BadConfiguration(self.key, "options.oracle should be a table")
        allowed = [kind.value for kind in Oracle]
        for name, kind in kinds.items():
            if kind not in allowed:
                why = f"options.oracle of {name} is {kind!r}, not one of {allowed}"
                raise BadConfiguration(self.key, why)
        return {named(name): Oracle(kind) for name, kind in kinds.items()}


@dataclass(frozen=True, slots=True)
class Deployments:
    """What a factory is given: its own deployments and the configuration's listed tokens."""

    entries: tuple[Deployment, ...]
    tokens: tuple[ListedToken, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Shocked:
    """The prices of a batch of scenarios as a rule family sees them.

    `prices` has shape (feeds, scenarios): each row belongs to `Columns.feeds` in that order, in units of
    the feed's own quote currency (float64, no decimals). `time` in Unix seconds. `quote_usd`, of the same
    shape, is what one unit of that currency is worth: 1 for feeds in USD.
    """

    prices: NDArray[np.float64]
    time: int
    quote_usd: NDArray[np.float64]

    @staticmethod
    def in_usd(prices: NDArray[np.float64], time: int) -> Shocked:
        """Prices of feeds that are all in USD."""
        import numpy as np  # noqa: PLC0415  # most users of this module need none

        return Shocked(prices, time, np.broadcast_to(1.0, prices.shape))


class Columns(Protocol):
    """The rules of many accounts as arrays; its layout is its family's own business."""

    @property
    def feeds(self) -> Sequence[Feed]:
        """The feeds of all accounts, concatenated: the rows that `Shocked.prices` must have."""
        ...


class RuleFamily(Protocol):
    """The fast form of a protocol's solvency test: all accounts of that family at once."""

    name: str

    def columns(self, rules: Sequence[Rule]) -> Any:
        """The rules as arrays (a `Columns` of this family); row i belongs to rules[i]."""
        ...

    def margin(self, columns: Any, shocked: Shocked) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(power N, requirement Q) in USD, each of shape (accounts, scenarios); see model.rules.Health."""
        ...

    def load(self, data: Mapping[str, JsonValue]) -> Rule:
        """The rule that `Rule.to_json` wrote; raises ValueError on data of another family or shape."""
        ...


class Adapter(Protocol):
    """All knowledge of one protocol: where it lives, how to read it, its solvency test."""

    name: str
    kind: ProtocolKind
    deployments: Collection[Deployment]
    family: RuleFamily | None

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """A wallet's accounts at one deployment; `accounts` is empty where it has none.

        Raises ReadError (never returns a smaller number) where a figure of an existing position is missing;
        where that concerns some accounts only, they are `failures` of the reading.
        """
        ...

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """What `doctor` reports of a deployment, as sentences; raises ReadError where it can't be used."""
        ...


class AdapterFactory(Protocol):
    """What an entry point in the group `crossmargin.adapters` names."""

    def __call__(self, deployments: Deployments) -> Adapter:
        """The adapter over these deployments; raises BadConfiguration where an entry lacks an address."""
        ...


@dataclass(frozen=True, slots=True)
class Owned:
    """How an address belongs to an owner, as contracts say.

    `via` is a short text of ours for people, such as `DSProxy` or `Safe 2 of 3`: of what a chain says it
    holds numbers only. `counts` where the owner needs nobody else to use what the address holds, and nobody
    who may use it, too, can have given it to the owner unasked.
    """

    via: str
    counts: bool


class Owners(Protocol):
    """All knowledge of one kind of contract that holds positions for somebody: a proxy or a smart wallet.

    `finds` is False where no contract tells what an owner has: only what the user links is proven then.
    """

    name: str
    finds: bool
    deployments: Collection[Deployment]

    def find(self, deployment: Deployment, owner: Address, block: Block) -> Read[tuple[Address, ...]]:
        """Every address that may belong to an owner here; asked only where `finds`.

        Best in one round: a wallet is asked beside its positions. Raises ReadError where one may be missing.
        """
        ...

    def prove(
        self, deployment: Deployment, owner: Address, address: Address, block: Block
    ) -> Read[Owned | None]:
        """How an address, found here or linked by the user, belongs to an owner; None where it does not.

        In one round, which goes along with the first one of the address's positions. Of a linked address any
        contract may answer: a ReadError then tells that it is of another kind.
        """
        ...

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """See Adapter.probe."""
        ...


class OwnersFactory(Protocol):
    """What an entry point in the group `crossmargin.owners` names."""

    def __call__(self, deployments: Deployments) -> Owners:
        """The finder over these deployments; raises BadConfiguration where an entry lacks an address."""
        ...


class SecondSource(Protocol):
    """How subgraphs of one schema are asked for a wallet's positions, to be compared with the contracts'.

    `kinds` are the kinds of position that the schema has at all.
    """

    schema: str
    kinds: Collection[SightingKind]

    def unseen(self, kind: SightingKind, amount: Decimal) -> str:
        """Why the schema does not know of a position of one of its kinds, of this amount: "who wrote it".

        Empty where it should know.
        """
        ...

    def read(self, subgraph: str, chain: ChainId, owner: Address) -> Read[Sightings]:
        """All positions of an owner in a subgraph of this name, at the pinned block or a little before it.

        Raises ReadError (never returns fewer) where one can't be read.
        """
        ...


class SecondSourceFactory(Protocol):
    """What an entry point in the group `crossmargin.second_sources` names."""

    def __call__(self, tokens: tuple[ListedToken, ...]) -> SecondSource:
        """The second source, for which `tokens` say what moves them."""
        ...
