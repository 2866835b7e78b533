"""A calendar as a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.model.calendars import Calendar
from aggregator.store.calendar_tables import CalendarAccountRow, CalendarEventRow, CalendarRow
from aggregator.store.columns import utc
from aggregator.store.derived import dollars
from aggregator.store.study_rows import Study, columns_of


def calendar_study(found: Calendar, inputs: Mapping[str, Any]) -> Study:
    """A calendar with what was asked for; raises ValueError or OverflowError on what can't be stored."""
    events = [
        {
            "ordinal": i,
            "event_at": utc(event.time),
            "days": event.days,
            "kind": event.kind,
            "account_id": event.account_id,
            "threshold": event.threshold,
            "instrument": event.instrument,
            "size": event.size,
        }
        for i, event in enumerate(found.events)
    ]
    accounts = [
        {
            "ordinal": i,
            "account_id": one.account_id,
            "carry_usd_day": None if one.carry_usd_day is None else dollars(one.carry_usd_day),
            "judged": one.judged,
        }
        for i, one in enumerate(found.accounts)
    ]
    return Study(
        CalendarRow,
        inputs,
        {"horizon_days": found.horizon_days, "events": len(events)},
        {
            CalendarEventRow: columns_of(CalendarRow, CalendarEventRow, events),
            CalendarAccountRow: columns_of(CalendarRow, CalendarAccountRow, accounts),
        },
    )
