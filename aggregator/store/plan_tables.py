"""Plans for a snapshot, their steps, and every account after each of them, as tables."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store import study_columns as study
from aggregator.store.account_tables import ACCOUNT_ID
from aggregator.store.columns import FiniteFloat, OneOf, Table, checked, column, raw, rows_by
from aggregator.store.tables import SNAPSHOT_ID

PLAN_ID = "plan.plan_id"
AMOUNTS = "as a list of [asset, exact integer as text]"


@checked
class PlanRow(Table, table=True):
    """A sequence of steps from a snapshot's state."""

    __tablename__ = "plan"
    __table_args__ = ({"comment": "Plans of a snapshot: steps to its targets, now or for a stress"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "plan_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    plan_id: str = column(sa.String, study.study_id("plan"))
    made_at: datetime = study.made_at()
    kind: str = column(
        OneOf("repair", "pre_emptive"), "repair: for today's prices; pre_emptive: to survive the stress too"
    )
    stress: str | None = column(sa.String, "Scenario that it is for; NULL: repair", nullable=True)
    status: str = column(
        OneOf("safe", "feasible", "infeasible"),
        "safe: nothing need be done; infeasible: no plan reaches the targets, and the steps are the nearest",
    )
    floor_health: float = column(FiniteFloat, "Least own health N/Q of every account after every step")
    target_health: float = column(FiniteFloat, "Own health N/Q of every account that is aimed at")
    target_kappa: float = column(FiniteFloat, "Standard stresses that the whole is to survive")
    steps: int = column(sa.BigInteger, "Steps that are not within a flash bundle")
    cost_usd: Decimal = study.usd("What all steps cost, USD: fees_usd + slippage_usd + gas_usd")
    fees_usd: Decimal = study.usd("Fees of venues and lenders, USD")
    slippage_usd: Decimal = study.usd("What prices give way, USD")
    gas_usd: Decimal = study.usd("Gas, USD")
    avoided_usd: Decimal | None = study.usd(
        "What the liquidations that it prevents would cost, USD; NULL: not known", nullable=True
    )
    missing_usd: Decimal = study.usd("All that is missing to the targets, USD; plan_shortfall has the parts")
    binding_account: str | None = column(
        sa.String,
        "Account that keeps the plan from being cheaper, or from its targets; NULL: the whole",
        nullable=True,
    )
    equity_before_usd: float = column(FiniteFloat, "Equity of the whole before it, USD")
    equity_after_usd: float = column(FiniteFloat, "Equity of the whole after it, USD")
    requirement_before_usd: float = column(FiniteFloat, "M of the whole before it, USD")
    requirement_after_usd: float = column(FiniteFloat, "M of the whole after it, USD")
    kappa_before: float | None = column(
        FiniteFloat, "Standard stresses survived before it; NULL: infinite", nullable=True
    )
    kappa_before_infinite: bool = column(sa.Boolean, "No stress on the grid would break it before")
    kappa_after: float | None = column(
        FiniteFloat, "Standard stresses survived after it; NULL: infinite", nullable=True
    )
    kappa_after_infinite: bool = column(sa.Boolean, "No stress on the grid would break it after")
    score_before: float | None = column(
        FiniteFloat, "Score before it, 0 to 100; NULL: no positions", nullable=True
    )
    score_after: float | None = column(
        FiniteFloat, "Score after it, 0 to 100; NULL: no positions", nullable=True
    )
    told: list[str] = study.told()
    inputs: dict[str, Any] = study.inputs()
    inputs_hash: str = study.inputs_hash()
    rows_hash: str = study.rows_hash()


@checked
class PlanStepRow(Table, table=True):
    """One step of a plan."""

    __tablename__ = "plan_step"
    __table_args__ = ({"comment": "The steps of each plan in order; exact integers are what would be sent"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "plan_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    plan_id: str = column(sa.String, PLAN_ID)
    ordinal: int = column(sa.BigInteger, "Position in the plan, from 0, steps within a bundle after it")
    bundle: int | None = column(
        sa.BigInteger, "The flash step within which it happens, by its ordinal; NULL: none", nullable=True
    )
    account_id: str = column(sa.String, f"{ACCOUNT_ID}; of a swap or transfer the wallet account")
    wallet_account_id: str = column(sa.String, "Wallet account that pays and receives")
    action: str = column(
        OneOf("repay", "deposit", "withdraw", "trade", "swap", "transfer", "flash"), "What is done"
    )
    asset_id: str | None = column(
        sa.String, "Asset of amount_raw: paid, sold, sent or lent; NULL: nothing is moved", nullable=True
    )
    amount_raw: int | None = raw("Amount of it in its smallest unit, rounded against the user", nullable=True)
    everything: bool = column(sa.Boolean, "The venue is asked for all of it, whatever it is by then")
    market: str | None = column(sa.String, "Market of a trade or swap; untrusted text", nullable=True)
    size_raw: int | None = raw(
        "Change of a derivative, in the units of its position; NULL: no trade", signed=True, nullable=True
    )
    least_raw: int | None = raw(
        "A swap's least of its other side, or what arrives of a transfer; NULL: neither", nullable=True
    )
    least_asset_id: str | None = column(sa.String, "Asset of least_raw", nullable=True)
    to_account_id: str | None = column(
        sa.String, "Wallet account that a transfer goes to, or account that a flash loan is of", nullable=True
    )
    fee_raw: int | None = raw("Fee of a flash loan, in asset_id; NULL: no flash loan", nullable=True)
    paid: list[list[str]] = column(sa.JSON, f"What the wallet account pays, {AMOUNTS}")
    received: list[list[str]] = column(sa.JSON, f"What it gets, {AMOUNTS}")
    cost_usd: Decimal = study.usd("fees_usd + slippage_usd + gas_usd of the step, USD")
    fees_usd: Decimal = study.usd("Fees of venues and lenders, USD")
    slippage_usd: Decimal = study.usd("What prices give way, USD")
    gas_usd: Decimal = study.usd("Gas, USD")
    sender: str = column(sa.String, "Address that sends the calls")
    calls: list[dict[str, Any]] = column(
        sa.JSON,
        "Unsigned calls in order: to, data (0x hex), value (wei, as text), description, later (who must act "
        "before the effect is there)",
    )
    calls_unknown: str | None = column(sa.String, "Why the calls can't be told", nullable=True)
    equity_after_usd: float | None = column(
        FiniteFloat, "Equity of the whole after it, USD; NULL: within a bundle", nullable=True
    )
    requirement_after_usd: float | None = column(
        FiniteFloat, "M of the whole after it, USD; NULL: within a bundle", nullable=True
    )
    kappa_after: float | None = column(
        FiniteFloat, "Standard stresses survived after it; NULL: infinite, or within a bundle", nullable=True
    )
    kappa_after_infinite: bool | None = column(
        sa.Boolean, "No stress on the grid would break it; NULL: within a bundle", nullable=True
    )
    score_after: float | None = column(
        FiniteFloat, "Score of the whole after it; NULL: no positions, or within a bundle", nullable=True
    )
    asked_raw: int | None = raw(
        "What the venue is asked to repay, take in or give out, in asset_id, which may be more than "
        "amount_raw; NULL: all of it, another step, or saved before this column",
        nullable=True,
        checked=False,
    )


AHEAD = (
    "after ten more minutes of interest and funding at the same prices, USD; NULL: not known, or saved "
    "before this column"
)

BETWEEN = (
    "in those minutes, however late the plan is sent, and while averages that its protocol judges at catch "
    "up; NULL: nothing is required, or saved before this column"
)


@checked
class PlanAccountRow(Table, table=True):
    """One account at one point of a plan."""

    __tablename__ = "plan_account"
    __table_args__ = ({"comment": "Every account that has a rule, before a plan and after each step"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "plan_id", "step", "account_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    plan_id: str = column(sa.String, PLAN_ID)
    step: int = column(sa.BigInteger, "plan_step.ordinal that it is after; -1: before the plan")
    account_id: str = column(sa.String, ACCOUNT_ID)
    power_usd: float = column(FiniteFloat, "N, what its own test counts, USD")
    native_requirement_usd: float = column(FiniteFloat, "Q, what its own test asks, USD")
    native_health: float | None = column(
        FiniteFloat, "N/Q of its exact rule; NULL: nothing is required", nullable=True
    )
    liquidatable: bool = column(sa.Boolean, "Whether its rule says that it can be liquidated")
    power_ahead_usd: float | None = column(FiniteFloat, f"N {AHEAD}", nullable=True)
    native_requirement_ahead_usd: float | None = column(FiniteFloat, f"Q {AHEAD}", nullable=True)
    native_health_low: float | None = column(FiniteFloat, f"Least N/Q {BETWEEN}", nullable=True)
    native_health_high: float | None = column(FiniteFloat, f"Most N/Q {BETWEEN}", nullable=True)


@checked
class PlanShortfallRow(Table, table=True):
    """What is missing to one target."""

    __tablename__ = "plan_shortfall"
    __table_args__ = ({"comment": "What plans that reach not all targets are missing"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "plan_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    plan_id: str = column(sa.String, PLAN_ID)
    ordinal: int = column(sa.BigInteger, "Position in the plan's list, from 0")
    account_id: str | None = column(sa.String, f"{ACCOUNT_ID}; NULL: the whole", nullable=True)
    missing_usd: Decimal = study.usd("N - h*Q that is missing, or of the whole's reserve, USD")
    needed: str = column(sa.String, "What would be needed")
