"""Files of other people's loans: CSV, Parquet or JSON lines, as columns (docs/plans.md)."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aggregator.model.errors import BadConfiguration

MOST_ROWS = 5_000_000
_PARQUET = b"PAR1"

Columns = Mapping[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class BorrowerTable:
    """A table of other people's loans: what it is called, the hash of its content, and its columns."""

    name: str
    sha256: str
    columns: Columns


def read_borrowers(path: Path) -> BorrowerTable:
    """A file, read once (it may be a pipe), whose form is told by how it begins.

    Raises BadConfiguration where it can't be read, is of no such form, or has no row or too many.
    """
    where = path.name.encode(errors="backslashreplace").decode()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadConfiguration(where, f"it can't be read: {error.strerror or error}") from error
    if data.startswith(_PARQUET):
        found = _parquet(where, data)
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadConfiguration(where, "it is neither Parquet nor text in UTF-8") from error
        found = _json_lines(where, text) if text.lstrip().startswith("{") else _csv(where, text)
    rows = len(next(iter(found.values()), ()))
    if not 0 < rows <= MOST_ROWS:
        raise BadConfiguration(where, f"has {rows:,} rows: give 1 to {MOST_ROWS:,}")
    return BorrowerTable(where, hashlib.sha256(data).hexdigest(), found)


def _csv(where: str, text: str) -> Columns:
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadConfiguration(where, f"is no table of comma-separated values: {error}") from error
    lines = [line for line in lines if line]
    if not lines:
        raise BadConfiguration(where, "is empty")
    names = [name.strip() for name in lines[0]]
    if len(set(names)) != len(names):
        raise BadConfiguration(where, "names a column twice")
    for row, line in enumerate(lines[1:], 1):
        if len(line) != len(names):
            raise BadConfiguration(where, f"row {row} has {len(line)} cells, and the header {len(names)}")
    return (
        dict(zip(names, zip(*lines[1:], strict=True), strict=True)) if lines[1:] else dict.fromkeys(names, ())
    )


def _json_lines(where: str, text: str) -> Columns:
    import orjson  # noqa: PLC0415

    rows: list[dict[str, object]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadConfiguration(where, f"line {number} is no JSON: {error}") from error
        if not isinstance(row, dict) or (rows and row.keys() != rows[0].keys()):
            raise BadConfiguration(where, f"line {number} has not the fields of the first one")
        rows.append(row)
    return {name: [row[name] for row in rows] for name in rows[0]}


def _parquet(where: str, data: bytes) -> Columns:
    import pyarrow as pa  # noqa: PLC0415  # a fifth of a second
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.read_table(pa.BufferReader(data))
        return {name: table.column(name).to_pylist() for name in table.column_names}
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise BadConfiguration(where, f"it is no whole Parquet file ({error})") from error
