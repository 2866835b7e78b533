"""Studies of snapshots in the database: written once, found again by what was asked, held against a hash."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from aggregator.model.errors import StoreError
from aggregator.store import bulk, identity, loading, saving, study_loading
from aggregator.store.columns import table_of
from aggregator.store.opening import Opening
from aggregator.store.saved import Fault, SavedSnapshot, SavedStudy, StoredStudies
from aggregator.store.saving import Saving
from aggregator.store.study_rows import PARTS, Study, Values, id_column
from aggregator.store.tables import SnapshotRow


@dataclass(frozen=True, slots=True)
class Prepared:
    """A study as rows: its own, and the columns of each part, all with their ids."""

    id: str
    kind: type[SQLModel]
    row: Values
    parts: Mapping[type[SQLModel], bulk.Columns]


def save(
    opening: Opening, items: Iterable[tuple[Saving, Sequence[Study]]]
) -> list[tuple[SavedSnapshot, list[SavedStudy]]]:
    """Keep snapshots, as `Warehouse.save_many` does, and what was computed from each, in one transaction.

    A study is identified by its snapshot and what was asked for: one that is there stays as it was. Raises as
    `Warehouse.save_many`.
    """
    try:
        prepared = []
        for item, found in items:
            snapshot, made_at = saving.prepare(item), item.taken_at.astimezone(UTC).replace(tzinfo=None)
            prepared.append((snapshot, [prepare(one, snapshot.id, made_at) for one in found]))

        def work(connection: sa.Connection) -> list[tuple[SavedSnapshot, list[SavedStudy]]]:
            saved = saving.write(connection, [snapshot for snapshot, _ in prepared])
            _claim(connection, [one.id for one in saved if not one.created])
            kept = [write(connection, found) for _, found in prepared]
            return list(zip(saved, kept, strict=True))

        return opening.write(work)
    except (ValueError, OverflowError) as error:
        raise StoreError(str(opening.path), f"nothing was saved: {error}") from error


def load(opening: Opening, snapshot_id: str) -> StoredStudies:
    """What is kept beside a snapshot, equal to what was saved, in dollars of 8 digits; see study_loading.

    Raises StoreError where there is no such snapshot or what is there can't be read, and StoreLocked.
    """

    def loaded(connection: sa.Connection) -> StoredStudies | None:
        with Session(connection) as session:
            snapshot = session.get(SnapshotRow, snapshot_id)
            return None if snapshot is None else study_loading.load_all(session, snapshot)

    try:
        found = opening.read(loaded) if opening.path.exists() else None
    except loading.DAMAGED as error:
        told = f"what is kept beside snapshot {snapshot_id} can't be loaded: {error}"
        raise StoreError(str(opening.path), told) from error
    if found is None:
        raise StoreError(str(opening.path), f"it holds no snapshot {snapshot_id}: list them first")
    return found


def prepare(study: Study, snapshot_id: str, made_at: datetime) -> Prepared:
    """The rows of a study of this snapshot, first saved at this naive-UTC time.

    Raises ValueError on what can't be stored.
    """
    inputs = json.loads(_canonical(study.inputs))
    found = _id(study.kind, snapshot_id, inputs)
    ids = {"snapshot_id": snapshot_id, id_column(study.kind): found}
    row = {**ids, "made_at": made_at, **study.values, "inputs": inputs, "inputs_hash": _hash(inputs)}
    parts: dict[type[SQLModel], bulk.Columns] = {}
    for part, columns in study.parts.items():
        length = len(next(iter(columns.values())))
        parts[part] = {**columns, **{name: [value] * length for name, value in ids.items()}}
    return Prepared(found, study.kind, {**row, "rows_hash": _rows_hash(study.kind, row, parts)}, parts)


def write(connection: sa.Connection, prepared: Sequence[Prepared]) -> list[SavedStudy]:
    """Write the studies that are not there; one that was asked for before stays as it was.

    Raises ValueError where two rows of a study share their natural key.
    """
    saved = []
    for one in prepared:
        table, name = table_of(one.kind), id_column(one.kind)
        mine = (table.c[name] == one.id) & (table.c.snapshot_id == one.row["snapshot_id"])
        there = connection.execute(sa.select(table.c[name]).where(mine)).first() is not None
        if not there:
            bulk.insert(connection, one.kind, {column: [value] for column, value in one.row.items()})
            for part, columns in one.parts.items():
                bulk.check_unique(part, columns)
                bulk.insert(connection, part, columns)
        saved.append(SavedStudy(table.name, one.id, one.row["snapshot_id"], created=not there))
    return saved


def _claim(connection: sa.Connection, snapshot_ids: Sequence[str]) -> None:
    """Make transactions that write beside the same snapshot, or delete it, conflict: one of them is retried.

    Studies have no PRIMARY KEY that would: two threads that look at once would both find nothing.
    """
    snapshot = table_of(SnapshotRow)
    chosen = sa.select(snapshot.c.snapshot_id, snapshot.c.status).where(
        snapshot.c.snapshot_id.in_(snapshot_ids)
    )
    for name, status in connection.execute(chosen).all():
        mine = snapshot.update().where(snapshot.c.snapshot_id == name)
        # There and back: an update that changes nothing is none to DuckDB.
        connection.execute(mine.values(status="failed" if status != "failed" else "orphaned"))
        connection.execute(mine.values(status=status))


def faults(session: Session, snapshot: SnapshotRow) -> Iterator[Fault]:
    """What of a snapshot's studies is not what was saved."""
    for kind, parts in PARTS.items():
        try:
            yield from _faults(session, snapshot, kind, parts)
        except loading.DAMAGED as error:
            yield Fault(table_of(kind).name, f"it can't be read again: {type(error).__name__}: {error}")


def _faults(
    session: Session, snapshot: SnapshotRow, kind: type[SQLModel], parts: Sequence[type[SQLModel]]
) -> Iterator[Fault]:
    table, name = table_of(kind).name, id_column(kind)
    by_part = {part: _by_id(session, part, snapshot, name) for part in parts}
    studies = _by_id(session, kind, snapshot, name)
    for found, rows in studies.items():
        if len(rows) > 1:
            yield Fault(table, f"the row {found} is there {len(rows)} times")
            continue
        [row] = rows
        inputs = row["inputs"]
        if found != _id(kind, snapshot.snapshot_id, inputs) or row["inputs_hash"] != _hash(inputs):
            yield Fault(table, f"the inputs of {found} are not those that it was made from")
        columns = {part: _columns(part, there.get(found, ())) for part, there in by_part.items()}
        if row["rows_hash"] != _rows_hash(kind, row, columns):
            yield Fault(table, f"the rows of {found} are not those that were saved")
    for part, there in by_part.items():
        for found in there.keys() - studies.keys():
            yield Fault(table_of(part).name, f"the rows of {found} belong to nothing")


def _by_id(
    session: Session, row: type[SQLModel], snapshot: SnapshotRow, name: str
) -> dict[str, list[Values]]:
    found: dict[str, list[Values]] = defaultdict(list)
    for one in loading.rows_of(session, row, snapshot):
        found[str(getattr(one, name))].append(loading.values_of(one))
    return found


def _columns(row: type[SQLModel], rows: Sequence[Values]) -> bulk.Columns:
    return {name: [one[name] for one in rows] for name in table_of(row).columns.keys()}  # noqa: SIM118


def _rows_hash(kind: type[SQLModel], row: Values, parts: Mapping[type[SQLModel], bulk.Columns]) -> str:
    tables = {table_of(part).name: columns for part, columns in parts.items()}
    return identity.rows_hash({name: [value] for name, value in row.items()}, tables, of=table_of(kind).name)


def _id(kind: type[SQLModel], snapshot_id: str, inputs: object) -> str:
    return f"{table_of(kind).name}-{_hash([snapshot_id, inputs])[:20]}"


def _hash(value: object) -> str:
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)
