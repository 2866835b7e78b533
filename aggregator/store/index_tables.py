"""How far lists of wallets are read: progress of this database, which is not exported."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store.columns import Table, checked, column, rows_by


@checked
class IndexRunRow(Table, table=True):
    """One reading of a list of wallets at one block per chain."""

    __tablename__ = "index_run"
    __table_args__ = ({"comment": "Each run of `index`: a list of wallets, all read at the same blocks"},)

    run_id: str = column(sa.String, "Deterministic: time of newest block, hash of task and blocks", key=True)
    task_hash: str = column(sa.String, "SHA-256 over the wallets or the query, what is read, and the release")
    source: str = column(sa.String, "Name of the file or of the query: untrusted text")
    blocks: dict[str, dict[str, Any]] = column(
        sa.JSON, "The block of each chain, by its id: number, hash, parent_hash, timestamp"
    )
    wallets: int = column(sa.BigInteger, "Wallets in the list, each once")
    done: int = column(sa.BigInteger, "How many of them have their snapshot, from the first on")
    complete: int = column(sa.BigInteger, "Snapshots of which every read succeeded")
    partial: int = column(sa.BigInteger, "Snapshots of which some reads failed")
    failed: int = column(sa.BigInteger, "Snapshots of which every read failed")
    started_at: datetime = column(sa.DateTime, "UTC time at which it began")
    ended_at: datetime | None = column(
        sa.DateTime, "UTC time of its end, or when it was given up; NULL: it can go on", nullable=True
    )


@checked
class IndexWalletRow(Table, table=True):
    """A wallet of a run that has not ended."""

    __tablename__ = "index_wallet"
    __table_args__ = (
        {"comment": "Wallets of runs that go on, where a query gave them: it may answer otherwise now"},
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("run_id", "ordinal")

    run_id: str = column(sa.String, "index_run.run_id")
    ordinal: int = column(sa.BigInteger, "Position in the list, from 0")
    wallet: str = column(sa.String, "0x and 40 lower-case hex digits")
