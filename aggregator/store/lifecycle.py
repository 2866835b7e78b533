"""What happens to snapshots after they were saved: orphaned by a reorganisation, pruned by the user."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy as sa

from aggregator.store import bulk, latest
from aggregator.store.columns import Table, table_of
from aggregator.store.tables import ReadStatusRow, SnapshotRow
from aggregator.store.wallet_tables import LatestRow


def mark_orphaned(connection: sa.Connection, ids: Collection[str]) -> int:
    """Mark snapshots whose block is gone, and refresh `latest`; returns how many were not marked."""
    snapshot = table_of(SnapshotRow)
    chosen = snapshot.c.snapshot_id.in_(ids) & (snapshot.c.status != "orphaned")
    rows = connection.execute(sa.select(snapshot.c.wallet).where(chosen)).scalars().all()
    if rows:
        connection.execute(snapshot.update().where(chosen).values(status="orphaned"))
        latest.refresh(connection, set(rows))
    return len(rows)


def mark_canonical(connection: sa.Connection, ids: Collection[str]) -> int:
    """Take the mark of `mark_orphaned` away; returns how many had it."""
    snapshot, reads = table_of(SnapshotRow), table_of(ReadStatusRow).c
    chosen = snapshot.c.snapshot_id.in_(ids) & (snapshot.c.status == "orphaned")
    rows = connection.execute(sa.select(snapshot.c.wallet).where(chosen)).scalars().all()
    if rows:
        failed = sa.select(reads.snapshot_id).where(reads.status == "error")
        incomplete = (snapshot.c.reads_ok != snapshot.c.reads_expected) | snapshot.c.snapshot_id.in_(failed)
        former = sa.case((~incomplete, "complete"), (snapshot.c.reads_ok > 0, "partial"), else_="failed")
        connection.execute(snapshot.update().where(chosen).values(status=former))
        latest.refresh(connection, set(rows))
    return len(rows)


def prunable(connection: sa.Connection, *, keep_last: int | None, before: datetime | None) -> list[str]:
    """The ids of snapshots that are old enough to be deleted.

    With `keep_last` those of each wallet that are older than its newest N that can be used (complete or
    partial): failed and orphaned ones don't push good ones out. With `before` (an aware time) those whose
    newest block is older. With both a snapshot must be both, with neither there is none.
    """
    snapshot = table_of(SnapshotRow).c
    conditions: list[sa.ColumnElement[bool]] = []
    if keep_last is not None:
        order = (snapshot.as_of.desc(), snapshot.taken_at.desc(), snapshot.snapshot_id.desc())
        place = sa.func.row_number().over(partition_by=snapshot.wallet, order_by=order)
        usable = sa.select(snapshot.wallet, snapshot.as_of, place.label("place"))
        ranked = usable.where(snapshot.status.in_(latest.USABLE)).subquery()
        oldest_kept = sa.select(ranked.c.as_of).where(
            ranked.c.wallet == snapshot.wallet, ranked.c.place == keep_last
        )
        conditions.append(snapshot.as_of < oldest_kept.scalar_subquery())
    if before is not None:
        conditions.append(snapshot.as_of < before.astimezone(UTC).replace(tzinfo=None))
    if not conditions:
        return []
    chosen = sa.select(snapshot.snapshot_id).where(*conditions).order_by(snapshot.snapshot_id)
    return list(connection.execute(chosen).scalars())


def delete(connection: sa.Connection, ids: Collection[str]) -> None:
    """Delete snapshots with everything that belongs to them, and refresh what is the latest."""
    snapshot = table_of(SnapshotRow).c
    of_snapshots = [
        table
        for table in Table.metadata.sorted_tables
        if "snapshot_id" in table.c and table is not table_of(LatestRow)
    ]
    with bulk.texts(connection, ids) as these:
        chosen = sa.select(snapshot.wallet).where(snapshot.snapshot_id.in_(these))
        wallets = set(connection.execute(chosen).scalars())
        for table in of_snapshots:
            connection.execute(table.delete().where(table.c.snapshot_id.in_(these)))
    latest.refresh(connection, wallets)
