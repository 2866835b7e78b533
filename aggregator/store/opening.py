"""Opening the file only for as long as a transaction takes, with bounded retries and clear failures.

DuckDB lets one process at a time open a file for writing, and none beside it, so nothing may hold it: no
pool (NullPool), one connection per transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlmodel import create_engine

from aggregator.model.errors import StoreError, StoreLocked
from aggregator.store.schema import bring_up_to_date, is_current

T = TypeVar("T")

DATABASE_ERRORS = (SQLAlchemyError, duckdb.Error)

_FIRST_WAIT_S = 0.02
_LONGEST_WAIT_S = 0.5
_MAGIC, _MAGIC_AT = b"DUCK", 8
_NO_DATABASE = "it is no DuckDB database, or it is damaged: name another file or restore a copy"
CONFIG: dict[str, bool | int | float | str | list[str]] = {
    # Of files that are made. A column of few rows takes a block in memory: with DuckDB's 256 KiB a third of
    # the time of a save, and most of a small file, is empty blocks. With a million rows it is all the same.
    "default_block_size": "16384",
    # Else DuckDB may fetch an extension from its vendor.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
# DuckDB has no error class for a lock; the others are what a process tells itself when it has the file open
# in another mode, or attached.
_LOCKED = ("Could not set lock on file", "with a different configuration", "Unique file handle conflict")


class Opening:
    """How to open one DuckDB file; it holds nothing open between transactions."""

    def __init__(self, path: Path, *, lock_timeout_s: float) -> None:
        self.path = path
        self.lock_timeout_s = lock_timeout_s
        self._engines: dict[bool, sa.Engine] = {}

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """The outcome of `work` in one transaction, on a schema that is up to date.

        `work` is run again where another transaction got in its way. Raises StoreLocked where another process
        keeps the file beyond the timeout, StoreError where it can't be used or written; nothing is left then.
        """

        def transaction(connection: sa.Connection) -> T:
            with connection.begin():
                return work(connection)

        return self.locked(transaction)

    def locked(self, work: Callable[[sa.Connection], T]) -> T:
        """Like `write`, but what `work` does is in no transaction: the file is locked until it is done."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(str(self.path), f"its folder can't be made ({error})") from error

        def opened() -> T:
            self._refuse_other_files()
            with self._connect(read_only=False) as connection:
                with connection.begin():
                    bring_up_to_date(connection, self.path)
                return work(connection)

        return self.patiently(opened)

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """The outcome of `work` on the file opened read-only; raises like `write`.

        A file of an earlier release gets the present schema first.
        """

        def transaction() -> tuple[T] | None:
            self._refuse_other_files()
            with self._connect(read_only=True) as connection, connection.begin():
                return (work(connection),) if is_current(connection, self.path) else None

        while (outcome := self.patiently(transaction)) is None:
            self.write(lambda _: None)
        return outcome[0]

    def is_current(self) -> bool:
        """Whether the file has the present schema; raises StoreError where it isn't ours."""

        def transaction() -> bool:
            self._refuse_other_files()
            with self._connect(read_only=True) as connection, connection.begin():
                return is_current(connection, self.path)

        return self.patiently(transaction)

    def _refuse_other_files(self) -> None:
        """DuckDB opens files of other kinds through extensions; an empty one may be in the making."""
        try:
            with self.path.open("rb") as file:
                start = file.read(_MAGIC_AT + len(_MAGIC))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(str(self.path), f"it can't be read ({error})") from error
        if start and start[_MAGIC_AT:] != _MAGIC:
            raise StoreError(str(self.path), _NO_DATABASE)

    @contextmanager
    def _connect(self, *, read_only: bool) -> Iterator[sa.Connection]:
        # An engine keeps compiled statements, and with NullPool no connection.
        if read_only not in self._engines:
            url = sa.URL.create("duckdb", database=str(self.path.absolute()))
            arguments = {"read_only": read_only, "config": CONFIG}
            self._engines[read_only] = create_engine(url, poolclass=NullPool, connect_args=arguments)
        with self._engines[read_only].connect() as connection:
            yield connection

    def patiently(self, transaction: Callable[[], T]) -> T:
        """The outcome of something that opens the file, tried again while a lock is in its way."""
        deadline, wait_s = time.monotonic() + self.lock_timeout_s, _FIRST_WAIT_S
        while True:
            try:
                return transaction()
            except DATABASE_ERRORS as error:
                cause = _cause(error)
                if not _passes(cause):
                    raise StoreError(str(self.path), _advice(cause)) from error
                if time.monotonic() + wait_s > deadline:
                    why = (
                        f"another process has had it open for {self.lock_timeout_s:g} s: "
                        f"close it (a DuckDB shell, a running snapshot) and try again ({_first_line(cause)})"
                    )
                    raise StoreLocked(str(self.path), why) from error
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _cause(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _passes(cause: BaseException) -> bool:
    """Whether waiting helps: a lock, or a transaction that lost against another one of this process."""
    if isinstance(cause, duckdb.TransactionException | duckdb.ConstraintException):
        return any(text in str(cause).lower() for text in ("conflict", "duplicate key"))
    return any(text in str(cause) for text in _LOCKED)


def _advice(cause: BaseException) -> str:
    line = _first_line(cause)
    if "not a valid DuckDB database" in line:
        return _NO_DATABASE
    return f"the last step was undone ({line})"


def _first_line(cause: BaseException) -> str:
    return str(cause).strip().partition("\n")[0]
