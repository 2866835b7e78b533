"""Reading a list of wallets of any length into snapshots, all at the same block of each chain.

Blocks of wallets are read one after another, and the next is read while one is judged and kept. Where a run
is lies in the transaction of the snapshots themselves, so whatever ends it loses and doubles nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aggregator import __version__, settings
from aggregator.app.answers import Answer, jobs_everywhere
from aggregator.app.caching import opened_cache
from aggregator.app.history import history_for
from aggregator.app.index_blocks import judge, read_block
from aggregator.app.readers import Readers, Selection, live_readers
from aggregator.app.snapshots import publish
from aggregator.app.wallet_lists import Source, WalletList, of_addresses
from aggregator.contract import Adapter, Deployment
from aggregator.model.readings import Block, Failure
from aggregator.model.units import Address, ChainId
from aggregator.reading import registry
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.pricing.returns import DailyReturns
    from aggregator.reading.sqlite_cache import SqliteCache
    from aggregator.store.saved import IndexRun

BLOCK_SIZE = 250
"""Wallets that are read together: enough to fill batches, few enough to be held twice."""
PUBLISH_S = 60.0
"""How often readers get to see what was kept so far."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Reads that failed for one reason: how many, and the first of them."""

    count: int
    first: Failure


@dataclass(frozen=True, slots=True)
class Indexed:
    """Where a run is: at `begun` of its wallets this process took it up, and made `created` new snapshots.

    `missing` tells what could not be read since then, `warnings` what else the user should know.
    """

    run: IndexRun
    begun: int
    created: int = 0
    missing: tuple[Missing, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run would do: `run` is the one that would go on, None where one would begin at `blocks`."""

    run: IndexRun | None
    blocks: Mapping[ChainId, Block]
    wallets: int
    deployments: int


def index(
    source: Source,
    selection: Selection,
    config: Settings,
    *,
    block_size: int = BLOCK_SIZE,
    restart: bool = False,
    told: Callable[[Indexed], None] = lambda _: None,
) -> Indexed:
    """Read the wallets of a source and keep a snapshot of each; `selection` names none.

    A run of the same wallets and selection that has not ended goes on at its blocks, unless `restart`. A
    wallet of which something can't be read has a snapshot that says so. `told` hears of the beginning and of
    every block of wallets that was kept.

    Raises ReadError where a chain does not answer at all, StoreError where nothing can be kept, and
    BadConfiguration as `read` does: the run can go on from where it was told to be.
    """
    return asyncio.run(_index(source, selection, config, block_size, told, restart=restart))


def plan(source: Source, selection: Selection, config: Settings, *, restart: bool = False) -> Planned:
    """What `index` would do; asks only for blocks, changes nothing, raises as it does."""
    return asyncio.run(_plan(source, selection, config, restart=restart))


async def _plan(source: Source, selection: Selection, config: Settings, *, restart: bool) -> Planned:
    async with _opened(source, selection, config) as work:
        found = None if restart else work.runs.unfinished(work.task_hash)
        if found is not None:
            return Planned(found, found.blocks, found.wallets, len(work.deployments))
        return Planned(None, await work.pin(), len(source.wallets), len(work.deployments))


async def _index(
    source: Source,
    selection: Selection,
    config: Settings,
    block_size: int,
    told: Callable[[Indexed], None],
    *,
    restart: bool,
) -> Indexed:
    async with _opened(source, selection, config) as work:
        found = None if restart else work.runs.unfinished(work.task_hash)
        if found is None:
            kept = () if source.lasting else source.wallets.part(0, len(source.wallets))
            found = work.runs.begin(work.task_hash, source.name, await work.pin(), len(source.wallets), kept)
            wallets = source.wallets
        else:
            wallets = source.wallets if source.lasting else of_addresses(work.runs.wallets(found.id))
        begun = Indexed(found, found.done, warnings=work.warnings)
        told(begun)
        try:
            return await work.go_on(begun, wallets, block_size, told)
        finally:
            if work.unpublished:
                publish(config)


@asynccontextmanager
async def _opened(source: Source, selection: Selection, config: Settings) -> AsyncIterator[_Work]:
    built = registry.adapters(config, selection.adapters)
    with opened_cache(config) as cache:
        async with live_readers(selection, config, built, cache) as live:
            yield _Work(source, selection, config, built, live, cache)


class _Work:
    """A list of wallets, and what reads them."""

    def __init__(
        self,
        source: Source,
        selection: Selection,
        config: Settings,
        built: Sequence[Adapter],
        live: Readers,
        cache: SqliteCache | None,
    ) -> None:
        from aggregator.store.index_runs import IndexRuns  # noqa: PLC0415  # a second of imports

        self._selection, self._config, self._built, self._live = selection, config, built, live
        self._cache = cache
        self._history: DailyReturns | None = None
        jobs = jobs_everywhere(built, source.wallets.part(0, 1), live)
        self.deployments = tuple(job.deployment for job in jobs)
        self.task_hash = _task_hash(source, selection, self.deployments, config)
        self.runs = IndexRuns(config.database, lock_timeout_s=config.lock_timeout_s)
        self.warnings = live.warnings
        self.unpublished = False
        self._published_s = time.monotonic()
        self._missing: dict[tuple[str, str, str], Missing] = {}

    async def pin(self) -> dict[ChainId, Block]:
        """The blocks that the selection names now. Raises TransportError where one can't be had."""
        blocks = await asyncio.gather(*(r.pin(self._selection.block) for r in self._live.values()))
        return dict(zip(self._live, blocks, strict=True))

    async def go_on(
        self, begun: Indexed, wallets: WalletList, size: int, told: Callable[[Indexed], None]
    ) -> Indexed:
        """Read and keep what is left."""
        blocks = {chain: at.hash for chain, at in begun.run.blocks.items()}
        # Once: snapshots of a run must not depend on whether history is fetched meanwhile.
        self._history, notice = history_for(self._cache, self._config, begun.run.blocks.values())
        state = replace(begun, warnings=(*begun.warnings, *([notice] if notice else ())))
        reading = asyncio.create_task(self._read(wallets.part(state.run.done, state.run.done + size), blocks))
        try:
            while state.run.ended_at is None:
                answer = await reading
                done = state.run.done + len(answer.portfolios)
                if done < len(wallets):
                    reading = asyncio.create_task(self._read(wallets.part(done, done + size), blocks))
                state = await self._kept(state, answer, told)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return state

    async def _read(self, wallets: tuple[Address, ...], blocks: Mapping[ChainId, str]) -> Answer:
        return await read_block(wallets, blocks, self._config, self._built, self._live, self._history)

    async def _kept(self, state: Indexed, answer: Answer, told: Callable[[Indexed], None]) -> Indexed:
        """The next state, once it is kept; whoever interrupts waits for that."""
        keeping = asyncio.ensure_future(asyncio.to_thread(self._keep, state, answer))
        try:
            kept = await asyncio.shield(keeping)
        except asyncio.CancelledError:
            told(await keeping)
            raise
        told(kept)
        return kept

    def _keep(self, state: Indexed, answer: Answer) -> Indexed:
        judged = judge(answer)
        run, created = self.runs.keep(state.run, [one.prepared for one in judged])
        self.unpublished = True
        for failure in (failure for one in judged for failure in one.failures):
            key = (failure.error.code, failure.adapter, failure.deployment)
            known = self._missing.get(key, Missing(0, failure))
            self._missing[key] = replace(known, count=known.count + 1)
        if time.monotonic() - self._published_s > PUBLISH_S:
            publish(self._config)
            self.unpublished, self._published_s = False, time.monotonic()
        return replace(state, run=run, created=state.created + created, missing=tuple(self._missing.values()))


def _task_hash(
    source: Source, selection: Selection, deployments: Iterable[Deployment], config: Settings
) -> str:
    """What makes two runs the same but for their blocks: the wallets and all that decides their snapshots."""
    parts = {
        "source": source.key,
        "block": selection.block,
        "deployments": {d.key: [dict(d.addresses), dict(d.options)] for d in deployments},
        "tokens": [token.model_dump(mode="json") for token in config.tokens],
        "risk": settings.risk_parameters(config),
        "tool": __version__,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
