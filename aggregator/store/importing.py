"""Taking an export in: verified first, then merged in one transaction, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlmodel import SQLModel

from aggregator.model.errors import ExchangeError
from aggregator.store import encodings, latest
from aggregator.store.columns import FiniteFloat, names, table_of
from aggregator.store.manifest import Manifest, verified
from aggregator.store.opening import Opening
from aggregator.store.run_tables import ScheduleRunRow
from aggregator.store.schema import REVISIONS
from aggregator.store.scope import natural_key, quoted, row_classes
from aggregator.store.study_rows import PARTS, id_column
from aggregator.store.tables import ReadStatusRow, SnapshotRow
from aggregator.store.wallet_tables import LatestRow, WalletGroupRow, WalletRow

# Not part of a snapshot's rows, which are written once: of these the ones that are new are taken.
_BESIDE = (WalletRow, WalletGroupRow, ScheduleRunRow)
# Neither are plans and other studies, each of which is taken with all its parts.
_STUDIES = {row for kind, parts in PARTS.items() for row in (kind, *parts)}
# What two machines that took the same snapshot need not share: the order of rows, messages that name an
# endpoint, when and why it was saved first, and whether its blocks were reorganised away since.
_MAY_DIFFER = {"ordinal", "error_message", "taken_at", "trigger", "source", "status", "rows_hash"}
# Floats of the risk framework may differ in their last digits between two processors.
_TOLERANCE = 1e-9
_WALLETS_AT_ONCE = 500
# Names by which things are looked up, and that are printed as they are: no CHECK of the tables covers them.
_ADDRESS, _GROUP = "0x[0-9a-f]{40}", "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_ID = "[0-9A-Za-z-]{1,64}"
_NAMES: Mapping[type[SQLModel], Mapping[str, str]] = {
    SnapshotRow: {"snapshot_id": _ID, "wallet": _ADDRESS},
    ReadStatusRow: {"wallet": _ADDRESS},
    WalletRow: {"address": _ADDRESS},
    WalletGroupRow: {"address": _ADDRESS, "group_name": _GROUP},
    **{row: {id_column(kind): _ID} for kind, parts in PARTS.items() for row in (kind, *parts)},
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed: snapshots that are new, and those that were there already."""

    added: int
    skipped: int


def import_export(opening: Opening, folder: Path) -> Imported:
    """Merge an export into the database, which may be empty or not there yet.

    A snapshot that is there already is compared and skipped; one that the export knows to be orphaned becomes
    so. Of wallets, groups, runs of schedules and studies those that are new are taken. Raises ExchangeError,
    with nothing written, where the folder is not exactly what was exported, or contradicts the database or
    itself; StoreLocked and StoreError where the database can't be used.
    """
    try:
        named = [table_of(row).name for row in row_classes()]
        manifest = verified(folder, tables=named, revision=REVISIONS[-1])
        return opening.write(lambda connection: _Merge(connection, folder, manifest).run())
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ExchangeError(str(folder), f"it can't be read ({error})") from error


class _Merge:
    """One import within a transaction; its temporary tables end with the connection.

    `import_ids` are the snapshots of the export, `import_old` those that the database has too, `import_new`
    the others, and `theirs` the export's rows of old ones, table by table.
    """

    def __init__(self, connection: sa.Connection, folder: Path, manifest: Manifest) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  # an open connection has one
        self.connection, self.driver = connection, driver
        self.folder, self.manifest = folder, manifest

    def run(self) -> Imported:
        """Merge everything; raises ExchangeError, and what is retried: TransactionException."""
        try:
            for row, shapes in _NAMES.items():
                self._check_names(row, shapes)
            for row in row_classes():
                self._check_times(row)
            self._read(
                SnapshotRow, "CREATE TEMP TABLE import_ids AS SELECT snapshot_id, wallet FROM incoming"
            )
            for name, join in (("old", "SEMI"), ("new", "ANTI")):
                ids = f"FROM import_ids {join} JOIN snapshot USING (snapshot_id)"
                self.driver.execute(f"CREATE TEMP TABLE import_{name} AS {ids}")
            imported = Imported(self._count("import_new"), self._count("import_old"))
            for row in row_classes():
                if row in _BESIDE:
                    self._take_new(row)
                elif row is not LatestRow and row not in _STUDIES:
                    self._take_snapshots(row, imported)
            for kind, parts in PARTS.items():
                self._take_studies(kind, parts)
            self._check_parts()
            self._refresh_latest()
        except (duckdb.IntegrityError, duckdb.DataError, duckdb.InvalidInputException) as error:
            raise self._refusal(f"its rows can't be stored ({str(error).partition(chr(10))[0]})") from error
        return imported

    def _check_names(self, row: type[SQLModel], shapes: Mapping[str, str]) -> None:
        for name, shape in shapes.items():
            odd = f"SELECT count(*) FROM incoming WHERE NOT regexp_full_match({quoted(name)}, '{shape}')"  # noqa: S608
            if self._read(row, odd):
                raise self._refusal(f"{table_of(row).name} holds what is no {name}")

    def _check_times(self, row: type[SQLModel]) -> None:
        """DuckDB's years go far beyond those that anything here can show."""
        table = table_of(row)
        times = [column.name for column in table.columns if isinstance(column.type, sa.DateTime)]
        if times:
            odd = " OR ".join(f"year({quoted(name)}) NOT BETWEEN 1 AND 9999" for name in times)
            infinite = " OR ".join(f"NOT isfinite({quoted(name)})" for name in times)
            if self._read(row, f"SELECT count(*) FROM incoming WHERE {infinite} OR {odd}"):  # noqa: S608
                raise self._refusal(f"{table.name} holds a time that is none")

    def _take_snapshots(self, row: type[SQLModel], imported: Imported) -> None:
        """Insert the rows of new snapshots, and compare those of old ones."""
        table = table_of(row).name
        taken = self._read(
            row, f"INSERT INTO {quoted(table)} BY NAME FROM incoming SEMI JOIN import_new USING (snapshot_id)"
        )
        self._check_unique(row)
        if imported.skipped:
            self._read(
                row, "CREATE TEMP TABLE theirs AS FROM incoming SEMI JOIN import_old USING (snapshot_id)"
            )
            self._compare(row)
            if row is SnapshotRow:
                self.driver.execute(
                    "UPDATE snapshot SET status = 'orphaned' FROM theirs WHERE theirs.status = 'orphaned'"
                    " AND snapshot.status <> 'orphaned' AND theirs.snapshot_id = snapshot.snapshot_id"
                )
            taken += self._count("theirs")
            self.driver.execute("DROP TABLE theirs")
        if taken != self.manifest.tables[table].rows:
            raise self._refusal(f"{table} has rows of snapshots that are not in it")

    def _take_new(self, row: type[SQLModel]) -> None:
        """Insert rows that no row of ours stands for; ours stay as they are."""
        table = quoted(table_of(row).name)
        key = ", ".join(map(quoted, natural_key(row)))
        self._read(row, f"INSERT INTO {table} BY NAME FROM incoming ANTI JOIN {table} USING ({key})")

    def _take_studies(self, kind: type[SQLModel], parts: Sequence[type[SQLModel]]) -> None:
        """Insert the studies that we don't have, each with all its parts; ours stay as they are.

        Two machines that asked the same of the same snapshot may differ in last digits, so rows of theirs
        are never put beside those of ours.
        """
        table = table_of(kind).name
        key = f"snapshot_id, {quoted(id_column(kind))}"
        self._read(kind, f"CREATE TEMP TABLE studies AS SELECT {key} FROM incoming")  # noqa: S608  # ours
        self.driver.execute(
            f"CREATE TEMP TABLE new_studies AS FROM studies ANTI JOIN {quoted(table)} USING ({key})"
        )
        self._require_none(
            "FROM studies ANTI JOIN snapshot USING (snapshot_id)",
            f"{table} has rows of snapshots that are not in it",
        )
        for row in (kind, *parts):
            mine = quoted(table_of(row).name)
            orphans = f"SELECT count(*) FROM incoming ANTI JOIN studies USING ({key})"  # noqa: S608
            if self._read(row, orphans):
                raise self._refusal(f"{table_of(row).name} has rows that belong to no {table}")
            self._read(row, f"INSERT INTO {mine} BY NAME FROM incoming SEMI JOIN new_studies USING ({key})")
            self._check_unique(row)
        self.driver.execute("DROP TABLE studies; DROP TABLE new_studies")

    def _compare(self, row: type[SQLModel]) -> None:
        """Refuse an export whose rows of an old snapshot are not ours."""
        table = table_of(row)
        floats = [column.name for column in table.columns if isinstance(column.type, FiniteFloat)]
        exact = ", ".join(quoted(name) for name in names(table, but=_MAY_DIFFER | set(floats)))
        ours = f"SELECT * FROM {quoted(table.name)} SEMI JOIN import_old USING (snapshot_id)"  # noqa: S608
        for one, other in ((ours, "FROM theirs"), ("FROM theirs", ours)):
            query = f"SELECT {exact} FROM ({one}) EXCEPT ALL SELECT {exact} FROM ({other})"  # noqa: S608
            self._require_none(f"FROM ({query})", f"{table.name} differs from the database")
        if floats:
            key = ", ".join(quoted(name) for name in natural_key(row))
            apart = " OR ".join(_apart(quoted(name)) for name in floats)
            joined = f"FROM ({ours}) ours JOIN theirs USING ({key}) WHERE {apart}"
            self._require_none(joined, f"{table.name} differs from the database")

    def _check_unique(self, row: type[SQLModel]) -> None:
        table, key = table_of(row).name, ", ".join(map(quoted, natural_key(row)))
        mine = f"FROM {quoted(table)} SEMI JOIN import_ids USING (snapshot_id)"
        twice = f"SELECT any_value(snapshot_id) AS snapshot_id {mine} GROUP BY {key} HAVING count(*) > 1"
        self._require_none(f"FROM ({twice})", f"{table} has a row twice")

    def _check_parts(self) -> None:
        without = "FROM import_new ANTI JOIN risk_result USING (snapshot_id)"
        self._require_none(without, "a snapshot in it has no risk_result")

    def _refresh_latest(self) -> None:
        wallets = [
            wallet for (wallet,) in self.driver.execute("SELECT DISTINCT wallet FROM import_ids").fetchall()
        ]
        for start in range(0, len(wallets), _WALLETS_AT_ONCE):
            latest.refresh(self.connection, wallets[start : start + _WALLETS_AT_ONCE])

    def _read(self, row: type[SQLModel], statement: str) -> int:
        """Run a statement on the export's rows of a table, `incoming`; the number that DuckDB answers."""
        table = table_of(row)
        path, schema = self.manifest.file(self.folder, table.name), encodings.arrow_schema(table)
        with encodings.reading(self.manifest.encoding, path, schema) as incoming:
            # Not in a `finally`: where the statement failed, DuckDB 2 lets nothing else be done.
            self.driver.register("incoming", incoming)
            answer = self.driver.execute(statement).fetchall()
            self.driver.unregister("incoming")
            return int(answer[0][0])

    def _require_none(self, rows: str, why: str) -> None:
        found = self.driver.execute(f"SELECT snapshot_id {rows} LIMIT 1").fetchone()
        if found is not None:
            raise self._refusal(f"{why}: see snapshot {found[0]}")

    def _count(self, table: str) -> int:
        return int(self.driver.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608

    def _refusal(self, why: str) -> ExchangeError:
        return ExchangeError(str(self.folder), why)


def _apart(column: str) -> str:
    """The condition that a float of ours and theirs differ by more than processors do."""
    ours, theirs = f"ours.{column}", f"theirs.{column}"
    allowed = f"{_TOLERANCE} * greatest(1, abs({ours}), abs({theirs}))"
    return f"({ours} IS NULL) <> ({theirs} IS NULL) OR abs({ours} - {theirs}) > {allowed}"
