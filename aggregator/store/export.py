"""Writing the warehouse out: a file per table, sorted by its key, beside a manifest."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from aggregator.model.errors import ExchangeError
from aggregator.store import encodings
from aggregator.store.columns import table_of
from aggregator.store.encodings import Encoding
from aggregator.store.manifest import Manifest, describe, is_replaceable
from aggregator.store.opening import Opening
from aggregator.store.schema import REVISIONS
from aggregator.store.scope import Choice, query, row_classes

_BATCH_ROWS = 100_000


def export(
    opening: Opening,
    folder: Path,
    *,
    encoding: Encoding,
    choice: Choice,
    tool_version: str,
    created_at: datetime,
    overwrite: bool = False,
) -> Manifest:
    """Write every table to a folder that is there only when it is whole; the manifest that lies in it.

    Equal tables give equal bytes as Parquet and CSV, whatever the order in which they were filled.
    `created_at` is an aware time. With `overwrite` an earlier export is replaced, and nothing else. Raises
    ExchangeError where the folder is taken or can't be written, StoreLocked and StoreError where the database
    can't be read.
    """
    folder = folder.resolve()
    _refuse_taken(folder, overwrite=overwrite)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
            whole = Path(scratch) / "export"
            manifest = opening.read(
                lambda connection: _write(connection, whole, encoding, choice, tool_version, created_at)
            )
            _replace(folder, whole, former=Path(scratch) / "former")
    except (OSError, pa.ArrowException) as error:
        raise ExchangeError(str(folder), f"it can't be written ({error})") from error
    return manifest


def _replace(folder: Path, whole: Path, *, former: Path) -> None:
    """Move an export into place; what lies there is moved away, and back where that fails."""
    if folder.exists():
        folder.rename(former)
    try:
        whole.rename(folder)
    except OSError:
        if former.exists():
            former.rename(folder)
        raise


def _refuse_taken(folder: Path, *, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ExchangeError(str(folder), "it is a file: name a folder")
    if not is_replaceable(folder):
        raise ExchangeError(str(folder), "it holds other files: name a folder of its own")
    if not overwrite and any(folder.iterdir()):
        raise ExchangeError(str(folder), "it is there already: replace it with --yes, or name another")


def _write(
    connection: sa.Connection,
    folder: Path,
    encoding: Encoding,
    choice: Choice,
    tool_version: str,
    created_at: datetime,
) -> Manifest:
    shutil.rmtree(folder, ignore_errors=True)  # what an attempt left that the database interrupted
    folder.mkdir()
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101  # an open connection has one
    tables = {}
    for row in row_classes():
        table, schema = table_of(row), encodings.arrow_schema(table_of(row))
        sql, parameters = query(row, choice)
        path = folder / f"{table.name}.{encoding}"
        batches = driver.sql(sql, params=parameters).to_arrow_reader(_BATCH_ROWS)
        rows = encodings.write(encoding, path, schema, batches)
        tables[table.name] = describe(path, rows)
    manifest = Manifest(
        encoding=encoding,
        schema_revision=REVISIONS[-1],
        tool_version=tool_version,
        created_at=created_at.astimezone(UTC),
        wallets=choice.wallets,
        since=choice.since,
        tables=tables,
    )
    return manifest.write(folder)
