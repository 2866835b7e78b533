"""The price history that is kept: of which source, up to which day, and whether it is recent enough."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aggregator.model.units import ChainId
from aggregator.pricing.returns import Close, DailyReturns, daily_returns, day_text
from aggregator.reading import registry
from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.reading.price_history import PriceHistory
    from aggregator.reading.sqlite_cache import SqliteCache


@dataclass(frozen=True, slots=True)
class KeptHistory:
    """What is kept of an underlying, oldest first; the first and the last close have a price.

    `missing` are the days from the first one on that have none.
    """

    source: PriceHistory
    closes: tuple[Close, ...]
    missing: tuple[int, ...] = ()

    @property
    def last_day(self) -> int:
        """The last day that has a price."""
        return self.closes[-1].day


def kept_history(
    cache: SqliteCache, config: Settings, day: int, origins: Collection[str]
) -> tuple[KeptHistory, ...]:
    """What is kept of each underlying up to a day, of its first source that is recent, else of its first."""
    from aggregator.reading.kept_closes import KeptCloses  # noqa: PLC0415  # not for replays

    closes = KeptCloses(cache)
    best: dict[str, KeptHistory] = {}
    for source in registry.price_histories(config):
        so_far = best.get(source.underlying)
        if source.chain not in config.chains or config.chains[source.chain].origin not in origins:
            continue
        if so_far is not None and is_recent(so_far, config, day):
            continue
        rows = closes.get(source, day - config.history_days, day)
        priced = [close.day for close in rows if close.price is not None]
        if not priced:
            continue
        between = tuple(close for close in rows if priced[0] <= close.day <= priced[-1])
        missing = set(range(priced[0], day + 1)).difference(priced)
        found = KeptHistory(source, between, tuple(sorted(missing)))
        if so_far is None or is_recent(found, config, day):
            best[source.underlying] = found
    return tuple(best.values())


def used_history(
    kept: Sequence[KeptHistory], config: Settings, day: int
) -> tuple[DailyReturns | None, str | None]:
    """The returns of what is recent; where nothing is, None and a notice that says since when."""
    recent = [one for one in kept if is_recent(one, config, day)]
    if not recent:
        if not kept:
            return None, None
        last = max(one.last_day for one in kept)
        age = f"more than {config.history_max_age_days} days before the block's"
        told = f"the price history that is kept ends on {day_text(last)}, {age}"
        return None, f"{told}: the defaults are used; see `crossmargin history update`"
    closes = {one.source.underlying: one.closes for one in recent}
    names = {one.source.underlying: one.source.name for one in recent}
    return daily_returns(closes, names, max(one.last_day for one in recent), config.history_days), None


def is_recent(kept: KeptHistory, config: Settings, day: int) -> bool:
    """Whether it may be used for a block of the day after `day`."""
    return kept.last_day >= day - config.history_max_age_days


def origins_of(config: Settings, chains: Iterable[ChainId]) -> set[str]:
    """What recordings say of these chains: prices of a local one say nothing of the market."""
    return {config.chains[chain].origin for chain in chains if chain in config.chains} or {"mainnet"}
