"""The schema that reaches the file: comments, types, checks, and no more keys than it needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from aggregator.store import schema
from aggregator.store.columns import ExactInteger, FiniteFloat, Table
from tests.store.studied import save_studied

TABLES = list(Table.metadata.sorted_tables)
MODULES = schema.TABLE_MODULES


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A file with one snapshot and one study of each kind, opened by DuckDB itself."""
    path: Path = tmp_path_factory.mktemp("warehouse") / "w.duckdb"
    save_studied(path)
    with duckdb.connect(str(path)) as connection:
        yield connection


def test_every_column_and_table_is_documented(database: duckdb.DuckDBPyConnection) -> None:
    """Comments reach duckdb_columns() and duckdb_tables(), the version table's included."""
    columns = database.execute(
        "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    assert {(table, column) for table, column, _ in columns if not table.startswith("v_")} == {
        *((table.name, column.name) for table in TABLES for column in table.columns),
        ("schema_version", "version_num"),
    }
    assert {table for table, _, _ in columns if table.startswith("v_")} == {
        "v_positions", "v_exposure", "v_health"
    }  # fmt: skip
    assert [row for row in columns if not row[2]] == []
    assert (
        database.execute(
            "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL AND NOT internal"
            " UNION ALL SELECT view_name FROM duckdb_views() WHERE comment IS NULL AND NOT internal"
        ).fetchall()
        == []
    )
    assert len(TABLES) >= 35


def test_types_of_the_file(database: duckdb.DuckDBPyConnection) -> None:
    """Raw integers are text, times are naive, USD from amounts is DECIMAL; nothing is HUGEINT or FLOAT."""
    types = {
        (table, column): kind
        for table, column, kind in database.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    }
    assert set(types.values()) == {
        "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "JSON", "DECIMAL(38,8)", "DECIMAL(38,18)"
    }  # fmt: skip
    assert {kind for (_, column), kind in types.items() if column.endswith("_raw")} == {"VARCHAR"}
    assert types["position", "value_usd"] == "DECIMAL(38,8)"
    assert types["snapshot", "as_of"] == "TIMESTAMP"


def test_only_rows_that_change_have_a_key(database: duckdb.DuckDBPyConnection) -> None:
    """No foreign keys, no indexes; tables of facts have no PRIMARY KEY either."""
    keys = database.execute(
        "SELECT table_name, constraint_type FROM duckdb_constraints()"
        " WHERE constraint_type NOT IN ('CHECK', 'NOT NULL') ORDER BY 1"
    ).fetchall()
    keyed = ["index_run", "latest", "schedule_run", "schema_version", "snapshot", "wallet", "wallet_group"]
    assert keys == [(table, "PRIMARY KEY") for table in keyed]
    assert database.execute("SELECT count(*) FROM duckdb_indexes()").fetchone() == (0,)


RAW = [(t, c) for t in TABLES for c in t.columns if isinstance(c.type, ExactInteger) and c.type.checked]
BAD = ["01", "-0", "+1", "1.0", "1e3", "", " 1", "1\n", "x", "9" * 79]


@pytest.mark.parametrize(("table", "column"), RAW, ids=[f"{t.name}.{c.name}" for t, c in RAW])
def test_other_writers_can_store_only_canonical_integers(
    database: duckdb.DuckDBPyConnection, table: sa.Table, column: sa.Column[int]
) -> None:
    """The CHECK of every raw column refuses what would not read back as the same text."""
    assert isinstance(column.type, ExactInteger)
    update = f'UPDATE "{table.name}" SET "{column.name}" = ?'  # noqa: S608  # names of our own
    refused = [*BAD, *([] if column.type.signed else ["-1"])]
    accepted = [str(2**256 - 1), "0", *([str(-(2**255))] if column.type.signed else [])]
    for text in refused:
        with pytest.raises(duckdb.ConstraintException):
            database.execute(update, [text])
    for text in accepted:
        database.execute(update, [text])


def test_choices_are_closed(database: duckdb.DuckDBPyConnection) -> None:
    """A kind that the code does not know can't be stored by other writers either."""
    for table, column in [("position", "kind"), ("risk_result", "band"), ("snapshot", "status")]:
        with pytest.raises(duckdb.ConstraintException):
            database.execute(f"UPDATE {table} SET {column} = 'something else'")  # noqa: S608


def test_names_and_comments_carry_units() -> None:
    """Every float says what it is in USD, basis points, a ratio or another unit."""
    unitless = [
        f"{table.name}.{column.name}"
        for table in TABLES
        for column in table.columns
        if isinstance(column.type, FiniteFloat | sa.Numeric) and column.name.endswith("_usd")
        and "USD" not in (column.comment or "") and "usd" not in (column.comment or "")
    ]  # fmt: skip
    assert unitless == []


def test_every_infinity_flag_has_its_value() -> None:
    """`x_infinite` always stands beside a nullable `x`."""
    flags = [(t, c) for t in TABLES for c in t.columns if c.name.endswith("_infinite")]
    assert len(flags) == 10
    assert all(t.columns[c.name.removesuffix("_infinite")].nullable for t, c in flags)


def test_importing_the_package_is_cheap() -> None:
    """A command that saves nothing pays for neither SQLModel nor DuckDB."""
    script = (
        "import sys, aggregator.store; print(sorted({'duckdb', 'sqlmodel', 'pyarrow'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
