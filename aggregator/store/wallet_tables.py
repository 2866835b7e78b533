"""Whom to follow, and each one's latest snapshot.

These rows are changed in place, so they have keys: two that would share one are refused by DuckDB itself.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from aggregator.store.columns import Table, checked, column
from aggregator.store.tables import SNAPSHOT_ID

WALLET = "0x and 40 lower-case hex digits"


@checked
class WalletRow(Table, table=True):
    """A wallet that the user follows."""

    __tablename__ = "wallet"
    __table_args__ = ({"comment": "Wallets that the user follows; snapshots may exist of others too"},)

    address: str = column(sa.String, f"The wallet: {WALLET}", key=True)
    label: str | None = column(sa.String, "The user's own name for it", nullable=True)
    added_at: datetime = column(sa.DateTime, "UTC time at which it was added")


@checked
class WalletGroupRow(Table, table=True):
    """A wallet in a group."""

    __tablename__ = "wallet_group"
    __table_args__ = ({"comment": "Which wallets belong to which group (@name); a wallet may be in several"},)

    group_name: str = column(sa.String, "The group, without @", key=True)
    address: str = column(sa.String, f"wallet.address: {WALLET}", key=True)


@checked
class LatestRow(Table, table=True):
    """The newest snapshot of a wallet that can be used."""

    __tablename__ = "latest"
    __table_args__ = (
        {"comment": "The newest complete or partial snapshot of each wallet, kept with every change of them"},
    )

    wallet: str = column(sa.String, f"snapshot.wallet: {WALLET}", key=True)
    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    as_of: datetime = column(sa.DateTime, "snapshot.as_of: UTC time of its newest block")
