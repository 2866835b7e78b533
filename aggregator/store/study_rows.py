"""A study of a snapshot as columns, without what identifies it; what a study is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlmodel import SQLModel

from aggregator.model.rules import Amount
from aggregator.store.bulk import Columns
from aggregator.store.calendar_tables import CalendarAccountRow, CalendarEventRow, CalendarRow
from aggregator.store.cascade_tables import (
    CascadeAmountRow,
    CascadeLossRow,
    CascadeRow,
    CascadeStepRow,
    LadderRow,
    LadderRungRow,
)
from aggregator.store.columns import names, table_of
from aggregator.store.plan_tables import PlanAccountRow, PlanRow, PlanShortfallRow, PlanStepRow

Values: TypeAlias = dict[str, Any]

PARTS: Mapping[type[SQLModel], tuple[type[SQLModel], ...]] = {
    PlanRow: (PlanStepRow, PlanAccountRow, PlanShortfallRow),
    CascadeRow: (CascadeStepRow, CascadeAmountRow, CascadeLossRow),
    LadderRow: (LadderRungRow,),
    CalendarRow: (CalendarEventRow, CalendarAccountRow),
}
"""The table of each kind of study, with the tables of its parts."""


@dataclass(frozen=True, slots=True)
class Study:
    """What was computed from a snapshot: `values` is its row in the table of `kind`, `parts` all others.

    `inputs` is what was asked for, as JSON. None of them has the snapshot's or the study's id.
    """

    kind: type[SQLModel]
    inputs: Mapping[str, Any]
    values: Mapping[str, Any]
    parts: Mapping[type[SQLModel], Columns]


def id_column(kind: type[SQLModel]) -> str:
    """The column that identifies a study and its parts within a snapshot."""
    return f"{table_of(kind).name}_id"


def columns_of(kind: type[SQLModel], row: type[SQLModel], rows: Sequence[Values]) -> Columns:
    """Rows of a part as columns."""
    wanted = names(table_of(row), but={"snapshot_id", id_column(kind)})
    return {name: [values[name] for values in rows] for name in wanted}


def amounts(found: Iterable[Amount]) -> list[list[str]]:
    """Exact amounts as JSON."""
    return [[one.asset, str(one.raw)] for one in found]
