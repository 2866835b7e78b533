"""Survival points and requirements of other methods as columns, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, cast, get_args

from aggregator.model.comparison import Method, Requirement
from aggregator.model.survival import Branch, SurvivalPoint
from aggregator.store.bulk import Columns
from aggregator.store.requirement_tables import MarginComparisonRow, SurvivalPointRow

_POINT = [f.name for f in fields(SurvivalPoint) if f.name != "counted_usd"]
_BRANCHES: tuple[str, ...] = get_args(Branch)


def survival_columns(points: Sequence[SurvivalPoint]) -> Columns:
    """The columns of `survival_point`, without `snapshot_id`."""
    return {
        **{name: [getattr(point, name) for point in points] for name in _POINT},
        "counted_usd": [list(point.counted_usd) for point in points],
    }


def to_survival(rows: Sequence[SurvivalPointRow], accounts: int) -> tuple[SurvivalPoint, ...]:
    """The points of one snapshot, whatever the order of the rows; it has so many accounts.

    Raises ValueError where a row does not say what each account counts.
    """

    def point(row: SurvivalPointRow) -> SurvivalPoint:
        values: Any = row.counted_usd
        known = isinstance(values, list) and all(isinstance(value, float) for value in values)
        if not known or len(values) != accounts:
            raise ValueError(f"its survival point {row.branch} {row.level} has other accounts than it")
        return SurvivalPoint(cast("Any", row.branch), row.level, row.ray, row.whole_usd, tuple(values))

    return tuple(map(point, sorted(rows, key=lambda row: (_BRANCHES.index(row.branch), row.level))))


def comparison_columns(asked: Sequence[Requirement]) -> Columns:
    """The columns of `margin_comparison`, without `snapshot_id`."""
    return {
        **{f.name: [getattr(one, f.name) for one in asked] for f in fields(Requirement)},
        "ordinal": range(len(asked)),
    }


def to_comparison(rows: Sequence[MarginComparisonRow]) -> tuple[Requirement, ...]:
    """The requirements of one snapshot, whose rows are in their order."""
    return tuple(
        Requirement(Method(row.method), row.variant, row.requirement_usd, row.capital_efficiency)
        for row in rows
    )
