"""What the risk framework said of each account, as tables: its own test, and where it is liquidated."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store.account_tables import ACCOUNT_ID
from aggregator.store.columns import FiniteFloat, OneOf, Table, checked, column, rows_by
from aggregator.store.tables import SNAPSHOT_ID


@checked
class AccountRiskRow(Table, table=True):
    """One account in the framework."""

    __tablename__ = "account_risk"
    __table_args__ = ({"comment": "Each account in the framework: its own test and its share of ours"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "account_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the result, from 0")
    account_id: str = column(sa.String, ACCOUNT_ID)
    equity_usd: float = column(FiniteFloat, "Value at market marks, USD")
    power_usd: float = column(FiniteFloat, "N of its own test, USD")
    native_requirement_usd: float = column(FiniteFloat, "Q of its own test, USD")
    native_health: float | None = column(
        FiniteFloat, "N/Q by the exact rule; NULL: nothing is required", nullable=True
    )
    reported_health: float | None = column(
        FiniteFloat, "N/Q as the protocol answers; NULL: nothing is required or no answer", nullable=True
    )
    check_bps: float | None = column(
        FiniteFloat, "Difference of the two in basis points; NULL: the protocol answers none", nullable=True
    )
    liquidatable: bool = column(sa.Boolean, "Can be liquidated now")
    lam_native: float | None = column(
        FiniteFloat,
        "Standard stresses until it fails its own test; NULL: see lam_native_infinite",
        nullable=True,
    )
    lam_native_infinite: bool = column(sa.Boolean, "No stress on the grid makes it fail")
    binding_ray: str | None = column(sa.String, "Scenario in which it fails first", nullable=True)
    requirement_usd: float = column(FiniteFloat, "M of the account alone, USD")
    sets_band: bool = column(sa.Boolean, "False: its debt is dust and does not set the headline band")
    oracle_blind: bool = column(sa.Boolean, "A pinned oracle hides losses from its own test")
    interest_usd_day: float | None = column(
        FiniteFloat,
        "Interest earned a day at the block's rates and marks, paid < 0, USD; NULL: no lending account, or a "
        "rate is not known",
        nullable=True,
    )
    runway_days: float | None = column(
        FiniteFloat,
        "Days until its own test fails at today's prices and rates; NULL: it lasts for ten years, or is no "
        "lending account",
        nullable=True,
    )


@checked
class LiquidationPointRow(Table, table=True):
    """The price of one underlying at which one account is liquidated."""

    __tablename__ = "liquidation_point"
    __table_args__ = ({"comment": "Prices at which an account is liquidated if only that underlying moves"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "account_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    account_id: str = column(sa.String, ACCOUNT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the account's list, from 0")
    underlying: str = column(sa.String, "Underlying that moves, with all that moves with it")
    direction: str = column(OneOf("down", "up"), "Which way it moves")
    price_usd: float = column(FiniteFloat, "Price of the underlying at liquidation, USD")
    distance: float = column(FiniteFloat, "Relative move from today: -0.45 is 45% down")


@checked
class AssetLiquidationPointRow(Table, table=True):
    """The price of one asset at which one account is liquidated."""

    __tablename__ = "asset_liquidation_point"
    __table_args__ = (
        {
            "comment": "Prices at which an account is liquidated if only that asset's own price moves; "
            "snapshots of a release before this table have none"
        },
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "account_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    account_id: str = column(sa.String, ACCOUNT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the account's list, from 0")
    asset_id: str = column(sa.String, "Asset whose market price moves, its underlying's standing still")
    direction: str = column(OneOf("down", "up"), "Which way it moves")
    price_usd: float = column(FiniteFloat, "Price of the asset at liquidation, USD")
    distance: float = column(FiniteFloat, "Relative move from today: -0.45 is 45% down")
