"""Greeks of the whole and of each position, as tables."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store.account_tables import ACCOUNT_ID
from aggregator.store.columns import FiniteFloat, Table, checked, column, rows_by
from aggregator.store.tables import SNAPSHOT_ID


@checked
class GreekRow(Table, table=True):
    """Sensitivities to one underlying."""

    __tablename__ = "greek"
    __table_args__ = ({"comment": "Sensitivities per underlying, in its base units and in USD"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "underlying")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the result, from 0")
    underlying: str = column(sa.String, "Underlying, such as ETH")
    delta_units: float = column(FiniteFloat, "Delta in units of the underlying")
    delta_usd: float = column(FiniteFloat, "Change of value for +1%, USD")
    gamma_units: float = column(FiniteFloat, "Change of delta for +1%, units")
    gamma_usd: float = column(FiniteFloat, "Change of delta for +1%, USD")
    vega_usd: float = column(FiniteFloat, "Change of value per +1 point of volatility, USD")
    theta_usd: float = column(FiniteFloat, "Change of value per day, USD")
    rho_usd: float = column(FiniteFloat, "Change of value per +1 basis point of rate, USD")


@checked
class PositionGreekRow(Table, table=True):
    """One position's part of the sensitivities to one underlying."""

    __tablename__ = "position_greek"
    __table_args__ = (
        {"comment": "Each position's part of greek; snapshots of a release before this table have none"},
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by(
        "snapshot_id", "account_id", "position_ordinal", "underlying"
    )

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the result, from 0")
    account_id: str = column(sa.String, ACCOUNT_ID)
    position_ordinal: int = column(sa.BigInteger, "position.ordinal in that account")
    underlying: str = column(sa.String, "Underlying, such as ETH; dollars have no Greeks")
    delta_units: float = column(FiniteFloat, "Delta in units of the underlying")
    delta_usd: float = column(FiniteFloat, "Change of value for +1%, USD")
    gamma_units: float = column(FiniteFloat, "Change of delta for +1%, units")
    gamma_usd: float = column(FiniteFloat, "Change of delta for +1%, USD")
    vega_usd: float = column(FiniteFloat, "Change of value per +1 point of volatility, USD")
    theta_usd: float = column(FiniteFloat, "Change of value per day, USD")
    rho_usd: float = column(FiniteFloat, "Change of value per +1 basis point of rate, USD")
