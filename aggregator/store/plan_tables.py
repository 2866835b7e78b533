"""Plans for a snapshot and their steps, as tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store.account_tables import ACCOUNT_ID
from aggregator.store.columns import PRICE, USD, FiniteFloat, OneOf, Table, checked, column, raw, rows_by
from aggregator.store.tables import SNAPSHOT_ID

PLAN_ID = "plan.plan_id"


@checked
class PlanRow(Table, table=True):
    """A sequence of steps from a snapshot's state."""

    __tablename__ = "plan"
    __table_args__ = ({"comment": "Liquidations that would follow from a snapshot, and repairs of it"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "plan_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    plan_id: str = column(sa.String, "Deterministic: hash of the snapshot and of all that was asked for")
    kind: str = column(OneOf("liquidation", "repair"), "What the steps are")
    scenario: str | None = column(sa.String, "Scenario that it answers; NULL: today's prices", nullable=True)
    objective: str | None = column(sa.String, "What was minimised, and under which limits", nullable=True)
    feasible: bool = column(sa.Boolean, "False: the targets can't be reached, and the steps are the nearest")
    score_before: float | None = column(FiniteFloat, "Score of the snapshot, 0 to 100", nullable=True)
    score_after: float | None = column(FiniteFloat, "Score after the last step, 0 to 100", nullable=True)
    cost_usd: Decimal | None = column(USD, "What all steps cost, USD", nullable=True)
    inputs_hash: str = column(sa.String, "Hash of targets, limits, prices and costs that it was made from")


@checked
class PlanStepRow(Table, table=True):
    """One step of a plan."""

    __tablename__ = "plan_step"
    __table_args__ = ({"comment": "The steps of each plan in order; exact integers are what would be sent"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "plan_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    plan_id: str = column(sa.String, PLAN_ID)
    ordinal: int = column(sa.BigInteger, "Position in the plan, from 0")
    account_id: str | None = column(sa.String, ACCOUNT_ID, nullable=True)
    action: str = column(sa.String, "What is done: repay, deposit, liquidate, …")
    asset_id: str | None = column(sa.String, "Asset that it is done with, as in price", nullable=True)
    amount_raw: int | None = raw("Amount of that asset in its smallest unit", nullable=True)
    price_usd: Decimal | None = column(PRICE, "USD per whole unit of that asset in the step", nullable=True)
    cost_usd: Decimal | None = column(USD, "Penalty, fees, slippage and gas of the step, USD", nullable=True)
    native_health_after_raw: int | None = raw(
        "The account's N/Q after the step, 10^-18", signed=True, nullable=True
    )
    score_after: float | None = column(FiniteFloat, "Score of the whole after the step", nullable=True)
    note: str | None = column(sa.String, "What else there is to say", nullable=True)
