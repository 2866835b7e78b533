"""Running SQL that nobody has to trust: one SELECT, read-only, on a file that it can't look beyond.

Three fences, each of which would do: the statement is parsed and must be one SELECT that calls only the table
functions named here; the file is opened read-only; and DuckDB is told to touch nothing outside it, to load
nothing and to let nobody change that. Memory and time are bounded (`limits`).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import duckdb

from aggregator.model.errors import QueryError
from aggregator.store.library import Value
from aggregator.store.limits import Limits, Watch, limited
from aggregator.store.opening import CONFIG, Opening

T = TypeVar("T")

Rows: TypeAlias = list[tuple[Any, ...]]

BATCH_ROWS = 10_000

_LOCKED_DOWN = {
    "allow_community_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",  # else SQL reads variables of this program
    "temp_directory": "",
    "lock_configuration": "true",
}

# The ids of so many latest snapshots are looked for in the least and largest of each block of rows: without
# it one wallet that was given up long ago has everything since read for nothing.
_SPEED = {"dynamic_or_filter_threshold": "10000"}

# Others read files, run text as SQL or change how DuckDB works: enable_logging escapes lock_configuration.
_TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_constraints",
        "duckdb_tables",
        "duckdb_views",
        "generate_series",
        "json_each",
        "json_tree",
        "range",
        "repeat",
        "unnest",
    }
)

# Fetched as they are. All others (HUGEINT, BIGNUM, LIST, INTERVAL, …) are answered as their text: exact in
# Python, JSON, Arrow and Parquet alike.
_AS_THEY_ARE = frozenset(
    {
        *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
        *("FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "DATE", "TIMESTAMP"),
    }
)
_ZONED = "TIMESTAMP WITH TIME ZONE"
_PIVOT = re.compile(r"\s*PIVOT\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer: its name, the DuckDB type that SQL gave it, and the one it is fetched as."""

    name: str
    type: str
    fetched: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query answers; `batches` can be read once, and only while the query runs."""

    columns: tuple[Column, ...]
    batches: Iterator[Rows]


def run(
    path: Path,
    name: str,
    sql: str,
    values: Mapping[str, Value],
    take: Callable[[Answer], T],
    *,
    limits: Limits,
    lock_timeout_s: float,
) -> T:
    """What `take` makes of the answer of a SELECT, with `values` bound to its parameters (`$name`).

    `name` is how errors name it. Raises QueryError where the SQL is refused, wrong, or beyond the limits, and
    StoreError or StoreLocked where the file can't be read. `take` is called at most once.
    """
    _refuse_odd_text(name, sql, values)
    config = {**CONFIG, **_SPEED, **_LOCKED_DOWN, "memory_limit": f"{limits.memory_gb:g}GB"}

    def work() -> T:
        with (
            duckdb.connect(str(path.absolute()), read_only=True, config=config) as connection,
            limited(connection, name, limits) as watch,
        ):
            try:
                statement = _checked(connection, name, sql, values)
            except RecursionError as error:
                raise QueryError(name, "it is nested too deeply: give it fewer parts") from error
            columns = _columns(connection, statement, values)
            connection.execute(_fetched(statement, columns), dict(values))
            return take(Answer(columns, _batches(connection, watch)))

    return Opening(path, lock_timeout_s=lock_timeout_s).patiently(work)


def _refuse_odd_text(name: str, sql: str, values: Mapping[str, Value]) -> None:
    """Bytes that are no UTF-8 come from a command line as half a character each."""
    for what, text in {"the statement": sql, **{f"parameter {n}": v for n, v in values.items()}}.items():
        if isinstance(text, str) and not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise QueryError(name, f"{what} is not valid UTF-8") from error


def _checked(connection: duckdb.DuckDBPyConnection, name: str, sql: str, values: Mapping[str, Value]) -> str:
    """The text of the one SELECT in `sql`."""
    # By the locked connection: parsing alone makes DuckDB 1.5 read files, as in IMPORT DATABASE.
    statements = connection.extract_statements(sql)
    hint = " (PIVOT is several unless it lists its values: ON column IN (…))" if _PIVOT.match(sql) else ""
    if len(statements) != 1:
        raise QueryError(name, f"give exactly one statement; these are {len(statements)}{hint}")
    [statement] = statements
    if statement.type != duckdb.StatementType.SELECT:
        kind = str(statement.type).rpartition(".")[2]
        raise QueryError(name, f"only SELECT is allowed, and this is {kind}{hint}")
    tree = _parsed(connection, statement.query)
    if tree is None:
        raise QueryError(name, "only SELECT is allowed")
    refused = sorted(_table_functions(tree) - _TABLE_FUNCTIONS)
    if refused:
        allowed = ", ".join(sorted(_TABLE_FUNCTIONS))
        raise QueryError(name, f"{refused[0]} is not allowed after FROM; table functions are {allowed}")
    wanted: set[str] = set(statement.named_parameters)
    odd = sorted(wanted ^ set(values))
    if odd:
        what = "missing" if odd[0] in wanted else "unknown"
        asks = ", ".join(f"${parameter}" for parameter in sorted(wanted)) or "none"
        raise QueryError(name, f"parameter {odd[0]} is {what}: it asks for {asks}")
    return _without_semicolon(connection, statement.query, tree)


def _parsed(connection: duckdb.DuckDBPyConnection, text: str) -> object | None:
    """The SELECT as DuckDB writes it as JSON, or None where it is none."""
    [(written,)] = connection.execute("SELECT json_serialize_sql($text)", {"text": text}).fetchall()
    tree = json.loads(written)
    return None if tree["error"] else tree


def _without_semicolon(connection: duckdb.DuckDBPyConnection, text: str, tree: object) -> str:
    """The statement up to the semicolon that ends it, so that it can stand in parentheses."""
    ends = (match.start() for match in re.finditer(";", text))
    return next((text[:end] for end in ends if _parsed(connection, text[:end]) == tree), text)


def _table_functions(tree: object) -> set[str]:
    """The names of all table functions in a statement that DuckDB wrote as JSON."""
    found: set[str] = set()
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, list):
            left += node
        elif isinstance(node, dict):
            left += node.values()
            if node.get("type") == "TABLE_FUNCTION":
                found.add(str(node["function"]["function_name"]).lower())
    return found


def _columns(
    connection: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, Value]
) -> tuple[Column, ...]:
    describe = f"DESCRIBE SELECT * FROM (\n{statement}\n) AS answer"  # noqa: S608  # parsed: one SELECT
    described = connection.execute(describe, dict(values)).fetchall()
    return tuple(Column(row[0], row[1], _fetched_as(row[1])) for row in described)


def _fetched_as(kind: str) -> str:
    if kind.partition("(")[0] in _AS_THEY_ARE and not kind.endswith("]"):
        return kind
    return "TIMESTAMP" if kind == _ZONED else "VARCHAR"


def _fetched(statement: str, columns: tuple[Column, ...]) -> str:
    """The statement with each column as it is to be fetched."""
    if all(column.type == column.fetched for column in columns):
        return statement
    chosen, names = [], []
    for i, column in enumerate(columns):
        names.append(f"c{i}")
        if column.type == column.fetched:
            chosen.append(f"c{i}")
        elif column.type == _ZONED:
            # A cast would depend on the time zone of this machine.
            chosen.append(f"make_timestamp(epoch_us(c{i}))")
        else:
            chosen.append(f"CAST(c{i} AS VARCHAR)")
    return f"SELECT {', '.join(chosen)} FROM (\n{statement}\n) AS answer({', '.join(names)})"  # noqa: S608  # as above


def _batches(connection: duckdb.DuckDBPyConnection, watch: Watch) -> Iterator[Rows]:
    while rows := connection.fetchmany(BATCH_ROWS):
        watch.busy_since = None
        yield rows
        watch.busy_since = time.monotonic()
