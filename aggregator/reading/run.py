"""Drives reads: merges what they ask for into common rounds, fetches once what they share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from aggregator.abi.columns import Column
from aggregator.contract import Read, join
from aggregator.model.errors import UNANSWERED, ReadError, Reorganised
from aggregator.model.readings import Block, Failure, Reading
from aggregator.model.units import Address, ChainId
from aggregator.reading.cache import PredictionCache
from aggregator.reading.decoding import decoded
from aggregator.reading.ens import reverse
from aggregator.reading.explorer import Explorer
from aggregator.reading.foresight import Foresight
from aggregator.reading.jobs import Job, reading_of
from aggregator.reading.owners import Found, Search
from aggregator.reading.source import Asked, ChainSource, Raw
from aggregator.reading.together import pair
from aggregator.reading.twins import follower, told_when_ended, twins_of

__all__ = ["RESTARTS", "Job", "Outcome", "Run", "drive", "run"]

R = TypeVar("R")
RESTARTS = 3
"""How often a read begins anew because its block was reorganised away."""
LEAD_S = 0.002
"""What it takes to have sent a request, before the wait for its reply is used."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job."""

    job: Job
    result: Reading | Failure


@dataclass(frozen=True, slots=True)
class Run:
    """All outcomes in the order of the jobs, the pinned blocks, and the dependent rounds per chain.

    `found` tells of each wallet and chain what else belongs to the wallet, where that was searched for;
    `names` how wallets call themselves.
    """

    outcomes: tuple[Outcome, ...]
    blocks: Mapping[ChainId, Block]
    rounds: Mapping[ChainId, int]
    found: tuple[Found, ...] = ()
    names: Mapping[Address, str] = field(default_factory=dict)


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
                foresight.learn(latest)
                missing += foresight.ahead(block, known, frozenset(missing))
            fetched, _ = await pair(source.fetch(block, missing), _meanwhile(foresight, block))
            latest = dict(zip(missing, fetched, strict=True))
            for request, raw in latest.items():
                # An endpoint that failed may answer the next time.
                error = raw.unanswered if isinstance(raw, Column) else raw
                (passing if isinstance(error, UNANSWERED) else known)[request] = decoded(request, raw)
            rounds += 1
        replies = [passing[request] if request in passing else known[request] for request in asked]


async def _meanwhile(foresight: Foresight | None, block: Block) -> None:
    """What can wait until a round is on its way."""
    if foresight is not None:
        await asyncio.sleep(LEAD_S)
        foresight.keep(block)


async def run(
    jobs: Sequence[Job],
    sources: Mapping[ChainId, ChainSource],
    block: str | Mapping[ChainId, str],
    cache: PredictionCache | None = None,
    search: Search | None = None,
    registries: Mapping[ChainId, Address] | None = None,
) -> Run:
    """Every job's outcome: chains at once, each at one pinned block, all jobs of a chain in common rounds.

    `block` is one text for all chains or one per chain. With a `search` the addresses that hold positions for
    the jobs' wallets are read in the same way as those; with `registries` of ENS the wallets' names, too.
    With a `cache` what earlier runs discovered saves rounds; the outcome is the same. A read whose block is
    reorganised away starts again at what the text then names. Never raises ReadError: a chain that can't be
    reached fails its own jobs.
    """
    chains = list(dict.fromkeys(job.deployment.chain for job in jobs))
    parts = await asyncio.gather(
        *(
            _run_chain(
                [(i, job) for i, job in enumerate(jobs) if job.deployment.chain == chain],
                sources[chain],
                block if isinstance(block, str) else block[chain],
                cache,
                search,
                (registries or {}).get(chain),
            )
            for chain in chains
        )
    )
    results: dict[int, Reading | Failure] = {}
    blocks: dict[ChainId, Block] = {}
    rounds: dict[ChainId, int] = {}
    found: list[Found] = []
    names: dict[Address, str] = {}
    for chain, (of_jobs, owned, named, pinned, count) in zip(chains, parts, strict=True):
        results.update(of_jobs)
        found += owned
        names = {**named, **names}
        rounds[chain] = count
        if pinned is not None:
            blocks[chain] = pinned
    outcomes = tuple(Outcome(job, results[i]) for i, job in enumerate(jobs))
    return Run(outcomes, blocks, rounds, tuple(found), names)


async def _run_chain(
    mine: Sequence[tuple[int, Job]],
    source: ChainSource,
    block: str,
    cache: PredictionCache | None,
    search: Search | None,
    registry: Address | None,
) -> tuple[dict[int, Reading | Failure], list[Found], dict[Address, str], Block | None, int]:
    jobs = [job for _, job in mine]
    wallets = list(dict.fromkeys(job.wallet for job in jobs))
    chain = jobs[0].deployment.chain

    def nothing(
        error: ReadError,
    ) -> tuple[dict[int, Reading | Failure], list[Found], dict[Address, str], None, int]:
        found = [Found.failed(wallet, chain, search, error) for wallet in wallets] if search else []
        return {i: _failure(job, error) for i, job in mine}, found, {}, None, 0

    for restart in range(RESTARTS + 1):
        try:
            twins = {} if cache is None else twins_of(jobs)
            foresight = None if cache is None else Foresight(chain, list(twins.values()), wallets, cache)
            pinned = await _pinned(source, block, foresight)
            explorer = Explorer(chain, search or Search(), jobs, pinned, follower(jobs, foresight))
            reads: list[Read[Any]] = [reading_of(job, pinned) for job in jobs]
            if foresight is not None:
                for i, twin in twins.items():
                    reads[i] = told_when_ended(reads[i], partial(foresight.ended, twin))
            searches = [explorer.found(wallet) for wallet in wallets] if search else []
            naming = [reverse(registry, wallet) for wallet in wallets] if registry else []
            work = join([join([*reads, *searches], isolate=True), join(naming)])
            (results, named), rounds = await drive(work, source, pinned, foresight)
        except Reorganised as error:
            if restart == RESTARTS:
                return nothing(error)
            source.forget()
        except ReadError as error:
            return nothing(error)
        else:
            of_jobs = {
                i: _failure(job, result) if isinstance(result, ReadError) else result
                for (i, job), result in zip(mine, results, strict=False)
            }
            found = [
                Found.failed(wallet, chain, search, result) if isinstance(result, ReadError) else result
                for wallet, result in zip(wallets, results[len(jobs) :], strict=False)
            ]
            names = {wallet: name for wallet, name in zip(wallets, named, strict=False) if name}
            return of_jobs, found, names, pinned, rounds
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


def _failure(job: Job, error: ReadError) -> Failure:
    return Failure(job.adapter.name, job.deployment.name, job.deployment.chain, job.wallet, error)
