"""Cascades of liquidations, and ladders of the prices at which accounts are liquidated, as tables."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store import study_columns as study
from aggregator.store.account_tables import ACCOUNT_ID
from aggregator.store.columns import FiniteFloat, OneOf, Table, checked, column, raw, rows_by
from aggregator.store.tables import SNAPSHOT_ID

CASCADE_ID = "cascade.cascade_id"
LADDER_ID = "ladder.ladder_id"
STEP = "cascade_step.ordinal"


@checked
class CascadeRow(Table, table=True):
    """What a shock leads to."""

    __tablename__ = "cascade"
    __table_args__ = ({"comment": "What follows from a shock of a snapshot, with its totals"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "cascade_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    cascade_id: str = column(sa.String, study.study_id("cascade"))
    made_at: datetime = study.made_at()
    scenario: str = column(sa.String, "Scenario or path that it begins with")
    converged: bool = column(sa.Boolean, "False: it met the cap on rounds, and the rest is not known")
    rounds: int = column(sa.BigInteger, "Rounds until nothing was liquidatable")
    liquidations: int = column(sa.BigInteger, "Accounts that were liquidated, each as often as it was")
    value_before_usd: Decimal = study.usd("Value of the loaded accounts at the shocked prices, USD")
    value_after_usd: Decimal = study.usd(
        "The same at the end, USD: before - penalties - fees - impact - path + bad debt - own share"
    )
    liquidated_usd: Decimal = study.usd("Market value of what was seized or closed, USD")
    penalties_usd: Decimal = study.usd("Bonuses, and what venues close at beside the mark, USD")
    fees_usd: Decimal = study.usd("What protocols, keepers and funds take, USD")
    impact_usd: Decimal = study.usd("What positions lost by the prices that sales moved, USD")
    path_usd: Decimal = study.usd("What positions lost by a path's own moves after its first, USD")
    bad_debt_usd: Decimal = study.usd("Debt that nothing was left for, USD; cascade_loss says who bears it")
    own_share_usd: Decimal = study.usd("The wallet's part of it, by its supplies, USD")
    own_cost_usd: Decimal = study.usd("What the wallet's accounts lost of all that, USD")
    start_prices_usd: dict[str, float] = column(sa.JSON, "Shocked market price of each underlying, USD")
    final_prices_usd: dict[str, float] = column(sa.JSON, "Market price of each underlying at the end, USD")
    toxic: list[str] = column(sa.JSON, "Accounts whose every liquidation makes them worse")
    refusals: list[dict[str, str]] = column(
        sa.JSON, "Accounts that fail their test and are not liquidated: account_id, label, reason"
    )
    told: list[str] = study.told()
    inputs: dict[str, Any] = study.inputs()
    inputs_hash: str = study.inputs_hash()
    rows_hash: str = study.rows_hash()


@checked
class CascadeStepRow(Table, table=True):
    """One liquidation."""

    __tablename__ = "cascade_step"
    __table_args__ = (
        {"comment": "The liquidations of each cascade; of a table's borrowers all of a label in a round"},
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "cascade_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    cascade_id: str = column(sa.String, CASCADE_ID)
    ordinal: int = column(sa.BigInteger, "Position in the cascade, from 0")
    round: int = column(sa.BigInteger, "Round in which it happens, from 1")
    account_id: str = column(sa.String, f"{ACCOUNT_ID}; or what a table calls its borrowers")
    label: str = column(sa.String, "Name of it for people; untrusted text")
    accounts: int = column(sa.BigInteger, "Accounts that the row stands for; above 1 only of a table")
    native_health: float | None = column(
        FiniteFloat, "N/Q by the account's own rule, which failed; NULL: of a table", nullable=True
    )
    prices_usd: dict[str, float] = column(
        sa.JSON, "Market price of each underlying at which it happens, before its own sales, USD"
    )
    judged_at: dict[str, str] = column(
        sa.JSON, "What the account's oracle answered for each asset, in its feed's decimals, as text"
    )
    penalty_usd: Decimal = study.usd(
        "What the account loses beyond the debt that is paid, USD: bonus, fees, and beside the mark"
    )
    liquidated_usd: Decimal = study.usd("Market value of what was seized or closed, USD")
    bad_debt_usd: Decimal = study.usd("Debt that nothing was left for, USD")
    sold_usd: dict[str, float] = column(sa.JSON, "What is sold of each underlying, USD; bought is negative")
    toxic: bool = column(sa.Boolean, "Whether it left the account worse")
    offered_asset_id: str | None = column(
        sa.String, "Debt that a liquidator of a loan offers to repay; NULL: no loan", nullable=True
    )
    offered_raw: int | None = raw("So much of it at most, in its smallest unit", nullable=True)
    offered_for: str | None = column(
        sa.String, "Collateral that is asked for it; NULL: all of it, or no loan", nullable=True
    )


@checked
class CascadeAmountRow(Table, table=True):
    """One exact amount of a liquidation."""

    __tablename__ = "cascade_amount"
    __table_args__ = ({"comment": "What each liquidation of a cascade moves, exact"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by(
        "snapshot_id", "cascade_id", "step", "role", "ordinal"
    )

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    cascade_id: str = column(sa.String, CASCADE_ID)
    step: int = column(sa.BigInteger, STEP)
    role: str = column(
        OneOf("repaid", "seized", "fee", "returned", "bad_debt", "closed"),
        "What becomes of it; closed: a derivative, by its market",
    )
    ordinal: int = column(sa.BigInteger, "Position among its role, from 0")
    asset_id: str = column(sa.String, "Asset, as in price; of what is closed its market, untrusted text")
    amount_raw: int = raw("In its smallest unit; of what is closed its signed change of size", signed=True)


@checked
class CascadeLossRow(Table, table=True):
    """What one bearer loses by one liquidation."""

    __tablename__ = "cascade_loss"
    __table_args__ = ({"comment": "Who bears the bad debt of each liquidation of a cascade"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "cascade_id", "step", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    cascade_id: str = column(sa.String, CASCADE_ID)
    step: int = column(sa.BigInteger, STEP)
    ordinal: int = column(sa.BigInteger, "Position in the step, from 0: the order in which they are asked")
    bearer: str = column(
        sa.String, "insurance_fund, pool, suppliers, auto_deleveraging, socialised_loss or liquidator"
    )
    loss_usd: Decimal = study.usd("What it bears, USD")


@checked
class LadderRow(Table, table=True):
    """The moves of single underlyings at which accounts are liquidated."""

    __tablename__ = "ladder"
    __table_args__ = (
        {"comment": "Ladders of a snapshot: which move of one underlying liquidates which account"},
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "ladder_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ladder_id: str = column(sa.String, study.study_id("ladder"))
    made_at: datetime = study.made_at()
    rungs: int = column(sa.BigInteger, "Its rungs; 0: no move of one underlying liquidates anything")
    inputs: dict[str, Any] = study.inputs()
    inputs_hash: str = study.inputs_hash()
    rows_hash: str = study.rows_hash()


@checked
class LadderRungRow(Table, table=True):
    """The move of one underlying at which one account is liquidated."""

    __tablename__ = "ladder_rung"
    __table_args__ = ({"comment": "The rungs of each ladder, with what the cascade from there costs"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "ladder_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ladder_id: str = column(sa.String, LADDER_ID)
    ordinal: int = column(sa.BigInteger, "Position in the ladder, from 0")
    account_id: str = column(sa.String, ACCOUNT_ID)
    underlying: str = column(sa.String, "Underlying that moves, such as ETH")
    price_usd: float = column(FiniteFloat, "Its price at which the account is liquidated, USD")
    distance: float = column(FiniteFloat, "How far that is from today's; -0.2 is 20% down")
    liquidated_usd: Decimal = study.usd("What the cascade that begins there liquidates, USD")
    cost_usd: Decimal = study.usd("What that cascade costs the wallet, USD")
    follows: list[str] = column(sa.JSON, "Accounts that are liquidated in it too")
