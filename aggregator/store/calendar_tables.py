"""Calendars: what comes by itself at a snapshot's prices and rates, as tables."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store import study_columns as study
from aggregator.store.account_tables import ACCOUNT_ID
from aggregator.store.columns import FiniteFloat, OneOf, Table, checked, column, rows_by
from aggregator.store.tables import SNAPSHOT_ID

CALENDAR_ID = "calendar.calendar_id"


@checked
class CalendarRow(Table, table=True):
    """A look ahead."""

    __tablename__ = "calendar"
    __table_args__ = ({"comment": "Looks ahead from a snapshot, at its prices and rates"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "calendar_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    calendar_id: str = column(sa.String, study.study_id("calendar"))
    made_at: datetime = study.made_at()
    horizon_days: int = column(sa.BigInteger, "Days that it looks ahead")
    events: int = column(sa.BigInteger, "Its events; 0: nothing comes within the horizon")
    inputs: dict[str, Any] = study.inputs()
    inputs_hash: str = study.inputs_hash()
    rows_hash: str = study.rows_hash()


@checked
class CalendarEventRow(Table, table=True):
    """Something that comes."""

    __tablename__ = "calendar_event"
    __table_args__ = ({"comment": "The events of each calendar, earliest first"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "calendar_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    calendar_id: str = column(sa.String, CALENDAR_ID)
    ordinal: int = column(sa.BigInteger, "Position in the calendar, from 0")
    event_at: datetime = column(sa.DateTime, "UTC time of it")
    days: float = column(FiniteFloat, "Days after the account's block")
    kind: str = column(
        OneOf("health", "liquidation", "expiry"),
        "health: own health falls below threshold; liquidation: its own test fails; expiry: an option ends",
    )
    account_id: str = column(sa.String, ACCOUNT_ID)
    threshold: float | None = column(FiniteFloat, "Own health N/Q; NULL: another kind", nullable=True)
    instrument: str | None = column(
        sa.String, "Option that ends; NULL: another kind; untrusted text", nullable=True
    )
    size: float | None = column(
        FiniteFloat, "Units of the option that are held, written negative; NULL: another kind", nullable=True
    )


@checked
class CalendarAccountRow(Table, table=True):
    """What one account brings or costs."""

    __tablename__ = "calendar_account"
    __table_args__ = ({"comment": "What each account of a calendar brings or costs a day"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "calendar_id", "account_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    calendar_id: str = column(sa.String, CALENDAR_ID)
    ordinal: int = column(sa.BigInteger, "Position in the calendar, from 0")
    account_id: str = column(sa.String, ACCOUNT_ID)
    carry_usd_day: Decimal | None = study.usd(
        "Interest, funding and borrowing a day at today's rates, USD, costs < 0; NULL: a rate is not known",
        nullable=True,
    )
    judged: bool | None = column(
        sa.Boolean, "False: its own test can't be followed in time; NULL: it has none", nullable=True
    )
