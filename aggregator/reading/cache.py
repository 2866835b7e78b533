"""What reading remembers between runs: one SQLite file that several processes may open.

Nothing here is needed for an answer, and nothing in it is believed without a second look: logs are checked
against the chain's present hash of their last block, predicted replies only tell what to ask for; an answer
that uses daily closes (kept_closes.py) says so. A file that can't be used is told once (`problem`) and then
done without. Rows carry their chain, their block's hash and a digest, so that one that is damaged or of
another chain is no row.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aggregator.model.readings import Block
from aggregator.model.units import ChainId

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

T = TypeVar("T")

FORMAT = 2
MAX_BYTES = 256 * 2**20
MAX_REPLY_BYTES = 256 * 2**10
"""The largest reply that is worth predicting from."""
MAX_LOG_BYTES = 8 * 2**20
"""The largest stretch of logs that is kept as one row."""
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


@dataclass(frozen=True, slots=True)
class Stretch:
    """All logs of one filter in blocks `first` to `last`, as `abi.logs.pack` gives them; `hash` is the last
    block's."""

    first: int
    last: int
    hash: str
    packed: bytes


class HeaderCache(Protocol):
    """Block headers by number, finalized ones only. A hint: what is decided by them is checked on the chain.

    A local chain that was started anew has the same id and other blocks.
    """

    def get(self, chain: ChainId, number: int) -> Block | None:
        """The header at a height; None where it is not known."""
        ...

    def put(self, block: Block) -> None:
        """Keep a header at or below the last finalized one."""
        ...


class LogCache(Protocol):
    """Stretches of finalized logs by filter. Whoever uses one has its last block's hash confirmed first."""

    def stretches(self, chain: ChainId, filter_key: bytes, first: int, last: int) -> list[Stretch]:
        """Those that overlap blocks `first` to `last`, none of which overlap each other, in order."""
        ...

    def keep_logs(self, chain: ChainId, filter_key: bytes, stretches: Sequence[Stretch]) -> None:
        """Keep these, in place of all that lie between the first's begin and the last's end."""
        ...


class PredictionCache(Protocol):
    """Replies of past reads, from which the next read's requests are guessed, and nothing else."""

    def prediction(self, chain: ChainId, request: bytes) -> bytes | None:
        """The last known reply to a request, by its key."""
        ...

    def predict(self, block: Block, replies: Mapping[bytes, bytes]) -> None:
        """Keep replies of a block by the keys of their requests."""
        ...


class ReadingCache(HeaderCache, LogCache, PredictionCache, Protocol):
    """All of them."""


class SqliteCache:
    """A ReadingCache in a file; `problem` says why it is not used, where it can't be."""

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

    def get(self, chain: ChainId, number: int) -> Block | None:
        """See HeaderCache."""
        rows = self.rows(
            "SELECT chain, number, hash, parent_hash, time, digest FROM header "
            "WHERE chain = ? AND number = ?",
            (chain, number),
        )
        for _, _, block_hash, parent_hash, timestamp in rows:
            return Block(chain, number, block_hash, parent_hash, timestamp)
        return None

    def put(self, block: Block) -> None:
        """See HeaderCache."""
        row = (block.chain, block.number, block.hash, block.parent_hash, block.timestamp)
        self.write("header", [row])

    def stretches(self, chain: ChainId, filter_key: bytes, first: int, last: int) -> list[Stretch]:
        """See LogCache."""
        rows = self.rows(
            "SELECT chain, filter, first, last, hash, packed, digest FROM logs "
            "WHERE chain = ? AND filter = ? AND first <= ? AND last >= ? ORDER BY first",
            (chain, filter_key, last, first),
        )
        found: list[Stretch] = []
        for _, _, begin, end, block_hash, packed in rows:
            if begin <= end and (not found or begin > found[-1].last):
                found.append(Stretch(begin, end, block_hash, packed))
        return found

    def keep_logs(self, chain: ChainId, filter_key: bytes, stretches: Sequence[Stretch]) -> None:
        """See LogCache."""
        if not stretches:
            return
        rows = [
            (chain, filter_key, s.first, s.last, s.hash, s.packed)
            for s in stretches
            if len(s.packed) <= MAX_LOG_BYTES
        ]
        span = (chain, filter_key, stretches[-1].last, stretches[0].first)
        self.write(
            "logs",
            rows,
            ("DELETE FROM logs WHERE chain = ? AND filter = ? AND first <= ? AND last >= ?", span),
        )

    def prediction(self, chain: ChainId, request: bytes) -> bytes | None:
        """See PredictionCache."""
        rows = self.rows(
            "SELECT chain, request, hash, reply, digest FROM prediction WHERE chain = ? AND request = ?",
            (chain, request),
        )
        for _, _, _, reply in rows:
            return bytes(reply)
        return None

    def predict(self, block: Block, replies: Mapping[bytes, bytes]) -> None:
        """See PredictionCache."""
        rows = [
            (block.chain, request, block.hash, reply)
            for request, reply in replies.items()
            if len(reply) <= MAX_REPLY_BYTES
        ]
        self.write("prediction", rows)

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
            connection.execute("BEGIN IMMEDIATE")
            try:
                if before is not None:
                    connection.execute(*before)
                if rows:
                    places = ", ".join("?" * (len(rows[0]) + 2))
                    connection.executemany(
                        f"INSERT OR REPLACE INTO {table} VALUES ({places})",  # noqa: S608  # our own names
                        [(*row, _digest(row), now) for row in rows],
                    )
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
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
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _pragma(connection, "user_version") != FORMAT:  # nobody else was faster
            for name, definition in _TABLES.items():
                connection.execute(f"DROP TABLE IF EXISTS {name}")
                connection.execute(definition)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
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
