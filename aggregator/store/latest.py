"""Which snapshot of each wallet is the latest that can be used, kept in the transaction of every change."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

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
    ranked = (
        sa.select(
            snapshot.wallet,
            snapshot.snapshot_id,
            snapshot.as_of,
            sa.func.row_number().over(partition_by=snapshot.wallet, order_by=order).label("place"),
        )
        .where(snapshot.wallet.in_(wallets), snapshot.status.in_(USABLE))
        .subquery()
    )
    newest = {row.wallet: row for row in connection.execute(sa.select(ranked).where(ranked.c.place == 1))}
    mine = sa.select(latest).where(latest.c.wallet.in_(wallets))
    former = {row.wallet: row for row in connection.execute(mine)}
    # Row by row: DuckDB refuses to delete a key and to insert it again within one transaction.
    for wallet, row in newest.items():
        values = {"snapshot_id": row.snapshot_id, "as_of": row.as_of}
        if wallet not in former:
            connection.execute(latest.insert().values(wallet=wallet, **values))
        elif former[wallet].snapshot_id != row.snapshot_id:
            connection.execute(latest.update().where(latest.c.wallet == wallet).values(**values))
    gone = former.keys() - newest.keys()
    if gone:
        connection.execute(latest.delete().where(latest.c.wallet.in_(gone)))
