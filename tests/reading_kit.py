"""Runs an adapter's read against a node, synchronously, for the adapters' own tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from aggregator.contract import Adapter, Deployment, Read
from aggregator.model.readings import Block, Failure, Reading
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.chain import ChainReader
from aggregator.reading.run import Job, Run, drive, run
from aggregator.reading.transport import Client, Endpoint, Rpc

R = TypeVar("R")


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
