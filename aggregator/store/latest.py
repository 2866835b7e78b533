"""Which snapshot of each wallet is the latest that can be used, kept in the transaction of every change."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from aggregator.store import bulk
from aggregator.store.columns import table_of
from aggregator.store.tables import SnapshotRow
from aggregator.store.wallet_tables import LatestRow

USABLE = ("complete", "partial")


def refresh(connection: sa.Connection, wallets: Collection[str]) -> None:
    """Make `latest` of these wallets follow from `snapshot` as it is now.

    The newest by `as_of` is the latest, of those of one moment the one that was taken last; failed and
    orphaned ones never are.
    """
    snapshot, latest = table_of(SnapshotRow).c, table_of(LatestRow)
    order = (snapshot.as_of.desc(), snapshot.taken_at.desc(), snapshot.snapshot_id.desc())
    with bulk.texts(connection, wallets) as these:
        ranked = (
            sa.select(
                snapshot.wallet,
                snapshot.snapshot_id,
                snapshot.as_of,
                sa.func.row_number().over(partition_by=snapshot.wallet, order_by=order).label("place"),
            )
            .where(snapshot.wallet.in_(these), snapshot.status.in_(USABLE))
            .subquery()
        )
        newest = {row.wallet: row for row in connection.execute(sa.select(ranked).where(ranked.c.place == 1))}
        mine = sa.select(latest).where(latest.c.wallet.in_(these))
        former = {row.wallet: row for row in connection.execute(mine)}
    other = [
        newest[w] for w in newest.keys() & former.keys() if newest[w].snapshot_id != former[w].snapshot_id
    ]
    bulk.insert(
        connection, LatestRow, _columns(row for wallet, row in newest.items() if wallet not in former)
    )
    # Not deleted and inserted again: DuckDB refuses that for a key within one transaction.
    bulk.update(connection, LatestRow, "wallet", _columns(other))
    gone = former.keys() - newest.keys()
    if gone:
        with bulk.texts(connection, gone) as those:
            connection.execute(latest.delete().where(latest.c.wallet.in_(those)))


def _columns(rows: Iterable[sa.Row[Any]]) -> bulk.Columns:
    found = list(rows)
    return {name: [getattr(row, name) for row in found] for name in ("wallet", "snapshot_id", "as_of")}
