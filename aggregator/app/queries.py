"""Questions to the database: those that ship, and a user's own SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aggregator.model.errors import QueryError, StoreError
from aggregator.settings import Settings
from aggregator.store import library
from aggregator.store.library import Kind, Query, Value

if TYPE_CHECKING:
    from aggregator.store.limits import Limits
    from aggregator.store.query import Answer

T = TypeVar("T")

_SCHEMA = """
SELECT c.table_name, c.column_name, c.data_type, c.is_nullable, c.comment,
       v.view_name IS NOT NULL AS is_view, coalesce(t.comment, v.comment) AS table_comment
FROM duckdb_columns() AS c
LEFT JOIN duckdb_tables() AS t ON t.table_oid = c.table_oid AND t.database_oid = c.database_oid
LEFT JOIN duckdb_views() AS v ON v.view_oid = c.table_oid AND v.database_oid = c.database_oid
WHERE NOT c.internal AND ($table IS NULL OR c.table_name = $table)
ORDER BY is_view, c.table_name, c.column_index
"""


class FileFormat(StrEnum):
    """Files that an answer can be written to."""

    PARQUET = "parquet"
    ARROW = "arrow"


def queries() -> tuple[Query, ...]:
    """The queries that ship, by name."""
    return library.queries()


def find(name: str) -> Query:
    """The query of this name; raises QueryError naming all."""
    return library.find(name)


def run(
    query: Query, given: Mapping[str, str], config: Settings, take: Callable[[Answer], T], limits: Limits
) -> T:
    """What `take` makes of the answer to a query, its parameters given as texts.

    Raises QueryError where a parameter is unknown or malformed or a limit is reached, StoreError where there
    is no database.
    """
    return _run(query.name, query.sql, query.values(given), config, take, limits)


def run_sql(
    sql: str, given: Mapping[str, str], config: Settings, take: Callable[[Answer], T], limits: Limits
) -> T:
    """The same for a user's SQL; a parameter given as `name:type` is of that type, else it is a text."""
    values = dict(_typed(name, text) for name, text in given.items())
    return _run("sql", sql, values, config, take, limits)


def schema(table: str | None, config: Settings, take: Callable[[Answer], T], limits: Limits) -> T:
    """What `take` makes of the columns of all tables and views, or of one.

    Raises QueryError where there is no such table.
    """

    def taken(answer: Answer) -> T:
        first = next(answer.batches, None)
        if first is None and table is not None:
            raise QueryError("schema", f"there is no table or view {table!r}: leave the name out to list all")
        return take(replace(answer, batches=chain([first] if first else [], answer.batches)))

    return _run("schema", _SCHEMA, {"table": table}, config, taken, limits)


def write_file(answer: Answer, path: Path, form: FileFormat) -> int:
    """Write an answer to a file, replacing it only once all is written; returns the number of rows."""
    from aggregator.store.query_files import write  # noqa: PLC0415  # pyarrow

    return write(answer, path, arrow=form is FileFormat.ARROW)


def _run(
    name: str,
    sql: str,
    values: Mapping[str, Value],
    config: Settings,
    take: Callable[[Answer], T],
    limits: Limits,
) -> T:
    from aggregator.store.query import run as execute  # noqa: PLC0415  # half a second of imports
    from aggregator.store.warehouse import Warehouse  # noqa: PLC0415

    path = Warehouse(config.database, lock_timeout_s=config.lock_timeout_s).reading()
    if not path.exists():
        raise StoreError(str(config.database), "it is not there yet: `crossmargin snapshot take` makes it")
    return execute(path, name, sql, values, take, limits=limits, lock_timeout_s=config.lock_timeout_s)


def _typed(name: str, text: str) -> tuple[str, Value]:
    bare, _, kind = name.partition(":")
    if kind and kind not in list(Kind):
        raise QueryError("sql", f"parameter {bare} can't be of type {kind!r}; types are {', '.join(Kind)}")
    try:
        return bare, Kind(kind or Kind.TEXT).parse(text)
    except ValueError as error:
        raise QueryError("sql", f"parameter {bare} can't be {text!r}: {error}") from error
