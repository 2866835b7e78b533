"""The copy of the database that readers open, replaced as a whole after each change.

DuckDB lets nobody read a file that a process writes, so readers have a file of their own. It is copied while
the database is locked and moved into place before the lock is given back: an older copy can't replace a newer
one, and whoever has the former copy open goes on reading that.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from aggregator.model.errors import StoreError
from aggregator.store.opening import Opening

_KEPT = "what was changed is kept, but the readers' copy could not be replaced"
# A lock on a file is one of the process: its threads must not publish beside each other.
_ONE_AT_A_TIME = threading.Lock()


def published_path(path: Path) -> Path:
    """Where the copy of a database is: `x.duckdb` has `x.published.duckdb` beside it."""
    return path.with_name(f"{path.stem}.published.duckdb")


def publish(opening: Opening) -> Path:
    """Replace the published copy by the database as it is now; returns the copy's path.

    Raises StoreError or StoreLocked where that fails; the former copy stays, and the database is untouched.
    """
    target = published_path(opening.path)
    temporary = target.with_name(f".{target.name}.part")

    def copy(opened: sa.Connection) -> None:
        connection: Any = opened.connection.driver_connection
        # Locked: nobody else is publishing, so this is what a killed process left.
        _remove(temporary)
        try:
            connection.execute(f"ATTACH {_text(str(temporary.absolute()))} AS published")
            source = connection.execute("SELECT current_database()").fetchall()[0][0]
            connection.execute(f"COPY FROM DATABASE {_name(source)} TO published")
            connection.execute("DETACH published")
            temporary.replace(target)
        except (duckdb.Error, OSError):
            _remove(temporary)  # the database itself needs the room
            raise

    try:
        with _ONE_AT_A_TIME:
            opening.locked(copy)  # which has the present schema then
    except StoreError as error:
        raise type(error)(error.path, f"{_KEPT}: {error.why}") from error
    except OSError as error:
        raise StoreError(str(target), f"{_KEPT}: {error}") from error
    return target


def _remove(temporary: Path) -> None:
    for path in (temporary, temporary.with_name(temporary.name + ".wal")):
        path.unlink(missing_ok=True)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
