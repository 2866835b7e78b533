"""Whom to follow: wallets with their labels and groups."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy as sa

from aggregator.model.units import Address
from aggregator.store.columns import table_of
from aggregator.store.saved import WalletEntry
from aggregator.store.wallet_tables import WalletGroupRow, WalletRow


def add(
    connection: sa.Connection,
    address: Address,
    label: str | None,
    groups: Collection[str],
    added_at: datetime,
) -> bool:
    """Add a wallet, or change its label, and put it into groups; whether it was new."""
    wallet, member = table_of(WalletRow), table_of(WalletGroupRow)
    known = connection.execute(sa.select(wallet.c.address).where(wallet.c.address == address)).first()
    if known is None:
        when = added_at.astimezone(UTC).replace(tzinfo=None)
        connection.execute(wallet.insert().values(address=address, label=label, added_at=when))
    elif label is not None:
        connection.execute(wallet.update().where(wallet.c.address == address).values(label=label))
    already = connection.execute(sa.select(member.c.group_name).where(member.c.address == address))
    for group in sorted(set(groups) - set(already.scalars())):
        connection.execute(member.insert().values(group_name=group, address=address))
    return known is None


def remove(connection: sa.Connection, address: Address) -> bool:
    """Remove a wallet from everything but its snapshots; whether it was followed."""
    wallet, member = table_of(WalletRow), table_of(WalletGroupRow)
    connection.execute(member.delete().where(member.c.address == address))
    mine = wallet.c.address == address
    known = connection.execute(sa.select(wallet.c.address).where(mine)).first()
    connection.execute(wallet.delete().where(mine))
    return known is not None


def leave(connection: sa.Connection, group: str, addresses: Collection[Address]) -> int:
    """Take wallets out of a group; returns how many were in it."""
    member = table_of(WalletGroupRow)
    chosen = (member.c.group_name == group) & member.c.address.in_(addresses)
    count: int = connection.execute(sa.select(sa.func.count()).where(chosen)).scalar_one()
    connection.execute(member.delete().where(chosen))
    return count


def listed(connection: sa.Connection, group: str | None) -> list[WalletEntry]:
    """All wallets, or those of a group, with all their groups, in the order in which they were added."""
    wallet, member = table_of(WalletRow).c, table_of(WalletGroupRow).c
    groups: dict[str, list[str]] = {}
    for row in connection.execute(sa.select(member.address, member.group_name).order_by(member.group_name)):
        groups.setdefault(row.address, []).append(row.group_name)
    rows = connection.execute(
        sa.select(wallet.address, wallet.label, wallet.added_at).order_by(wallet.added_at, wallet.address)
    )
    entries = [
        WalletEntry(Address(row.address), row.label, tuple(groups.get(row.address, ())), row.added_at)
        for row in rows
    ]
    return entries if group is None else [entry for entry in entries if group in entry.groups]
