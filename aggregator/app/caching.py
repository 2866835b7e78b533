"""The cache of reading, as commands that read from a chain use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aggregator.settings import Settings

if TYPE_CHECKING:
    from aggregator.reading.sqlite_cache import SqliteCache


@contextmanager
def opened_cache(config: Settings) -> Iterator[SqliteCache | None]:
    """The configured cache for as long as the block lasts; None where it is off.

    One that can't be used says so in `problem` and remembers nothing.
    """
    if config.cache is None:
        yield None
        return
    from aggregator.reading.sqlite_cache import SqliteCache  # noqa: PLC0415  # not for replays

    with SqliteCache(config.cache) as cache:
        yield cache
