"""Drives reads: merges what they ask for into common rounds, fetches once what they share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aggregator.abi.columns import Column
from aggregator.contract import Adapter, Deployment, Read, join
from aggregator.model.errors import AdapterFault, MalformedReply, ReadError, UnusablePrice
from aggregator.model.positions import Option
from aggregator.model.readings import Block, Failure, Reading
from aggregator.model.units import Address, ChainId
from aggregator.reading.source import ChainSource, Raw, Wanted

R = TypeVar("R")

YEAR_S = 365 * 86_400
MAX_YEARS = 100
"""Years to expiry beyond which an answer is no option's: discounting over them leaves the floats."""
MAX_RATE = 5.0
"""The largest interest rate per year, either way, at which an option is valued."""


@dataclass(frozen=True, slots=True)
class Job:
    """One adapter's read of one wallet at one deployment."""

    adapter: Adapter
    deployment: Deployment
    wallet: Address


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job."""

    job: Job
    result: Reading | Failure


@dataclass(frozen=True, slots=True)
class Run:
    """All outcomes in the order of the jobs, the pinned blocks, and the dependent rounds per chain."""

    outcomes: tuple[Outcome, ...]
    blocks: Mapping[ChainId, Block]
    rounds: Mapping[ChainId, int]


async def drive(read: Read[R], source: ChainSource, block: Block) -> tuple[R, int]:
    """A read's result and how many rounds it took. Raises what the read raises."""
    rounds = 0
    replies: list[Any] | None = None
    while True:
        try:
            asked = read.send(replies) if replies is not None else next(read)
        except StopIteration as done:
            return done.value, rounds
        unique: list[Any] = list(dict.fromkeys(asked))
        raws = await source.fetch(block, unique)
        decoded = {request: _decoded(request, raw) for request, raw in zip(unique, raws, strict=True)}
        replies = [decoded[request] for request in asked]
        rounds += 1


def _decoded(request: Wanted, raw: Raw) -> Any:
    if isinstance(raw, (ReadError, Column)):
        return raw
    try:
        return request.decode(raw)
    except ReadError as error:
        return error
    except ValueError as error:  # an `into` that refuses what was decoded
        return MalformedReply(request.origin, str(error))
    except Exception as error:  # noqa: BLE001  # an `into` that is broken must not take other reads along
        fault = AdapterFault(f"{request.origin}: {type(error).__name__}: {error}")
        fault.__cause__ = error
        return fault


async def run(
    jobs: Sequence[Job], sources: Mapping[ChainId, ChainSource], block: str | Mapping[ChainId, str]
) -> Run:
    """Every job's outcome: chains at once, each at one pinned block, all jobs of a chain in common rounds.

    `block` is one text for all chains or one per chain. Never raises ReadError: a chain that can't be
    reached fails its own jobs.
    """
    chains = list(dict.fromkeys(job.deployment.chain for job in jobs))
    parts = await asyncio.gather(*(_run_chain(chain, jobs, sources[chain], block) for chain in chains))
    results: dict[int, Reading | Failure] = {}
    blocks: dict[ChainId, Block] = {}
    rounds: dict[ChainId, int] = {}
    for chain, (found, pinned, count) in zip(chains, parts, strict=True):
        results.update(found)
        rounds[chain] = count
        if pinned is not None:
            blocks[chain] = pinned
    outcomes = tuple(Outcome(job, results[i]) for i, job in enumerate(jobs))
    return Run(outcomes, blocks, rounds)


async def _run_chain(
    chain: ChainId, jobs: Sequence[Job], source: ChainSource, block: str | Mapping[ChainId, str]
) -> tuple[dict[int, Reading | Failure], Block | None, int]:
    mine = {i: job for i, job in enumerate(jobs) if job.deployment.chain == chain}
    try:
        pinned = await source.pin(block if isinstance(block, str) else block[chain])
        reads = [_reading(job, pinned) for job in mine.values()]
        results, rounds = await drive(join(reads, isolate=True), source, pinned)
    except ReadError as error:
        return {i: _failure(job, error) for i, job in mine.items()}, None, 0
    found = {
        i: _failure(job, result) if isinstance(result, ReadError) else result
        for (i, job), result in zip(mine.items(), results, strict=True)
    }
    return found, pinned, rounds


def _reading(job: Job, block: Block) -> Read[Reading]:
    # A generator of ours: an adapter that raises before its first request fails inside join, alone.
    reading = yield from job.adapter.read(job.deployment, job.wallet, block)
    _check(reading, job.deployment)
    return reading


def _check(reading: Reading, deployment: Deployment) -> None:
    """What the layers behind rely on: one adapter that breaks it must not take the others' answers along."""
    for quote in reading.quotes:
        if quote.price <= 0:
            raise UnusablePrice(quote.asset, quote.origin, quote.price)
    ids = [account.id for account in reading.accounts]
    if len(set(ids)) != len(ids):
        raise AdapterFault(f"two accounts of {deployment.name} with one id")
    now = reading.source.timestamp if isinstance(reading.source, Block) else reading.source.time
    for option in (p for account in reading.accounts for p in account.positions if isinstance(p, Option)):
        years = max(0, option.expiry - now) / YEAR_S
        if not (years <= MAX_YEARS and abs(option.rate) <= MAX_RATE):  # what is not a number is refused, too
            why = f"no option is valued {years:.3g} years before its expiry at a rate of {option.rate:.3g}"
            raise MalformedReply(option.origin, why)
    for account in reading.accounts:
        if account.chain != deployment.chain:
            raise AdapterFault(f"account {account.id} on chain {account.chain}, read on {deployment.chain}")


def _failure(job: Job, error: ReadError) -> Failure:
    return Failure(job.adapter.name, job.deployment.name, job.deployment.chain, job.wallet, error)
