"""Runs an adapter's read against a node, synchronously, for the adapters' own tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from aggregator.contract import Adapter, Deployment, Read, Request
from aggregator.model.readings import Block, Failure, Reading
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.chain import ChainReader
from aggregator.reading.run import Job, Run, drive, run
from aggregator.reading.transport import Client, Endpoint, Rpc

R = TypeVar("R")
Change: TypeAlias = Callable[[Request[Any], Any], Any]
"""What is answered to a request instead of its honest reply, which comes with it."""


def altered(read: Read[R], change: Change | None = None, rounds: list[int] | None = None) -> Read[R]:
    """The read itself, its replies changed on the way; `rounds` is told how many requests each round has."""
    replies: Any = None
    while True:
        try:
            requests = list(read.send(replies))
        except StopIteration as done:
            result: R = done.value
            return result
        if rounds is not None:
            rounds.append(len(requests))
        honest = yield requests
        replies = honest
        if change is not None:
            replies = [change(one, reply) for one, reply in zip(requests, honest, strict=True)]


def instead(signature: str, said: Any) -> Change:
    """The same reply to every request of a contract function."""

    def change(request: Request[Any], reply: Any) -> Any:
        asked = getattr(request, "function", None)
        return said if asked is not None and asked.signature == signature else reply

    return change


def run_jobs(
    url: str, jobs: Sequence[Job], *, chain_id: int = 31337, block: str = "latest"
) -> tuple[Run, int]:
    """The outcomes of jobs of one chain, and how many HTTP requests they took."""

    async def live() -> tuple[Run, int]:
        async with Client() as client:
            chain = ChainId(chain_id)
            reader = ChainReader(Rpc([Endpoint("local", url)], chain, client))
            return await run(jobs, {chain: reader}, block), reader.requests

    return asyncio.run(live())


def read_accounts(url: str, adapter: Adapter, wallet: str, deployment: Deployment | None = None) -> Reading:
    """What an adapter reads of a wallet at one of its deployments (its only one by default).

    Raises the read's error where it fails.
    """
    at = deployment or next(iter(adapter.deployments))
    outcome, _ = run_jobs(url, [Job(adapter, at, parse_address(wallet))], chain_id=at.chain)
    result = outcome.outcomes[0].result
    if isinstance(result, Failure):
        raise result.error
    return result


def run_read(url: str, chain_id: int, read: Read[R], block: str = "latest") -> R:
    """The result of any read at one block; raises what it raises."""

    async def live() -> R:
        async with Client() as client:
            reader = ChainReader(Rpc([Endpoint("local", url)], ChainId(chain_id), client))
            pinned = await reader.pin(block)
            result, _ = await drive(read, reader, pinned)
            return result

    return asyncio.run(live())


def pin(url: str, chain_id: int = 31337, block: str = "latest") -> Block:
    """A block of the node, as reads see it."""

    async def live() -> Block:
        async with Client() as client:
            return await ChainReader(Rpc([Endpoint("local", url)], ChainId(chain_id), client)).pin(block)

    return asyncio.run(live())
