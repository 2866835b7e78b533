"""A snapshot that was changed behind our back is found out, whatever was changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool
from sqlmodel import Session, create_engine

from aggregator.model.errors import StoreError
from aggregator.store import identity, verifying
from aggregator.store.columns import ExactInteger, OneOf, Table, table_of
from aggregator.store.saved import Fault
from aggregator.store.saving import Saving, prepare
from aggregator.store.study_rows import PARTS
from aggregator.store.tables import SnapshotRow
from aggregator.store.wallet_tables import LatestRow
from aggregator.store.warehouse import Warehouse
from tests.store.samples import (
    COMPARISON,
    EXPECTED,
    FAMILIES,
    LOAN,
    PORTFOLIO,
    RESULT,
    RULE,
    TAKEN_AT,
    WETH,
    save,
)
from tests.store.studied import save_studied
from tests.store.test_migrations import of_revision

# Written with a snapshot or after it, and held against hashes of their own.
BESIDE = {table_of(row).name for kind, parts in PARTS.items() for row in (kind, *parts)}
OF_SNAPSHOT = [
    t for t in Table.metadata.sorted_tables if "snapshot_id" in t.c and t is not table_of(LatestRow)
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the sample and a second snapshot, which nothing that happens to the first may concern."""
    path = tmp_path_factory.mktemp("warehouse") / "w.duckdb"
    save_studied(path)
    save(path, replace(PORTFOLIO, spots={**PORTFOLIO.spots, "ETH": 2_000.0}))
    return path


@pytest.fixture(scope="module")
def opened(path: Path) -> Iterator[sa.Connection]:
    """A connection to the file."""
    engine = create_engine(sa.URL.create("duckdb", database=str(path)), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def connection(opened: sa.Connection) -> Iterator[sa.Connection]:
    """A transaction that is rolled back."""
    with opened.begin() as transaction:
        yield opened
        transaction.rollback()


def faults(connection: sa.Connection) -> list[Fault]:
    """What is wrong with the sample."""
    with Session(connection) as session:
        row = session.get(SnapshotRow, snapshot_id(connection))
        assert row is not None
        return list(verifying.verify(session, row, FAMILIES).faults)


def snapshot_id(connection: sa.Connection) -> str:
    """The sample's id: its spot is not the round one."""
    found = connection.exec_driver_sql("SELECT snapshot_id FROM spot WHERE price_usd > 2091 LIMIT 1")
    return str(found.scalar_one())


def other(column: sa.Column[Any]) -> str:
    """An SQL expression that is valid in a column, and another one than its value."""
    name = f'"{column.name}"'
    match column.type:
        case ExactInteger():
            return f"CASE {name} WHEN '7' THEN '8' ELSE '7' END"
        case OneOf(choices=choices):
            following = " ".join(
                f"WHEN '{a}' THEN '{b}'" for a, b in zip(choices, (*choices[1:], choices[0]), strict=True)
            )
            return f"CASE {name} {following} ELSE '{choices[0]}' END"
        case sa.JSON():
            return "'[\"0x01\"]'"
        case sa.String():
            return f"coalesce({name}, '') || 'x'"
        case sa.Boolean():
            return f"NOT coalesce({name}, false)"
        case sa.DateTime():
            return f"coalesce({name}, TIMESTAMP '2026-01-01') + INTERVAL 1 SECOND"
        case _:
            return f"coalesce({name}, 0) + 1"


def few(table: sa.Table) -> list[str]:
    """Three columns of a table, spread over it."""
    columns = [column.name for column in table.c if column.name != "snapshot_id"]
    return list(dict.fromkeys([columns[0], columns[len(columns) // 2], columns[-1]]))


CELLS = [(table, name) for table in OF_SNAPSHOT for name in few(table)]


def test_what_was_saved_holds(connection: sa.Connection) -> None:
    """Rules, values and hashes follow from the rows, in a partial snapshot of every kind of position."""
    assert faults(connection) == []


def test_the_sign_of_zero_is_no_difference() -> None:
    """A file may lose it."""
    hashes = {identity.content_hash({"greek": {"rho_usd": [1.0, zero]}}) for zero in (0.0, -0.0)}
    assert len(hashes) == 1


def one_row(connection: sa.Connection, table: sa.Table) -> str:
    """The condition that holds for one row of the sample."""
    mine = f"snapshot_id = '{snapshot_id(connection)}'"
    return f'rowid = (SELECT min(rowid) FROM "{table.name}" WHERE {mine})'  # noqa: S608  # names of our own


@pytest.mark.parametrize(("table", "name"), CELLS, ids=[f"{t.name}.{name}" for t, name in CELLS])
def test_a_changed_value_is_found(connection: sa.Connection, table: sa.Table, name: str) -> None:
    """A value of any table, in one row."""
    value = other(table.c[name])
    update = f'UPDATE "{table.name}" SET "{name}" = {value} WHERE {one_row(connection, table)}'  # noqa: S608
    assert connection.exec_driver_sql(update).scalar_one() == 1
    assert faults(connection)


def test_no_column_is_left_out() -> None:
    """Every column of every table is compared, and every value takes part in the hash over all rows."""
    saving = Saving(PORTFOLIO, RESULT, EXPECTED, "0.1.0", TAKEN_AT, comparison=COMPARISON)
    made = prepare(saving)
    assert {table_of(row).name for row in made.tables} | {"snapshot"} | BESIDE == {
        t.name for t in OF_SNAPSHOT
    }
    assert {*made.snapshot} == {*table_of(SnapshotRow).columns.keys()}
    tables = {table_of(row).name: columns for row, columns in made.tables.items()}
    snapshot = {name: [value] for name, value in made.snapshot.items()}
    for row, columns in made.tables.items():
        assert {*columns, "snapshot_id"} == {*table_of(row).columns.keys()}
        for name in columns:
            changed = {**columns, name: ["another", *list(columns[name])[1:]]}
            changed_hash = identity.rows_hash(snapshot, {**tables, table_of(row).name: changed})
            assert changed_hash != made.snapshot["rows_hash"]
    for name in made.snapshot.keys() - {"status", "rows_hash"}:
        assert identity.rows_hash({**snapshot, name: ["another"]}, tables) != made.snapshot["rows_hash"]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("account", "owner_path = 'null'"),
        ("account", "owner_path = '5'"),
        ("account", "rule = '{}'"),
        ("account", "rule = '[1]'"),
        ("position", "decimals = 9223372036854775807"),
        ("position", "decimals = -9223372036854775808"),
        ("position", "asset_id = ''"),
        ("price", "decimals = 9223372036854775807"),
        ("price", "updated_at = TIMESTAMP '0044-01-01 (BC)'"),
        ("snapshot", "taken_at = TIMESTAMP '290000-01-01'"),
        ("snapshot", "rows_hash = NULL"),
        ("snapshot_block", "block_time = TIMESTAMP '290000-01-01'"),
    ],
)
def test_what_can_not_be_evaluated_is_a_fault(connection: sa.Connection, table: str, change: str) -> None:
    """Whatever kind of error rows make that no release ever wrote."""
    connection.exec_driver_sql(
        f"UPDATE {table} SET {change} WHERE snapshot_id = ?",  # noqa: S608  # of this test
        (snapshot_id(connection),),
    )
    assert faults(connection)


def test_damaged_rows_are_told_where_they_are_loaded(tmp_path: Path) -> None:
    """As a database that can't be used, not as a defect of crossmargin."""
    path = tmp_path / "w.duckdb"
    first = save(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE account SET owner_path = 'null'")
    with pytest.raises(StoreError, match=f"snapshot {first.id} can't be loaded"):
        Warehouse(path).load(first.id, FAMILIES)


ROWS = [table for table in OF_SNAPSHOT if table.name != "snapshot"]


@pytest.mark.parametrize("table", ROWS, ids=[t.name for t in ROWS])
@pytest.mark.parametrize("what", ["gone", "doubled"])
def test_a_row_too_few_or_too_many_is_found(connection: sa.Connection, table: sa.Table, what: str) -> None:
    """A row that is gone, and one that is there twice."""
    chosen = f'FROM "{table.name}" WHERE {one_row(connection, table)}'
    change = f"DELETE {chosen}" if what == "gone" else f'INSERT INTO "{table.name}" SELECT * {chosen}'
    assert connection.exec_driver_sql(change).scalar_one() == 1
    assert faults(connection)


def test_a_rule_that_was_changed_no_longer_gives_the_stored_health(connection: sa.Connection) -> None:
    """Health is evaluated again: one wei less of collateral shows in the integers that the rule gives."""
    connection.exec_driver_sql(
        "UPDATE account SET rule = json_merge_patch(rule, json_object('collateral', ?))"
        " WHERE account_id = ? AND snapshot_id = ?",
        (str(RULE.collateral - 10**9), LOAN.id, snapshot_id(connection)),
    )
    [found] = [f for f in faults(connection) if f.told.startswith("native_power_raw")]
    assert found.table == "account"
    assert str(RULE.health({WETH.id: RULE.price}, 1).power) in found.told


def test_an_orphaned_snapshot_holds(tmp_path: Path) -> None:
    """That its block is gone is no fault of its rows."""
    path = tmp_path / "w.duckdb"
    first = save(path)
    warehouse = Warehouse(path)
    assert warehouse.mark_orphaned([first.id]) == 1
    found = warehouse.verify(first.id, FAMILIES)
    assert (found.status, found.faults) == ("orphaned", ())
    assert warehouse.mark_canonical([first.id]) == 1


def test_a_snapshot_of_an_earlier_release_holds_by_what_was_read(tmp_path: Path) -> None:
    """It has no hash over all its rows, but what was read is covered, and the rules are evaluated."""
    path = tmp_path / "old.duckdb"
    of_revision(path, "0001")
    warehouse = Warehouse(path)
    [summary] = warehouse.snapshots()
    assert warehouse.verify(summary.id, FAMILIES).faults == ()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE position SET amount_raw = '1' WHERE kind = 'holding'")
    told = [fault.told for fault in warehouse.verify(summary.id, FAMILIES).faults]
    assert any(text.startswith("content_hash is ") for text in told)
    assert any(text.startswith("value_usd of ") for text in told)


def test_a_family_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """Nothing can be said of a rule that nobody can evaluate; a snapshot that is not there is told."""
    path = tmp_path / "w.duckdb"
    first = save(path)
    [fault] = Warehouse(path).verify(first.id, {}).faults
    assert "rule family loan" in fault.told
    with pytest.raises(StoreError, match="holds no snapshot nope"):
        Warehouse(path).verify("nope", FAMILIES)


def test_a_negative_zero_is_no_fault(tmp_path: Path) -> None:
    """A loss of -0.0 comes back as 0.0 and is the same row."""
    assert RESULT.tails is not None
    first, *rest = RESULT.tails.value_at_risk
    estimates = (replace(first, loss_usd=-0.0), *rest)
    result = replace(RESULT, tails=replace(RESULT.tails, value_at_risk=estimates))
    kept = save(tmp_path / "w.duckdb", PORTFOLIO, result)
    opened = Warehouse(tmp_path / "w.duckdb", lock_timeout_s=5.0)
    assert opened.verify(kept.id, FAMILIES).faults == ()
    columns = {"x": [-0.0], "y": [0.0]}
    assert identity.rows_hash(columns, {}) == identity.rows_hash({"x": [0.0], "y": [0.0]}, {})
