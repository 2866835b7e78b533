"""Bulk inserts: Arrow columns on the connection of the running transaction, beside ORM rows.

Columns, not row objects: this way an insert takes about a seventieth of what the ORM needs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlmodel import SQLModel

from aggregator.store.columns import ExactInteger, FiniteFloat, OneOf, table_of

Columns: TypeAlias = Mapping[str, Sequence[object]]
"""Values by column name, all of one length."""

_INCOMING, _TEXTS = "incoming_rows", "incoming_texts"


def insert(connection: sa.Connection, row: type[SQLModel], columns: Columns) -> None:
    """Insert columns into a table within the connection's transaction.

    `columns` names every column of the table. Raises ValueError, OverflowError or TypeError where a value
    does not fit its column, and what DuckDB raises where a CHECK refuses it.
    """
    name = table_of(row).name
    _execute(connection, row, columns, f'INSERT INTO "{name}" BY NAME SELECT * FROM {_INCOMING}')  # noqa: S608  # ours


def update(connection: sa.Connection, row: type[SQLModel], key: str, columns: Columns) -> None:
    """Replace the rows that have these values of `key`, otherwise like `insert`."""
    name = table_of(row).name
    new = ", ".join(f'"{column}" = {_INCOMING}."{column}"' for column in columns if column != key)
    same = f'"{name}"."{key}" = {_INCOMING}."{key}"'
    _execute(connection, row, columns, f'UPDATE "{name}" SET {new} FROM {_INCOMING} WHERE {same}')  # noqa: S608  # ours


def _execute(connection: sa.Connection, row: type[SQLModel], columns: Columns, statement: str) -> None:
    """Run a statement on the columns as the view `incoming_rows`; nothing where there are no rows."""
    table = table_of(row)
    if set(columns) != set(table.columns.keys()):
        odd = sorted(set(columns) ^ set(table.columns.keys()))
        raise ValueError(f"columns of {table.name} that are missing or unknown: {', '.join(odd)}")
    incoming = pa.table({name: arrow_array(table.columns[name], values) for name, values in columns.items()})
    if not incoming.num_rows:
        return
    driver = _driver(connection)
    driver.register(_INCOMING, incoming)
    # Not in a `finally`: where a statement failed, DuckDB 2 lets nothing else be done and hides the failure.
    driver.execute(statement)
    driver.unregister(_INCOMING)


@contextmanager
def texts(connection: sa.Connection, values: Collection[str]) -> Iterator[sa.Select[tuple[str]]]:
    """The values as a column to compare with, such as in `column.in_(…)`; not within another such.

    Bound one by one they would take longer than the statement: DuckDB looks for pandas at each.
    """
    driver = _driver(connection)
    driver.register(_TEXTS, pa.table({"value": pa.array(values, pa.string())}))
    yield sa.select(sa.table(_TEXTS, sa.column("value", sa.String)).c.value)
    driver.unregister(_TEXTS)  # not where a statement failed: DuckDB 2 then lets nothing else be done


def arrow_array(column: sa.Column[object], values: Sequence[object]) -> pa.Array:
    """The values of one column as Arrow, exact; an Arrow array passes unless its type differs."""
    kind = column.type
    if isinstance(values, pa.Array | pa.ChunkedArray):
        array = values.cast(arrow_type(kind))
    elif isinstance(kind, ExactInteger):
        array = pa.array([None if v is None else kind.encode(_integer(v)) for v in values], pa.string())
    elif isinstance(kind, OneOf):
        array = pa.array([None if v is None else str(v) for v in values], pa.string())
    elif isinstance(kind, sa.JSON):
        array = pa.array([None if v is None else json.dumps(v, allow_nan=False) for v in values], pa.string())
    else:
        array = pa.array(values, arrow_type(kind))
    if (
        isinstance(kind, FiniteFloat)
        and not pc.all(pc.is_finite(array)).as_py()
        and array.null_count < len(array)
    ):
        raise ValueError(f"{column.name} holds a number that is not finite")
    return array


def arrow_type(kind: sa.types.TypeEngine[object]) -> pa.DataType:
    """The Arrow type that reaches a column of this type unchanged."""
    match kind:
        case ExactInteger() | OneOf() | sa.String() | sa.JSON():
            return pa.string()
        case FiniteFloat():
            return pa.float64()
        case sa.BigInteger():
            return pa.int64()
        case sa.Boolean():
            return pa.bool_()
        case sa.DateTime():
            return pa.timestamp("us")
        case sa.Numeric(precision=int(precision), scale=int(scale)):
            return pa.decimal128(precision, scale)
        case _:
            raise TypeError(f"no Arrow type is chosen for {kind!r}")


def check_unique(row: type[SQLModel], columns: Columns) -> None:
    """Raise ValueError where two of these rows share their natural key.

    The mapper knows it as primary key; the table has none. Rows of one snapshot are inserted at once, so
    looking through the table would find no more, and take longer with every snapshot.
    """
    table, key = table_of(row), [column.name for column in sa.inspect(row).primary_key]
    keys = pa.table({name: arrow_array(table.columns[name], columns[name]) for name in key})
    counts = keys.group_by(key).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], 1)).slice(0, 1).to_pylist()
    if twice:
        raise ValueError(f"{table.name} would hold {tuple(twice[0][name] for name in key)} twice")


def _driver(connection: sa.Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101  # an open connection has one
    return driver


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no integer")
    return value
