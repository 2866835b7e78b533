"""What the requirement follows from, and what other methods ask of the same wallet, as tables."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

import sqlalchemy as sa

from aggregator.model.comparison import Method
from aggregator.model.survival import Branch
from aggregator.store.columns import FiniteFloat, OneOf, Table, checked, column, rows_by
from aggregator.store.tables import SNAPSHOT_ID


@checked
class SurvivalPointRow(Table, table=True):
    """What the whole counts at one stress multiple."""

    __tablename__ = "survival_point"
    __table_args__ = (
        {
            "comment": "What the whole counts at each stress multiple where it counts least: kappa and the "
            "requirement follow from it; wallets without positions and snapshots of a release before this "
            "table have none"
        },
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "branch", "level")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    branch: str = column(
        OneOf(*get_args(Branch)),
        "scan: the ray in which it is least; draws: the mean of the worst draws of prices",
    )
    level: float = column(FiniteFloat, "Stress multiple; 1 is a standard stress, 0 is today")
    ray: str | None = column(
        sa.String, "Scenario that binds, the first of equal ones; NULL: draws", nullable=True
    )
    whole_usd: float = column(
        FiniteFloat, "U: what the accounts count, summed, before risk_result.add_on_usd, USD"
    )
    counted_usd: list[float] = column(
        sa.JSON,
        "What each account counts there, in the order of account_risk.ordinal, USD: its equity, reduced by "
        "the risk of its protocol where positive",
    )


@checked
class MarginComparisonRow(Table, table=True):
    """What one method asks."""

    __tablename__ = "margin_comparison"
    __table_args__ = (
        {
            "comment": "What each margin method asks of the whole wallet; wallets without positions and "
            "snapshots of a release before this table have none"
        },
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "method", "variant")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the comparison, from 0")
    method: str = column(
        OneOf(*(method.value for method in Method)),
        "The margin method; legs_isolated is computed on demand and not kept",
    )
    variant: str = column(sa.String, "Which of several of one method, such as monte carlo 2 d; else empty")
    requirement_usd: float = column(
        FiniteFloat, "What it asks, against equity that counts debts and options at their value, USD"
    )
    capital_efficiency: float | None = column(
        FiniteFloat,
        "1 - ours/requirement_usd: what ours saves, negative where ours asks more; NULL: ours itself, or "
        "nothing is asked",
        nullable=True,
    )
