"""How due slots of schedules ended."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from aggregator.store.columns import table_of
from aggregator.store.run_tables import ScheduleRunRow
from aggregator.store.saved import ScheduleRun


def record(connection: sa.Connection, run: ScheduleRun) -> None:
    """Keep how a slot ended, in place of what was said of it before."""
    table = table_of(ScheduleRunRow)
    due_at = _naive(run.due_at)
    run_id = f"{run.job}@{due_at.isoformat()}Z"
    values = {
        "job": run.job,
        "group_name": run.group,
        "due_at": due_at,
        "started_at": None if run.started_at is None else _naive(run.started_at),
        "ended_at": None if run.ended_at is None else _naive(run.ended_at),
        "outcome": run.outcome,
        "reason": run.reason,
        "snapshots": list(run.snapshots),
    }
    mine = table.c.run_id == run_id
    if connection.execute(sa.select(table.c.run_id).where(mine)).first() is None:
        connection.execute(table.insert().values(run_id=run_id, **values))
    else:
        connection.execute(table.update().where(mine).values(**values))


def listed(connection: sa.Connection, job: str | None, since: datetime | None) -> list[ScheduleRun]:
    """The slots (of a job, due at or after a time) in the order in which they were due."""
    table = table_of(ScheduleRunRow)
    statement = sa.select(table).order_by(table.c.due_at, table.c.job)
    if job is not None:
        statement = statement.where(table.c.job == job)
    if since is not None:
        statement = statement.where(table.c.due_at >= _naive(since))
    return [
        ScheduleRun(
            job=row.job,
            group=row.group_name,
            due_at=_aware(row.due_at),
            started_at=None if row.started_at is None else _aware(row.started_at),
            ended_at=None if row.ended_at is None else _aware(row.ended_at),
            outcome=row.outcome,
            reason=row.reason,
            snapshots=tuple(row.snapshots),
        )
        for row in connection.execute(statement)
    ]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
