"""What the risk framework said of the whole, as tables.

USD here are float64: they come from scenarios, balances never do. Infinity is NULL beside a flag, so that SQL
averages and Parquet readers meet no special value.
"""

from __future__ import annotations

from typing import Any, ClassVar, get_args

import sqlalchemy as sa

from aggregator.model.results import Band, Verdict
from aggregator.model.tails import Method
from aggregator.store.account_tables import ACCOUNT_ID
from aggregator.store.columns import FiniteFloat, OneOf, Table, checked, column, rows_by
from aggregator.store.tables import SNAPSHOT_ID

BANDS = OneOf(*(band.value for band in Band))
ROLES = OneOf("worst", "binding")
ROLE = "worst: among the worst rays; binding: the ray, or mean of the worst draws, that sets the requirement"


@checked
class RiskResultRow(Table, table=True):
    """The framework's answer for the whole."""

    __tablename__ = "risk_result"
    __table_args__ = ({"comment": "The framework's answer for the whole wallet"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    framework_version: str = column(sa.String, "Version of the risk framework")
    parameters_hash: str = column(sa.String, "Hash of its parameters")
    scenario_hash: str = column(sa.String, "Hash of its scenario set")
    history_source: str | None = column(
        sa.String, "Price history: which prices are from where; NULL: defaults alone", nullable=True
    )
    history_last_day: str | None = column(sa.String, "Its last day: 2026-11-28", nullable=True)
    history_hash: str | None = column(sa.String, "Hash of its daily returns", nullable=True)
    score: float | None = column(
        FiniteFloat, "0 to 100: 100*kappa/(1+kappa); NULL: no positions", nullable=True
    )
    kappa: float | None = column(
        FiniteFloat, "Standard stresses that the whole survives; NULL: see kappa_infinite", nullable=True
    )
    kappa_infinite: bool = column(sa.Boolean, "No stress on the grid breaks it")
    band: str = column(BANDS, "Headline: the worse of unified_band and weakest_band")
    unified_band: str = column(BANDS, "Band by kappa alone")
    weakest_band: str = column(BANDS, "Band of the weakest account")
    verdict: str = column(
        OneOf(*(verdict.value for verdict in Verdict)),
        "For tables and exit codes; unknown: something is missing",
    )
    worst_score: float | None = column(
        FiniteFloat, "The lowest that unread parts allow; NULL: everything was read", nullable=True
    )
    worst_kappa: float | None = column(
        FiniteFloat, "The kappa of worst_score; NULL beside a worst_verdict: infinite", nullable=True
    )
    worst_verdict: str | None = column(sa.String, "The verdict that would then be", nullable=True)
    worst_why: str | None = column(sa.String, "Why no better one can be promised", nullable=True)
    fresh_kappa: float | None = column(
        FiniteFloat, "kappa if no price were late; NULL: none is, or see fresh_kappa_infinite", nullable=True
    )
    fresh_kappa_infinite: bool | None = column(
        sa.Boolean, "No stress on the grid would break it; NULL: no price is late", nullable=True
    )
    margin_coverage_ratio: float | None = column(
        FiniteFloat, "equity_usd / requirement_usd; NULL: see margin_coverage_ratio_infinite", nullable=True
    )
    margin_coverage_ratio_infinite: bool = column(sa.Boolean, "Nothing is required")
    equity_usd: float = column(FiniteFloat, "Equity at market marks with full recourse, USD")
    walk_away_equity_usd: float = column(
        FiniteFloat, "Equity if under-water non-recourse accounts are left, USD"
    )
    gross_usd: float = column(FiniteFloat, "Sum of absolute position values, USD")
    requirement_usd: float = column(
        FiniteFloat, "M: the larger of the scan's and the draws' requirement, and add-ons, USD"
    )
    scan_requirement_usd: float = column(FiniteFloat, "Largest loss over the scenario grid, USD")
    tail_requirement_usd: float | None = column(
        FiniteFloat,
        "Largest expected shortfall up to one standard stress, USD; NULL: of a release before it",
        nullable=True,
    )
    tail_expected_shortfall_usd: float | None = column(
        FiniteFloat, "Expected shortfall at one standard stress, USD", nullable=True
    )
    tail_confidence: float | None = column(FiniteFloat, "Confidence of the two", nullable=True)
    tail_days: int | None = column(sa.BigInteger, "Horizon of the two, days", nullable=True)
    tail_draws: int | None = column(sa.BigInteger, "Draws that they are of", nullable=True)
    tail_historical_absent: str | None = column(
        sa.String, "Why value_at_risk has no historical simulation; NULL: it has one", nullable=True
    )
    add_on_usd: float = column(FiniteFloat, "Costs that prices do not show, USD")
    closing_cost_usd: float | None = column(
        FiniteFloat,
        "Cost of selling all net deltas at once, USD, in no other figure; NULL: of a release before it",
        nullable=True,
    )
    isolated_requirement_usd: float = column(FiniteFloat, "Sum of the accounts' own M, USD")
    multiple_native: float | None = column(
        FiniteFloat, "Standard stresses until an account fails its own test; NULL: infinite", nullable=True
    )
    multiple_native_infinite: bool = column(sa.Boolean, "No stress on the grid makes one fail")
    multiple_operational: float | None = column(
        FiniteFloat, "Standard stresses until no transfer can help; NULL: infinite", nullable=True
    )
    multiple_operational_infinite: bool = column(sa.Boolean, "Transfers help at every stress on the grid")
    multiple_solvency: float | None = column(
        FiniteFloat, "Standard stresses until equity is gone; NULL: infinite", nullable=True
    )
    multiple_solvency_infinite: bool = column(sa.Boolean, "No stress on the grid uses equity up")
    weakest_account: str | None = column(sa.String, ACCOUNT_ID + "; the first to fail", nullable=True)
    native_headroom_usd: float = column(FiniteFloat, "Waterfall: sum of N-Q, USD")
    common_haircuts_usd: float = column(FiniteFloat, "Waterfall: our haircuts against the venues' own, USD")
    netting_usd: float = column(FiniteFloat, "Waterfall: what netting between accounts saves, USD")
    excess_usd: float = column(FiniteFloat, "Waterfall: equity above the requirement, USD")


@checked
class ValueAtRiskRow(Table, table=True):
    """A loss that is exceeded with a known probability."""

    __tablename__ = "value_at_risk"
    __table_args__ = (
        {"comment": "Value at risk of the whole; snapshots of a release before this table have none"},
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the result, from 0")
    method: str = column(OneOf(*get_args(Method)), "How it is estimated")
    confidence: float = column(FiniteFloat, "Probability that the loss is not exceeded")
    days: int = column(sa.BigInteger, "Horizon, days")
    loss_usd: float = column(FiniteFloat, "Loss of the whole, USD; a gain is negative")


@checked
class ScenarioLossRow(Table, table=True):
    """The loss of the whole in one scenario."""

    __tablename__ = "scenario_loss"
    __table_args__ = ({"comment": "Losses of the whole in the worst scenarios and in the binding one"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "role", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    role: str = column(ROLES, ROLE)
    ordinal: int = column(sa.BigInteger, "Rank in its role, from 0")
    name: str = column(sa.String, "Scenario")
    level: float = column(FiniteFloat, "Stress multiple; 1 is a standard stress")
    loss_usd: float = column(FiniteFloat, "Loss of the whole, USD; a gain is negative")


@checked
class ScenarioAccountLossRow(Table, table=True):
    """One account's part of a scenario's loss."""

    __tablename__ = "scenario_account_loss"
    __table_args__ = ({"comment": "Each account's part of a loss in scenario_loss"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by(
        "snapshot_id", "role", "scenario_ordinal", "account_id"
    )

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    role: str = column(ROLES, ROLE)
    scenario_ordinal: int = column(sa.BigInteger, "scenario_loss.ordinal")
    ordinal: int = column(sa.BigInteger, "Position in the scenario, from 0")
    account_id: str = column(sa.String, ACCOUNT_ID)
    loss_usd: float = column(FiniteFloat, "Loss of the account, USD; a gain is negative")
