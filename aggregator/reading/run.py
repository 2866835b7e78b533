"""Drives reads: merges what they ask for into common rounds, fetches once what they share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from aggregator.contract import Adapter, Deployment, Read, join
from aggregator.model.errors import (
    AdapterFault,
    MalformedReply,
    ReadError,
    Reorganised,
    TransportError,
    UnusablePrice,
)
from aggregator.model.positions import Option
from aggregator.model.readings import Block, Failure, Reading
from aggregator.model.units import Address, ChainId
from aggregator.reading.cache import PredictionCache
from aggregator.reading.decoding import decoded
from aggregator.reading.foresight import Foresight
from aggregator.reading.source import Asked, ChainSource, Raw
from aggregator.reading.together import pair

R = TypeVar("R")

YEAR_S = 365 * 86_400
MAX_YEARS = 100
"""Years to expiry beyond which an answer is no option's: discounting over them leaves the floats."""
MAX_RATE = 5.0
"""The largest interest rate per year, either way, at which an option is valued."""
RESTARTS = 3
"""How often a read begins anew because its block was reorganised away."""
LEAD_S = 0.002
"""What it takes to have asked for the block, before the wait for it is used."""
TWINS = 16
"""Wallets of a deployment for which it is foreseen what a read will ask."""


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


async def drive(
    read: Read[R], source: ChainSource, block: Block, foresight: Foresight | None = None
) -> tuple[R, int]:
    """A read's result and how many rounds it took; what was fetched is not asked for again.

    With `foresight` a round also fetches what probably comes next. Raises what the read raises, and
    Reorganised where the block was while it was read.
    """
    rounds = 0
    known: dict[Asked, Any] = {}
    replies: list[Any] | None = None
    latest: dict[Asked, Raw] = {}
    while True:
        try:
            asked: Sequence[Any] = read.send(replies) if replies is not None else next(read)
        except StopIteration as done:
            return done.value, rounds
        passing: dict[Asked, Any] = {}
        missing = [request for request in dict.fromkeys(asked) if request not in known]
        if missing:
            if foresight is not None:
                foresight.learn(block, latest)
                missing += foresight.ahead(block, known, frozenset(missing))
            latest = dict(zip(missing, await source.fetch(block, missing), strict=True))
            for request, raw in latest.items():
                # An endpoint that failed may answer the next time.
                (passing if isinstance(raw, TransportError) else known)[request] = decoded(request, raw)
            rounds += 1
        replies = [passing[request] if request in passing else known[request] for request in asked]


async def run(
    jobs: Sequence[Job],
    sources: Mapping[ChainId, ChainSource],
    block: str | Mapping[ChainId, str],
    cache: PredictionCache | None = None,
) -> Run:
    """Every job's outcome: chains at once, each at one pinned block, all jobs of a chain in common rounds.

    `block` is one text for all chains or one per chain. With a `cache` what earlier runs discovered saves
    rounds; the outcome is the same. A read whose block is reorganised away starts again at what the text
    then names. Never raises ReadError: a chain that can't be reached fails its own jobs.
    """
    chains = list(dict.fromkeys(job.deployment.chain for job in jobs))
    parts = await asyncio.gather(
        *(
            _run_chain(
                [(i, job) for i, job in enumerate(jobs) if job.deployment.chain == chain],
                sources[chain],
                block if isinstance(block, str) else block[chain],
                cache,
            )
            for chain in chains
        )
    )
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
    mine: Sequence[tuple[int, Job]], source: ChainSource, block: str, cache: PredictionCache | None
) -> tuple[dict[int, Reading | Failure], Block | None, int]:
    jobs = [job for _, job in mine]
    foresight = None if cache is None else _foresight(jobs, source.chain, cache)
    for restart in range(RESTARTS + 1):
        try:
            pinned = await _pinned(source, block, foresight)
            reads = [_reading(job, pinned) for job in jobs]
            results, rounds = await drive(join(reads, isolate=True), source, pinned, foresight)
        except Reorganised as error:
            if restart == RESTARTS:
                return {i: _failure(job, error) for i, job in mine}, None, 0
            source.forget()
        except ReadError as error:
            return {i: _failure(job, error) for i, job in mine}, None, 0
        else:
            found = {
                i: _failure(job, result) if isinstance(result, ReadError) else result
                for (i, job), result in zip(mine, results, strict=True)
            }
            return found, pinned, rounds
    raise RuntimeError("a read neither ended nor failed")


async def _pinned(source: ChainSource, block: str, foresight: Foresight | None) -> Block:
    """The block that a text names; the wait for the newest one is used to look ahead."""
    if foresight is None or block != "latest":
        return await source.pin(block)

    async def expect() -> None:
        await asyncio.sleep(LEAD_S)
        foresight.expect(int(time.time()))

    pinned, _ = await pair(source.pin(block), expect())
    return pinned


def _foresight(jobs: Sequence[Job], chain: ChainId, cache: PredictionCache) -> Foresight:
    """Twins of a few jobs of each deployment."""
    chosen: dict[str, list[Job]] = {}
    for job in jobs:
        some = chosen.setdefault(job.deployment.key, [])
        if len(some) < TWINS:
            some.append(job)
    twins = [partial(_reading, job) for some in chosen.values() for job in some]
    return Foresight(chain, twins, {job.wallet for job in jobs}, cache)


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
