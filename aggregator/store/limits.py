"""What a query may take, also where DuckDB itself lets more happen.

DuckDB counts most of its memory, and looks for an interruption between two steps. One call of a function,
such as `repeat('x', 2000000000)` or `levenshtein` of long texts, is neither counted nor interrupted. So the
memory of the whole process is bounded too, and whoever asks says what to do with a step that does not stop.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from aggregator.model.errors import QueryError

_INTERRUPT_AGAIN_S = 0.05
_STOPS_WITHIN_S = 5.0
# What rows take in Python while they are written, beside what DuckDB has.
_BESIDE_GB = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may take: seconds, and gigabytes of memory.

    `abandon` is called, in another thread, where DuckDB is still busy with one step long after the time is
    over: nothing but the end of the process stops it then. Without it such a step is waited for.
    """

    timeout_s: float = 60.0
    memory_gb: float = 2.0
    abandon: Callable[[QueryError], object] | None = None


class Watch:
    """Whether the time of a query is over, and since when DuckDB is at work."""

    def __init__(self) -> None:
        self.expired = threading.Event()
        self.busy_since: float | None = time.monotonic()
        """When DuckDB was asked last; None while rows are with whoever takes them."""


@contextmanager
def limited(connection: duckdb.DuckDBPyConnection, name: str, limits: Limits) -> Iterator[Watch]:
    """Hold a query to its limits; what goes beyond them, and what else DuckDB raises, is QueryError."""
    watch = Watch()
    too_late = QueryError(
        name, f"it took more than {limits.timeout_s:g} s: ask for less, or allow more with --timeout"
    )
    too_large = QueryError(
        name, f"it needs more than {limits.memory_gb:g} GB: ask for less, or allow more with --memory"
    )
    try:
        with _memory_bounded(limits.memory_gb), _interrupted(connection, watch, limits, too_late):
            yield watch
    except MemoryError as error:
        raise too_large from error
    except duckdb.Error as error:
        # Interrupted between two steps, DuckDB raises another class of error.
        if watch.expired.is_set():
            raise too_late from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise too_large from error
        # Messages quote values, which may be texts of strangers.
        told = "".join(c for c in str(error).strip() if c.isprintable() or c == "\n")
        raise QueryError(name, told) from error


@contextmanager
def _interrupted(
    connection: duckdb.DuckDBPyConnection, watch: Watch, limits: Limits, too_late: QueryError
) -> Iterator[None]:
    """Interrupt whatever the connection does after its time, again and again until it has ended."""
    done = threading.Event()

    def look() -> None:
        if done.wait(limits.timeout_s):
            return
        watch.expired.set()
        expired_at = time.monotonic()
        connection.interrupt()
        while not done.wait(_INTERRUPT_AGAIN_S):
            connection.interrupt()
            since = watch.busy_since
            stuck_s = 0.0 if since is None else time.monotonic() - max(since, expired_at)
            if limits.abandon is not None and stuck_s > _STOPS_WITHIN_S:
                limits.abandon(too_late)
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


@contextmanager
def _memory_bounded(memory_gb: float) -> Iterator[None]:
    """Let the process take so much more memory than it has now; only Linux holds a process to this."""
    if sys.platform != "linux":
        yield
        return
    import resource  # noqa: PLC0415  # not on every system

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    most = pages * os.sysconf("SC_PAGE_SIZE") + int((memory_gb + _BESIDE_GB) * 1e9)
    former, hard = resource.getrlimit(resource.RLIMIT_DATA)
    tighter = [bound for bound in (former, hard) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([most, *tighter]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (former, hard))
