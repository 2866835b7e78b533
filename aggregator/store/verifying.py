"""Whether a snapshot is what was saved: its rows against those that follow from it, and its hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any, TypeAlias, cast

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from aggregator.contract import Deployment, RuleFamily
from aggregator.model.errors import ReadError
from aggregator.model.units import Address, ChainId
from aggregator.store import loading, pinned, saving, stored_accounts, studies, study_loading
from aggregator.store.account_tables import AccountRow
from aggregator.store.bulk import Columns
from aggregator.store.columns import table_of
from aggregator.store.greek_tables import PositionGreekRow
from aggregator.store.saved import Fault, Verified
from aggregator.store.tables import BlockRow, ReadStatusRow, SnapshotRow

Row: TypeAlias = dict[str, Any]


def verify(session: Session, snapshot: SnapshotRow, families: Mapping[str, RuleFamily]) -> Verified:
    """Compare every stored row with the one that follows from the snapshot as it is loaded.

    The protocols' own tests are evaluated again, from the stored rules at the stored blocks, and must give
    the stored integers exactly; so must values in USD. What nothing else determines, an amount or a loss, is
    covered by the two hashes (snapshots of schema 0001 have only that of what was read). Plans and other
    studies of it have hashes of their own.
    """
    faults = [*_faults(session, snapshot, families)]
    try:
        blocks = tuple(pinned.block(row) for row in loading.rows_of(session, BlockRow, snapshot))
        accounts = loading.rows_of(session, AccountRow, snapshot)
        observed = tuple(
            (row.label, one) for row in accounts if (one := stored_accounts.observed(row)) is not None
        )
    except loading.DAMAGED:
        blocks, observed = (), ()  # a fault already: they were needed for the evaluation
    return Verified(
        id=snapshot.snapshot_id,
        wallet=Address(snapshot.wallet),
        as_of=snapshot.as_of,
        status=snapshot.status,
        blocks=blocks,
        faults=tuple(faults),
        observed=observed,
    )


def _faults(session: Session, snapshot: SnapshotRow, families: Mapping[str, RuleFamily]) -> Iterator[Fault]:
    try:
        made = _made(session, snapshot, families)
    except (*loading.DAMAGED, ReadError) as error:
        told = str(error) if isinstance(error, ValueError | ReadError) else f"{type(error).__name__}: {error}"
        yield Fault("snapshot", f"it can't be evaluated again: {told}")
        return
    yield from _of_snapshot(snapshot, made)
    for row, columns in made.tables.items():
        yield from _of_table(session, row, columns, snapshot)
    yield from studies.faults(session, snapshot)
    try:
        study_loading.load_all(session, snapshot)
    except loading.DAMAGED as error:
        yield Fault("plan", f"what was computed from it can't be loaded: {type(error).__name__}: {error}")


def _made(session: Session, snapshot: SnapshotRow, families: Mapping[str, RuleFamily]) -> saving.Prepared:
    stored = loading.load(session, snapshot, families)
    read = [row for row in loading.rows_of(session, ReadStatusRow, snapshot) if row.status == "ok"]
    again = saving.Saving(
        portfolio=stored.portfolio,
        result=stored.result,
        expected=[
            Deployment(row.adapter, ChainId(row.chain_id), row.deployment, {}, "stored") for row in read
        ],
        tool_version=snapshot.tool_version,
        taken_at=snapshot.taken_at.replace(tzinfo=UTC),
        trigger=cast("Any", snapshot.trigger),
        source=cast("Any", snapshot.source),
        comparison=stored.comparison,
    )
    return saving.rows(again)


def _of_snapshot(snapshot: SnapshotRow, made: saving.Prepared) -> Iterator[Fault]:
    stored = snapshot.model_dump()
    for name, value in made.snapshot.items():
        found = stored[name]
        if name == "status" and found == "orphaned":
            continue
        if name == "rows_hash" and found is None and not _rows(made.tables[PositionGreekRow]):
            continue  # of the release that kept neither
        if found != value:
            yield Fault("snapshot", f"{name} is {found}, but {value} follows from its rows")


def _of_table(
    session: Session, row: type[SQLModel], columns: Columns, snapshot: SnapshotRow
) -> Iterator[Fault]:
    table = table_of(row)
    key = [column.name for column in sa.inspect(row).primary_key if column.name != "snapshot_id"]
    stored = [loading.values_of(found) for found in loading.rows_of(session, row, snapshot)]
    for found in stored:
        del found["snapshot_id"]
    yield from _differences(table.name, key, stored, _rows(columns))


def _differences(table: str, key: Sequence[str], stored: list[Row], made: list[Row]) -> Iterator[Fault]:
    def named(rows: list[Row]) -> dict[tuple[Any, ...], Row]:
        return {tuple(row[name] for name in key): row for row in rows}

    are, must = named(stored), named(made)
    if len(are) != len(stored):
        yield Fault(table, f"{len(stored) - len(are)} rows are there twice")
    for name in must.keys() - are.keys():
        yield Fault(table, f"the row {_shown(name)} is missing")
    for name in are.keys() - must.keys():
        yield Fault(table, f"the row {_shown(name)} follows from nothing")
    for name in are.keys() & must.keys():
        for column, value in must[name].items():
            if are[name][column] != value:
                told = f"{column} of {_shown(name)} is {are[name][column]}, but {value} follows from the rest"
                yield Fault(table, told)


def _rows(columns: Columns) -> list[Row]:
    """Columns as rows, JSON as it comes back."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for row in rows:
        for name, value in row.items():
            if isinstance(value, dict | list):
                row[name] = json.loads(json.dumps(value))
    return rows


def _shown(key: tuple[Any, ...]) -> str:
    return " ".join(map(str, key)) or "of the whole"
