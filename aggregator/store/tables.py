"""What was read, as tables: one snapshot of one wallet, its blocks, reads, notes and prices.

Rows are appended per snapshot; only `snapshot.status` ever changes. Every column carries its unit in its
name or its comment; comments show in duckdb_columns(). There are no foreign keys and no keys on fact tables
(DuckDB can't delete parent and child in one transaction, and a key halves the rate of inserts):
`bulk.check_unique` checks the natural key, which the mapper knows as `primary_key`, before each commit.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store.columns import PRICE, FiniteFloat, OneOf, Table, checked, column, raw, rows_by

SNAPSHOT_ID = "snapshot.snapshot_id"
_PRICE_CHAIN = "Chain whose oracle answered; NULL: no chain did, or saved by an earlier release"
ORIGIN = "The call that the figure came from: signature@contract"


@checked
class SnapshotRow(Table, table=True):
    """One wallet at one block per chain."""

    __tablename__ = "snapshot"
    __table_args__ = ({"comment": "One wallet at one block per chain; identical reads have one row"},)

    snapshot_id: str = column(
        sa.String, "Deterministic: as_of, wallet, hash of blocks, content, tool, framework", key=True
    )
    wallet: str = column(sa.String, "The wallet that was asked for: 0x and 40 lower-case hex digits")
    as_of: datetime = column(
        sa.DateTime, "UTC time of the newest block (of the read, where no block is known)"
    )
    taken_at: datetime = column(sa.DateTime, "UTC time at which it was first saved")
    trigger: str = column(OneOf("health", "snapshot", "schedule"), "What saved it first")
    source: str = column(OneOf("chain", "recording"), "Read from endpoints, or replayed from a recording")
    status: str = column(
        OneOf("complete", "partial", "failed", "orphaned"),
        "complete: every read succeeded; failed: none did; orphaned: one of its blocks was reorganised away",
    )
    reads_expected: int = column(sa.BigInteger, "Deployments that were to be read for the wallet")
    reads_ok: int = column(sa.BigInteger, "Deployments of which everything was read and priced")
    reads_failed: int = column(
        sa.BigInteger, "Deployments of which something is missing; read_status tells what"
    )
    skew_s: int | None = column(sa.BigInteger, "Seconds between the oldest and newest block", nullable=True)
    tool_version: str = column(sa.String, "Version of crossmargin that saved it")
    content_hash: str = column(sa.String, "SHA-256 over what was read, in an order-independent form")
    rows_hash: str | None = column(
        sa.String,
        "SHA-256 over all rows of the snapshot but its status; NULL: saved by an earlier release",
        nullable=True,
    )


@checked
class BlockRow(Table, table=True):
    """The block that one chain was pinned to."""

    __tablename__ = "snapshot_block"
    __table_args__ = ({"comment": "The block of each chain that a snapshot was read at"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "chain_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    chain_id: int = column(sa.BigInteger, "EIP-155 chain id")
    block_number: int = column(sa.BigInteger, "Block number")
    block_hash: str = column(sa.String, "Block hash, 0x hex")
    parent_hash: str = column(sa.String, "Hash of the parent block, 0x hex")
    block_time: datetime = column(sa.DateTime, "UTC time of the block")


@checked
class ReadStatusRow(Table, table=True):
    """One expected read and how it ended."""

    __tablename__ = "read_status"
    __table_args__ = (
        {"comment": "A row per deployment that was read and per failure: nothing is missing silently"},
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the snapshot, from 0")
    adapter: str = column(sa.String, "Adapter that read")
    deployment: str = column(sa.String, "Name of the deployment; of an account that failed, its label")
    chain_id: int = column(sa.BigInteger, "EIP-155 chain id")
    wallet: str = column(sa.String, "Wallet that was asked for")
    status: str = column(
        OneOf("ok", "error"),
        "ok: the deployment was read; error: it, or an account of it, could not be read or priced",
    )
    error_code: str | None = column(sa.String, "Kind of failure, such as reverted", nullable=True)
    error_message: str | None = column(sa.String, "What happened and what to do", nullable=True)


@checked
class NoteRow(Table, table=True):
    """One sentence for the user."""

    __tablename__ = "snapshot_note"
    __table_args__ = (
        {"comment": "Texts for the user: warnings of reading, unverified deployments, flags of risk"},
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "kind", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    kind: str = column(
        OneOf("warning", "unverified", "flag"),
        "warning: from reading; unverified: deployment never seen working; flag: from risk",
    )
    ordinal: int = column(sa.BigInteger, "Position among its kind, from 0")
    text: str = column(sa.String, "The sentence or name; names of tokens in it are untrusted text")


@checked
class PriceRow(Table, table=True):
    """The mark of one asset."""

    __tablename__ = "price"
    __table_args__ = ({"comment": "The mark of each asset that a position or rule of the snapshot needs"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "asset_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    asset_id: str = column(
        sa.String, "Asset: eip155:<chain>/erc20:<address>, eip155:<chain>/native, index:<name>"
    )
    quoted_asset_id: str = column(
        sa.String,
        "Asset that the oracle priced: another one where, say, a wrapped coin's price serves",
    )
    price_raw: int = raw("USD per whole unit, 10^-decimals, as the oracle answered")
    decimals: int = column(sa.BigInteger, "Decimals of price_raw")
    price_usd: Decimal | None = column(
        PRICE, "USD per whole unit, rounded to 18 digits; NULL: beyond the column's range", nullable=True
    )
    origin: str = column(sa.String, ORIGIN)
    updated_at: datetime | None = column(
        sa.DateTime, "UTC time at which the oracle last changed it", nullable=True
    )
    heartbeat_s: int | None = column(sa.BigInteger, "Seconds after which the oracle is stale", nullable=True)
    chain_id: int | None = column(sa.BigInteger, _PRICE_CHAIN, nullable=True)
    block_number: int | None = column(sa.BigInteger, "Block number; NULL as chain_id", nullable=True)
    block_hash: str | None = column(sa.String, "Block hash, 0x hex; NULL as chain_id", nullable=True)


@checked
class AssetClassRow(Table, table=True):
    """What moves one asset."""

    __tablename__ = "asset_class"
    __table_args__ = ({"comment": "How each asset was classified when the snapshot was taken"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "asset_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    asset_id: str = column(sa.String, "Asset, as in price")
    underlying: str = column(sa.String, "Base that moves it: USD, ETH, …; an unknown asset is its own base")
    risk_class: str = column(
        sa.String, "Risk class: base, stable, synthetic_usd, lst, lrt, wrapped_btc, algo_stable, mid, tail"
    )


@checked
class SpotRow(Table, table=True):
    """The price of one underlying."""

    __tablename__ = "spot"
    __table_args__ = ({"comment": "The price of each underlying that scenarios start from"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "underlying")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    underlying: str = column(sa.String, "Underlying, such as ETH; USD is 1")
    price_usd: float = column(FiniteFloat, "USD per whole unit, as the framework used it")


@checked
class HolderRow(Table, table=True):
    """An address that holds accounts for the wallet, or may."""

    __tablename__ = "snapshot_holder"
    __table_args__ = (
        {"comment": "Other addresses that belong to the wallet, such as proxies and smart wallets"},
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "chain_id", "address")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the snapshot, from 0")
    chain_id: int = column(sa.BigInteger, "EIP-155 chain id")
    address: str = column(sa.String, "The address: 0x and 40 lower-case hex digits")
    owner_path: list[str] = column(sa.JSON, "Addresses from the wallet to this one")
    via: list[str] = column(sa.JSON, "How each of them belongs to the former one: untrusted text")
    proven: bool = column(sa.Boolean, "False: the user says so, and no contract does")
    counted: bool = column(sa.Boolean, "Whether its accounts are part of the snapshot")
    why_not: str = column(sa.String, "Why they are not; empty where they are")


@checked
class StalenessRow(Table, table=True):
    """The age of one underlying's feeds."""

    __tablename__ = "oracle_staleness"
    __table_args__ = ({"comment": "How far beyond its heartbeat the oldest feed of an underlying is"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "underlying")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    underlying: str = column(sa.String, "Underlying, such as ETH")
    staleness_days: float = column(FiniteFloat, "Days beyond the heartbeat; widens the scan range")


@checked
class PriceSourceRow(Table, table=True):
    """What one source said of the price of one held asset."""

    __tablename__ = "price_source"
    __table_args__ = (
        {
            "comment": "Every source of the price of each held asset, the one that counts among them; "
            "snapshots of a release before this table have none"
        },
    )
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the snapshot, from 0")
    asset_id: str = column(sa.String, "Asset, as in price")
    origin: str = column(sa.String, ORIGIN)
    chain_id: int | None = column(
        sa.BigInteger, "Chain whose oracle answered; NULL: a venue without blocks", nullable=True
    )
    price_usd: float = column(FiniteFloat, "USD per whole unit that it says")
    is_mark: bool = column(sa.Boolean, "Whether this is the price that counts")
    deviation: float = column(FiniteFloat, "How far it is from the one that counts; -0.01 is 1% below")
    age_s: int | None = column(sa.BigInteger, "Seconds since it last changed; NULL: not known", nullable=True)
    heartbeat_s: int | None = column(
        sa.BigInteger, "Seconds after which it is stale; NULL: not known", nullable=True
    )
    overdue_s: int = column(sa.BigInteger, "Seconds beyond the heartbeat, else 0")
