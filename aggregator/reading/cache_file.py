"""The cache of reading as one SQLite file that several processes may open.

A file that can't be used is told once (`problem`) and then done without. Rows carry their chain, their
block's hash and a digest, so that one that is damaged or of another chain is no row.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

T = TypeVar("T")

FORMAT = 2
MAX_BYTES = 256 * 2**20
_APPLICATION = 0x43524D43
_BUSY_MS = 2_000
_OPENINGS = 20
_KEPT_SHARE = 0.75  # of MAX_BYTES after pruning
_TABLES = {
    "header": """CREATE TABLE header (chain INTEGER, number INTEGER, hash TEXT, parent_hash TEXT,
        time INTEGER, digest BLOB, stored_at INTEGER, PRIMARY KEY (chain, number)) WITHOUT ROWID""",
    "logs": """CREATE TABLE logs (chain INTEGER, filter BLOB, first INTEGER, last INTEGER, hash TEXT,
        packed BLOB, digest BLOB, stored_at INTEGER, PRIMARY KEY (chain, filter, first))""",
    "prediction": """CREATE TABLE prediction (chain INTEGER, request BLOB, hash TEXT, reply BLOB,
        digest BLOB, stored_at INTEGER, PRIMARY KEY (chain, request))""",
    "closes": """CREATE TABLE closes (chain INTEGER, source TEXT, day INTEGER, price TEXT, block INTEGER,
        hash TEXT, digest BLOB, stored_at INTEGER, PRIMARY KEY (chain, source, day))""",
}
_LASTING = {"closes"}
"""Tables that stay small, and whose rows no later read would ask for again."""


class CacheFile:
    """Rows of a few tables in a file; `problem` says why it is not used, where it can't be."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.problem: str | None = None
        self._max_bytes = max_bytes
        self._connection: sqlite3.Connection | None = None
        self._guarded(self._open, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is remembered or kept afterwards."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in reversed(range(_OPENINGS)):
            connection = sqlite3.connect(self.path, timeout=_BUSY_MS / 1000, isolation_level=None)
            try:
                self._prepare(connection)
            except BaseException as error:
                connection.close()
                if not left or not isinstance(error, sqlite3.Error) or not _passes(error):
                    raise
                time.sleep(_BUSY_MS / 1000 / _OPENINGS)  # another process is making the file
            else:
                self._connection = connection
                return

    def _prepare(self, connection: sqlite3.Connection) -> None:
        application = _pragma(connection, "application_id")
        if application != _APPLICATION or _pragma(connection, "user_version") != FORMAT:
            [(tables,)] = connection.execute("SELECT count(*) FROM sqlite_master")
            if tables and application != _APPLICATION:
                raise sqlite3.DatabaseError("it is another program's file")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heard only before the first table
            connection.execute("PRAGMA journal_mode = WAL")
            _create(connection)
        connection.execute("PRAGMA synchronous = NORMAL")

    def rows(self, query: str, arguments: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
        """Rows whose last column, left out, is the digest of the others.

        The first two columns must be the first two arguments: a damaged index leads to sound rows of others.
        """

        def select() -> list[tuple[Any, ...]]:
            found = [] if self._connection is None else self._connection.execute(query, arguments).fetchall()
            return [row for *row, digest in found if digest == _digest(row) and (*row[:2],) == arguments[:2]]

        return self._guarded(select, [])

    def write(
        self, table: str, rows: Sequence[tuple[Any, ...]], before: tuple[str, tuple[Any, ...]] | None = None
    ) -> None:
        """Keep rows of a table, once a statement has been run `before` in the same transaction."""
        if self._connection is None or not (rows or before):
            return
        connection, now = self._connection, time.time_ns()

        def write() -> None:
            with _transaction(connection):
                if before is not None:
                    connection.execute(*before)
                if rows:
                    places = ", ".join("?" * (len(rows[0]) + 2))
                    connection.executemany(
                        f"INSERT OR REPLACE INTO {table} VALUES ({places})",  # noqa: S608  # our own names
                        [(*row, _digest(row), now) for row in rows],
                    )
            self._prune(connection)

        self._guarded(write, None)

    def _prune(self, connection: sqlite3.Connection) -> None:
        """The oldest rows go until three quarters of the allowed size are left."""
        if _size(connection) <= self._max_bytes:
            return
        for _ in range(32):
            for table in _TABLES.keys() - _LASTING:
                [(rows,)] = connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  # our own names
                keys = "chain, number" if table == "header" else "rowid"
                connection.execute(
                    f"DELETE FROM {table} WHERE ({keys}) IN "  # noqa: S608
                    f"(SELECT {keys} FROM {table} ORDER BY stored_at LIMIT ?)",
                    (rows // 4 + 1,),
                )
            connection.executescript("PRAGMA incremental_vacuum")  # execute() would free a single page
            if _size(connection) <= self._max_bytes * _KEPT_SHARE:
                return

    def _guarded(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            return work()
        except (sqlite3.Error, OSError, OverflowError, UnicodeError) as error:  # of names in a damaged file
            if not _passes(error):
                self.close()
                self.problem = (
                    f"the cache {self.path} can't be used ({error}): reading without it. Delete it, or set "
                    "`cache` to another path or to off"
                )
            return otherwise


def _create(connection: sqlite3.Connection) -> None:
    with _transaction(connection):
        if _pragma(connection, "user_version") != FORMAT:  # nobody else was faster
            for name, definition in _TABLES.items():
                connection.execute(f"DROP TABLE IF EXISTS {name}")
                connection.execute(definition)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is executed within, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _size(connection: sqlite3.Connection) -> int:
    return _pragma(connection, "page_count") * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    [(value,)] = connection.execute(f"PRAGMA {name}")
    return int(value)


def _passes(error: Exception) -> bool:
    """Whether another process holds the file: nobody waits long for a cache."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or isinstance(error, OverflowError)


def _digest(row: Sequence[Any]) -> bytes:
    return blake2b(repr(tuple(row)).encode(), digest_size=16).digest()
