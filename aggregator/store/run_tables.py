"""How each due slot of a schedule ended."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from aggregator.store.columns import OneOf, Table, checked, column


@checked
class ScheduleRunRow(Table, table=True):
    """One due slot of one job."""

    __tablename__ = "schedule_run"
    __table_args__ = ({"comment": "Every due slot of every job: taken, or missed with the reason"},)

    run_id: str = column(sa.String, "job@due_at: a slot has one row, whoever records it", key=True)
    job: str = column(sa.String, "Name of the job in the configuration")
    group_name: str = column(sa.String, "Group of wallets that it takes, without @")
    due_at: datetime = column(sa.DateTime, "UTC time at which the slot was due")
    started_at: datetime | None = column(sa.DateTime, "UTC time of its start; NULL: missed", nullable=True)
    ended_at: datetime | None = column(sa.DateTime, "UTC time of its end; NULL: missed", nullable=True)
    outcome: str = column(
        OneOf("ok", "partial", "failed", "missed"),
        "ok: every snapshot is complete; partial: some reads failed; failed: none worked; missed: not taken",
    )
    reason: str | None = column(sa.String, "Why it is not ok", nullable=True)
    snapshots: list[str] = column(sa.JSON, "Ids of the snapshots that it took")
