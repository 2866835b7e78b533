"""The studies of one snapshot as the objects that they were made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlmodel import Session, SQLModel

from aggregator.model.calendars import AccountCarry, Calendar, CalendarEvent
from aggregator.model.units import Address, ChainId
from aggregator.store import cascade_loading, plan_loading
from aggregator.store.account_tables import AccountRow
from aggregator.store.calendar_tables import CalendarAccountRow, CalendarEventRow, CalendarRow
from aggregator.store.cascade_tables import (
    CascadeAmountRow,
    CascadeLossRow,
    CascadeRow,
    CascadeStepRow,
    LadderRow,
    LadderRungRow,
)
from aggregator.store.columns import unix
from aggregator.store.loading import rows_of
from aggregator.store.plan_tables import PlanAccountRow, PlanRow, PlanShortfallRow, PlanStepRow
from aggregator.store.saved import StoredStudies
from aggregator.store.study_rows import id_column
from aggregator.store.tables import BlockRow, SnapshotRow

ROW = TypeVar("ROW", bound=SQLModel)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The rows of one table, by the study that they belong to."""

    session: Session
    snapshot: SnapshotRow

    def of(self, kind: type[SQLModel], part: type[ROW]) -> Mapping[str, list[ROW]]:
        found: dict[str, list[ROW]] = defaultdict(list)
        for row in rows_of(self.session, part, self.snapshot):
            found[getattr(row, id_column(kind))].append(row)
        return found


def load_all(session: Session, snapshot: SnapshotRow) -> StoredStudies:
    """All studies of a snapshot, each equal to what was saved, in dollars of 8 digits.

    Accounts stand in the snapshot's order and have its labels. Raises what is in `loading.DAMAGED` on rows
    that nobody saved so.
    """
    parts, wallet = _Parts(session, snapshot), Address(snapshot.wallet)
    accounts = {row.account_id: row for row in rows_of(session, AccountRow, snapshot)}
    blocks = {ChainId(row.chain_id): row.block_number for row in rows_of(session, BlockRow, snapshot)}
    steps, states = parts.of(PlanRow, PlanStepRow), parts.of(PlanRow, PlanAccountRow)
    missing = parts.of(PlanRow, PlanShortfallRow)
    liquidations, amounts = parts.of(CascadeRow, CascadeStepRow), parts.of(CascadeRow, CascadeAmountRow)
    losses = parts.of(CascadeRow, CascadeLossRow)
    rungs = parts.of(LadderRow, LadderRungRow)
    events, carries = parts.of(CalendarRow, CalendarEventRow), parts.of(CalendarRow, CalendarAccountRow)
    return StoredStudies(
        plans={
            row.plan_id: plan_loading.plan(
                row, steps[row.plan_id], states[row.plan_id], missing[row.plan_id], accounts, wallet, blocks
            )
            for row in _of(session, PlanRow, snapshot)
        },
        cascades={
            row.cascade_id: cascade_loading.cascade(
                row, liquidations[row.cascade_id], amounts[row.cascade_id], losses[row.cascade_id], wallet
            )
            for row in _of(session, CascadeRow, snapshot)
        },
        ladders={
            row.ladder_id: tuple(cascade_loading.rung(one, accounts) for one in rungs[row.ladder_id])
            for row in _of(session, LadderRow, snapshot)
        },
        calendars={
            row.calendar_id: _calendar(
                row, events[row.calendar_id], carries[row.calendar_id], accounts, wallet
            )
            for row in _of(session, CalendarRow, snapshot)
        },
    )


def _of(session: Session, kind: type[ROW], snapshot: SnapshotRow) -> list[ROW]:
    """Studies in the order in which they were saved."""
    name = id_column(kind)
    return sorted(
        rows_of(session, kind, snapshot), key=lambda row: (cast("Any", row).made_at, getattr(row, name))
    )


def _calendar(
    row: CalendarRow,
    events: Sequence[CalendarEventRow],
    carries: Sequence[CalendarAccountRow],
    accounts: Mapping[str, AccountRow],
    wallet: Address,
) -> Calendar:
    return Calendar(
        wallet=wallet,
        horizon_days=row.horizon_days,
        events=tuple(
            CalendarEvent(
                time=unix(one.event_at),
                days=one.days,
                kind=cast("Any", one.kind),
                account_id=one.account_id,
                label=accounts[one.account_id].label,
                threshold=one.threshold,
                instrument=one.instrument,
                size=one.size,
            )
            for one in events
        ),
        accounts=tuple(
            AccountCarry(
                account_id=one.account_id,
                label=accounts[one.account_id].label,
                carry_usd_day=None if one.carry_usd_day is None else float(one.carry_usd_day),
                judged=one.judged,
            )
            for one in carries
        ),
    )
