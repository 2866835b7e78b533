"""Price history: fetched into the cache, shown, and given to whoever judges."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aggregator import settings
from aggregator.app.caching import opened_cache
from aggregator.app.kept_history import KeptHistory, kept_history, origins_of, used_history
from aggregator.app.readers import Selection, live_readers
from aggregator.contract import join
from aggregator.model.assets import TokenList
from aggregator.model.errors import BadConfiguration, MalformedReply, ReadError
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.pricing.returns import DailyReturns, day_text, ended_day
from aggregator.reading import registry
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.reading.chain import ChainReader
    from aggregator.reading.price_history import PriceHistory
    from aggregator.reading.sqlite_cache import SqliteCache
    from aggregator.risk.scenarios import ScenarioSet


@dataclass(frozen=True, eq=False, slots=True)
class HistoryReport:
    """What is kept, and what comes of it for a block of the day after `day`.

    `scenarios` have the volatilities and correlations; `notice` says why what is kept is not used. `asked`
    counts the days that were missing, `failures` tell which sources could not be read.
    """

    day: int
    kept: tuple[KeptHistory, ...]
    scenarios: ScenarioSet
    notice: str | None
    asked: int = 0
    failures: tuple[tuple[PriceHistory, ReadError], ...] = ()


def update_history(selection: Selection, config: Settings) -> HistoryReport:
    """Fetch the days that are missing, at the last finalized block of each chain, and keep them.

    One source for each underlying: its first on the selected chains, or on the default ones. Raises
    BadConfiguration where there is no cache or no source, and ReadError where no chain answers.
    """
    return asyncio.run(_update(selection, config))


def show_history(config: Settings, now: int) -> HistoryReport:
    """What is kept, as a block of this time would be judged with; raises BadConfiguration without a cache."""
    with _cache(config) as cache:
        return _report(cache, config, ended_day(now), origins_of(config, map(ChainId, config.default_chains)))


def history_now(config: Settings, now: int) -> tuple[DailyReturns | None, str | None]:
    """The kept history that a read of this time on the default chains would be judged with, and a notice."""
    with opened_cache(config) as cache:
        if cache is None:
            return None, None
        day, origins = ended_day(now), origins_of(config, map(ChainId, config.default_chains))
        history, notice = used_history(kept_history(cache, config, day, origins), config, day)
        return history, cache.problem or notice


def history_for(
    cache: SqliteCache | None, config: Settings, blocks: Iterable[Block]
) -> tuple[DailyReturns | None, str | None]:
    """The kept history of the days that had ended at the newest of these blocks, and a notice.

    Only chains of the same origin take part: prices of a local chain say nothing of the market. None where
    the last day is too long ago; if there is some, the notice says so.
    """
    pinned = list(blocks)
    if cache is None or not pinned:
        return None, None
    day = ended_day(max(block.timestamp for block in pinned))
    kept = kept_history(cache, config, day, origins_of(config, (block.chain for block in pinned)))
    return used_history(kept, config, day)


async def _update(selection: Selection, config: Settings) -> HistoryReport:
    every = registry.price_histories(config)
    if not selection.rpc and not selection.chains:
        mine = _preferred(every, map(ChainId, config.default_chains))
        selection = replace(selection, chains=tuple(dict.fromkeys(str(source.chain) for source in mine)))
        if not mine:
            why = "no chain that is read by default has any: add one, or an API to `price_apis`"
            raise BadConfiguration("price_feeds", why)
    with _cache(config) as cache:
        async with live_readers(selection, config, (), cache) as live:
            mine = _preferred(every, live)
            if not mine:
                why = "the selected chains have none: add one, or an API to `price_apis`"
                raise BadConfiguration("price_feeds", why)
            chains = dict.fromkeys(source.chain for source in mine)
            by_chain = {chain: [source for source in mine if source.chain == chain] for chain in chains}
            parts = await asyncio.gather(
                *(_tried(sources, live[chain], cache, config) for chain, sources in by_chain.items())
            )
        if cache.problem is not None:
            raise BadConfiguration("cache", cache.problem)
        days = [part.day for part in parts if part.day is not None]
        if not days:
            raise parts[0].failures[0][1]
        report = _report(cache, config, max(days), origins_of(config, live))
    failures = tuple(failure for part in parts for failure in part.failures)
    return replace(report, asked=sum(part.asked for part in parts), failures=failures)


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What came of a chain's sources; `day` is the last that has ended there, None if it doesn't answer."""

    day: int | None
    asked: int
    failures: tuple[tuple[PriceHistory, ReadError], ...]


async def _tried(
    sources: Sequence[PriceHistory], reader: ChainReader, cache: SqliteCache, config: Settings
) -> _Fetched:
    """A chain that does not answer fails its own sources."""
    try:
        return await _fetch(sources, reader, cache, config)
    except ReadError as error:
        return _Fetched(None, 0, tuple((source, error) for source in sources))


async def _fetch(
    sources: Sequence[PriceHistory], reader: ChainReader, cache: SqliteCache, config: Settings
) -> _Fetched:
    """Ask a chain for what is missing of its sources, in common rounds, and keep what comes."""
    from aggregator.reading.kept_closes import KeptCloses  # noqa: PLC0415  # not for replays
    from aggregator.reading.run import drive  # noqa: PLC0415

    kept, block = KeptCloses(cache), await reader.pin("finalized")
    last = ended_day(block.timestamp)
    wanted: list[tuple[PriceHistory, int, list[int]]] = []
    for source in sources:
        first = max(0, last - min(config.history_days, source.reach_days or config.history_days))
        known = {close.day for close in await kept.confirmed(source, reader, first, last)}
        if missing := [day for day in range(first, last + 1) if day not in known]:
            wanted.append((source, first, missing))
    reads = [source.closes(days) for source, _, days in wanted]
    found, _ = await drive(join(reads, isolate=True), reader, block)
    failures: list[tuple[PriceHistory, ReadError]] = []
    for (source, first, _), closes in zip(wanted, found, strict=True):
        if isinstance(closes, ReadError):
            failures.append((source, closes))
            continue
        kept.put(source, closes, block)
        if not any(close.price is not None for close in kept.get(source, first, last)):
            why = f"it has no price of any day from {day_text(first)} to {day_text(last)}"
            failures.append((source, MalformedReply(source.name, why)))
    return _Fetched(last, sum(len(days) for _, _, days in wanted), tuple(failures))


def _report(cache: SqliteCache, config: Settings, day: int, origins: Collection[str]) -> HistoryReport:
    from aggregator.risk.parameters import parameters  # noqa: PLC0415  # numpy
    from aggregator.risk.scenarios import scenario_set  # noqa: PLC0415

    kept = kept_history(cache, config, day, origins)
    history, notice = used_history(kept, config, day)
    known = parameters(*settings.risk_parameters(config), where="risk parameters")
    tokens = TokenList(registry.listed_tokens(config.tokens))
    return HistoryReport(day, kept, scenario_set(known, tokens, history=history), notice)


def _preferred(sources: Iterable[PriceHistory], chains: Iterable[ChainId]) -> list[PriceHistory]:
    """The first source of each underlying on these chains."""
    allowed = set(chains)
    found: dict[str, PriceHistory] = {}
    for source in sources:
        if source.chain in allowed:
            found.setdefault(source.underlying, source)
    return list(found.values())


@contextmanager
def _cache(config: Settings) -> Iterator[SqliteCache]:
    with opened_cache(config) as cache:
        if cache is None:
            raise BadConfiguration("cache", "is off, and price history is kept there: name a file")
        if cache.problem is not None:
            raise BadConfiguration("cache", cache.problem)
        yield cache
