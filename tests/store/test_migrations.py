"""Files of every earlier revision get the present schema and keep what they hold; later ones are refused."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.pool import NullPool
from sqlmodel import create_engine

from aggregator.model.errors import StoreError
from aggregator.model.positions import Debt, Option, Perp, Supply
from aggregator.store import schema
from aggregator.store.columns import Table
from aggregator.store.opening import Opening
from aggregator.store.publishing import published_path
from aggregator.store.warehouse import Warehouse
from tests.store.samples import FAMILIES, PORTFOLIO, RESULT, WALLET, save, save_new
from tests.store.test_idempotence import contents

HEAD = schema.REVISIONS[-1]
# No release before 0004 knew at which block a price was read, none before 0005 a rate of interest, none
# before 0006 other addresses of a wallet, none before 0007 borrowing fees, none before 0008 what an option
# delivers, perpetual ones among them, none before 0009 all sources of a price, none before 0010 a venue that
# answers for an account, none before 0011 price history, none before 0012 expected shortfall, none before
# 0013 what a requirement follows from and what other methods ask, and none before 0014 a worst case.
FORMER = replace(
    PORTFOLIO,
    holders=(),
    oracles=(),
    marks={asset: replace(quote, chain=None) for asset, quote in PORTFOLIO.marks.items()},
    accounts=tuple(
        replace(
            account,
            observed=None,
            positions=tuple(
                replace(p, apr=None)
                if isinstance(p, Supply | Debt)
                else replace(p, borrowing_raw=0, borrowing_24h_raw=0)
                if isinstance(p, Perp)
                else replace(p, delivery="cash", multiplier_raw=None, mark_source=None)
                if isinstance(p, Option)
                else p
                for p in account.positions
            ),
        )
        for account in PORTFOLIO.accounts
    ),
)


@cache
def present() -> bytes:
    """A file of the present schema with the sample's rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "present.duckdb"
        former = replace(
            RESULT,
            history=None,
            tails=None,
            survival=(),
            worst_case=None,
            fresh_kappa=None,
            closing_cost_usd=None,
        )
        save_new(path, FORMER, former, comparison=())
        return path.read_bytes()


@cache
def _empty(revision: str) -> bytes:
    """A file of a revision's schema, brought there from the one before it by its own migration."""
    earlier = schema.REVISIONS.index(revision) - 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.duckdb"
        if earlier >= 0:
            path.write_bytes(_empty(schema.REVISIONS[earlier]))
        engine = create_engine(sa.URL.create("duckdb", database=str(path)), poolclass=NullPool)
        with engine.connect() as opened, opened.begin():
            schema.bring_up_to_date(opened, path, to=revision)
        return path.read_bytes()


@cache
def _former(revision: str) -> tuple[bytes, dict[str, list[tuple[object, ...]]]]:
    """A file of a revision with the sample's rows, and what it holds."""
    with tempfile.TemporaryDirectory() as folder:
        path, source = Path(folder) / "former.duckdb", Path(folder) / "present.duckdb"
        path.write_bytes(_empty(revision))
        source.write_bytes(present())
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"ATTACH '{source}' AS source (READ_ONLY)")
            names = connection.execute(
                "SELECT table_name, string_agg('\"' || column_name || '\"', ', ') FROM duckdb_columns()"
                " WHERE database_name = current_database() AND NOT internal AND table_name IN"
                " (SELECT table_name FROM duckdb_tables() WHERE database_name = current_database())"
                # Plans: 0015 gave them other columns, and no release before it wrote any.
                " AND table_name NOT IN ('schema_version', 'plan', 'plan_step') GROUP BY table_name"
            ).fetchall()
            connection.execute("BEGIN")
            for table, columns in names:
                connection.execute(
                    f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM source."{table}"'  # noqa: S608
                )
            connection.execute("COMMIT")
        return path.read_bytes(), contents(path)


def of_revision(path: Path, revision: str) -> dict[str, list[tuple[object, ...]]]:
    """Put a file of a revision there, with the sample's rows; what it then holds."""
    content, held = _former(revision)
    path.write_bytes(content)
    return held


def structure(path: Path) -> list[tuple[object, ...]]:
    """Columns with types and comments, constraints, and comments of tables, as DuckDB tells them."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            "SELECT 'column', table_name, column_name, data_type, is_nullable::VARCHAR, comment"
            " FROM duckdb_columns() WHERE NOT internal AND NOT starts_with(table_name, 'v_')"
            " UNION ALL SELECT 'constraint', table_name, constraint_type, constraint_text, NULL, NULL"
            " FROM duckdb_constraints()"
            " UNION ALL SELECT 'table', table_name, NULL, NULL, NULL, comment FROM duckdb_tables()"
            " ORDER BY ALL"
        ).fetchall()


@cache
def present_structure() -> list[tuple[object, ...]]:
    """The structure of a file that never had another schema."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "present.duckdb"
        path.write_bytes(present())
        return structure(path)


def check_kept(path: Path, before: dict[str, list[tuple[object, ...]]]) -> None:
    """Every row is as it was, and the schema is the one of a new file."""
    after = contents(path)
    for table, rows in before.items():
        if table != "schema_version":
            assert [row[: len(rows[0])] for row in after[table]] == rows  # columns are added at the end
    assert after["schema_version"] == [(HEAD,)]
    assert structure(path) == present_structure()


EARLIER = schema.REVISIONS[:-1]
ENDS = (EARLIER[0], EARLIER[-1])
USES: dict[str, Callable[[Path], object]] = {
    "save": lambda path: save(path, FORMER),
    "publish": lambda path: Warehouse(path).publish(),
    "reading": lambda path: Warehouse(path).reading(),
}


@pytest.mark.parametrize("revision", EARLIER)
def test_a_file_of_any_revision_is_brought_up_to_date(tmp_path: Path, revision: str) -> None:
    """By reading it, with its data, which loads as it was saved; saving that again changes nothing."""
    path = tmp_path / "old.duckdb"
    before = of_revision(path, revision)
    assert before["schema_version"] == [(revision,)]
    assert len(before["position"]) == 7
    warehouse = Warehouse(path)
    latest = warehouse.latest(WALLET)
    assert latest is not None
    check_kept(path, before)
    assert warehouse.load(latest.id, FAMILIES).portfolio.accounts == FORMER.accounts
    assert not save(path, FORMER).created
    with duckdb.connect(str(path), read_only=True) as connection:
        latest_rows = connection.execute("FROM latest").fetchall()
    assert latest_rows == [(WALLET, latest.id, latest.as_of)]


@pytest.mark.parametrize("revision", ENDS)
@pytest.mark.parametrize("use", USES)
def test_whatever_opens_an_earlier_file_first_brings_it_up_to_date(
    tmp_path: Path, revision: str, use: str
) -> None:
    """All that opens a file does so in one way, so the first revision and the last are enough."""
    path = tmp_path / "old.duckdb"
    before = of_revision(path, revision)
    USES[use](path)
    check_kept(path, before)


def test_latest_of_an_earlier_file_skips_what_can_not_be_used(tmp_path: Path) -> None:
    """Failed and orphaned snapshots are in the file, but never the latest."""
    path = tmp_path / "old.duckdb"
    of_revision(path, "0001")
    with duckdb.connect(str(path)) as connection:
        for status in ("failed", "orphaned"):
            connection.execute(
                "INSERT INTO snapshot SELECT * REPLACE (? AS snapshot_id, ? AS status,"
                " as_of + INTERVAL 1 DAY AS as_of) FROM snapshot WHERE status = 'partial'",
                [status, status],
            )
    latest = Warehouse(path).latest(WALLET)
    assert latest is not None
    assert latest.status == "partial"


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Somebody's own table in the way: nothing is changed, and the failure is told."""
    path = tmp_path / "old.duckdb"
    of_revision(path, "0001")
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE plan(mine INTEGER)")
    before = contents(path)
    with pytest.raises(StoreError, match="plan"):
        save(path)
    assert contents(path) == before


def test_a_published_copy_of_an_earlier_release_is_replaced(tmp_path: Path) -> None:
    """Readers never meet the former schema: the copy is made again from the database."""
    path = tmp_path / "w.duckdb"
    of_revision(path, "0001")
    path.replace(published_path(path))
    of_revision(path, "0001")
    warehouse = Warehouse(path)
    assert warehouse.reading() == published_path(path)
    assert contents(published_path(path))["schema_version"] == [(HEAD,)]
    assert len(warehouse.for_reading().snapshots()) == 1


def test_the_code_knows_every_revision() -> None:
    """One line of revisions, forward only, and the constant names them all."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    found = list(ScriptDirectory.from_config(config).walk_revisions())
    assert tuple(script.revision for script in reversed(found)) == schema.REVISIONS
    assert not any(hasattr(script.module, "downgrade") for script in found)


def test_the_migrations_end_at_the_tables_of_the_code(tmp_path: Path) -> None:
    """Alembic finds no difference, and DuckDB none in checks, keys and comments to tables made at once."""
    path, at_once = tmp_path / "w.duckdb", tmp_path / "at once.duckdb"
    path.write_bytes(present())

    def differences(connection: sa.Connection) -> tuple[str | None, list[object]]:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
        return context.get_current_revision(), compare_metadata(context, Table.metadata)

    assert Opening(path, lock_timeout_s=1).read(differences) == (HEAD, [])
    engine = create_engine(sa.URL.create("duckdb", database=str(at_once)), poolclass=NullPool)
    with engine.connect() as connection, connection.begin():
        Table.metadata.create_all(connection)
        schema.VERSION_TABLE.create(connection)
    assert structure(path) == structure(at_once)


# Ends without closing the file as soon as the schema is committed, as a kill does.
KILLED = """
import os, sys
from pathlib import Path
from aggregator.store.opening import Opening
Opening(Path(sys.argv[1]), lock_timeout_s=1).write(lambda _: os._exit(9))
"""


@pytest.mark.parametrize("revision", [None, *ENDS])
def test_a_kill_behind_a_migration_leaves_a_file_that_opens(tmp_path: Path, revision: str | None) -> None:
    """DuckDB 1.5 can't replay all of the schema from its log, so none of it may be there."""
    path = tmp_path / "former.duckdb"
    held = {} if revision is None else of_revision(path, revision)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert ended.returncode == 9
    now = contents(path)
    assert len(now["snapshot"]) == len(held.get("snapshot", ()))
    assert now["schema_version"] == [(HEAD,)]
    save(path, FORMER)
