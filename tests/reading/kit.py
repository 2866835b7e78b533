"""Small reads and ways to run them against one endpoint or several."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

from aggregator.contract import Adapter, Call, Deployment, Read, Request, RuleFamily, ask
from aggregator.model.accounts import ProtocolKind
from aggregator.model.errors import ReadError
from aggregator.model.readings import Block, Failure, Reading
from aggregator.model.units import Address, ChainId
from aggregator.reading.chain import ChainReader
from aggregator.reading.recording import Recording
from aggregator.reading.run import Job, Run, drive, run
from aggregator.reading.source import Raw, Wanted
from aggregator.reading.transport import Client, Endpoint, Rpc
from tests.reading.contracts import ECHO, VALUE
from tests.reading.servers import Server

CHAIN = ChainId(31337)
SECOND = ChainId(31338)
R = TypeVar("R")
WALLETS = [Address("0x" + f"{i:040x}") for i in range(1, 101)]


def with_reader(
    endpoints: Sequence[str | Endpoint],
    use: Callable[[ChainReader], Awaitable[R]],
    chain: ChainId = CHAIN,
    **options: Any,
) -> R:
    """What `use` makes of a reader over these endpoints; `options` are ChainReader's."""

    async def live() -> R:
        async with Client() as client:
            known = [Endpoint.of(e) if isinstance(e, str) else e for e in endpoints]
            return await use(ChainReader(Rpc(known, chain, client), **options))

    return asyncio.run(live())


def fetch(url: str | Endpoint, requests: Sequence[Wanted], block: str = "latest") -> list[Raw]:
    """The replies to one batch of requests at one block."""

    async def use(reader: ChainReader) -> list[Raw]:
        return await reader.fetch(await reader.pin(block), requests)

    return with_reader([url], use)


def read(url: str, wanted: Read[R], block: str = "latest") -> R:
    """A read's result; raises what it raises."""

    async def use(reader: ChainReader) -> R:
        result, _ = await drive(wanted, reader, await reader.pin(block))
        return result

    return with_reader([url], use)


def replies(requests: Sequence[Request[Any]]) -> Read[list[Any]]:
    """What each request was answered, as a value also where nobody answered it."""
    return list((yield requests))


ReadOf = Callable[[Address, Block], Read[Any]]


class SmallAdapter:
    """An adapter whose reading holds the text of what a small read gave, as its only warning."""

    kind: ProtocolKind = "lending"
    family: RuleFamily | None = None

    def __init__(self, name: str, read_of: ReadOf, chain: ChainId = CHAIN) -> None:
        self.name = name
        self.deployments: Collection[Deployment] = (Deployment(name, chain, "only", {}, "these tests"),)
        self._read_of = read_of

    def read(self, deployment: Deployment, wallet: Address, block: Block) -> Read[Reading]:
        """See Adapter."""
        found = yield from self._read_of(wallet, block)
        return Reading((), (), block, (f"{deployment.key} {found}",))

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:
        """See Adapter."""
        found = yield from self._read_of(WALLETS[0], block)
        return (f"{deployment.key} {found}",)


def jobs(adapter: Adapter, wallets: Sequence[Address] = WALLETS[:1]) -> list[Job]:
    """One job per wallet."""
    [deployment] = adapter.deployments
    return [Job(adapter, deployment, wallet) for wallet in wallets]


def run_on(url: str, work: Sequence[Job], block: str = "latest") -> tuple[Run, int]:
    """The outcomes of jobs of one chain, and how many HTTP requests they took."""

    async def use(reader: ChainReader) -> tuple[Run, int]:
        return await run(work, {CHAIN: reader}, block), reader.requests

    return with_reader([url], use)


def texts(found: Run) -> list[str | ReadError]:
    """What each job's reading says, or its error."""
    return [
        outcome.result.error if isinstance(outcome.result, Failure) else outcome.result.warnings[0]
        for outcome in found.outcomes
    ]


def echoes(*numbers: int) -> ReadOf:
    """A read that asks one number a round, each of them an argument that comes back."""

    def read_of(wallet: Address, _: Block) -> Read[Any]:
        found: list[int] = []
        for number in numbers:
            found += yield from ask([VALUE.at(ECHO, number)])
        return f"{wallet[-2:]} {found}"

    return read_of


def asking(*requests: Request[Any]) -> ReadOf:
    """A read of one round."""

    def read_of(_: Address, __: Block) -> Read[Any]:
        return (yield from ask(requests))

    return read_of


def numbers(count: int) -> list[Call[int]]:
    """Calls that answer 0, 1, 2 …"""
    return [VALUE.at(ECHO, i) for i in range(count)]


def values(url: str, count: int) -> list[int]:
    """What they answer."""
    return read(url, ask(numbers(count)))


def calls_in(params: list[Any]) -> int:
    """How many calls an eth_call of aggregate3 holds: the length of its array."""
    return int(params[0]["data"][2 + 8 + 64 : 2 + 8 + 128], 16)


def batches(server: Server) -> list[int]:
    """How many calls each eth_call held."""
    return [
        calls_in(body["params"])
        for body in server.requests
        if isinstance(body, dict) and body["method"] == "eth_call"
    ]


def saved(recording: Recording, path: Path) -> bytes:
    """The bytes of its file."""
    recording.save(path)
    return path.read_bytes()
