"""Accounts and positions as tables: exact integers as read, each row with its block and its call."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa

from aggregator.store.columns import USD, FiniteFloat, OneOf, Table, checked, column, raw, rows_by
from aggregator.store.tables import ORIGIN, SNAPSHOT_ID

ACCOUNT_ID = "Account: protocol:chain:market:owner[:number], stable over blocks"
BLOCK_NUMBER = "Block that the row was read at"
BLOCK_HASH = "Hash of that block, 0x hex"


@checked
class AccountRow(Table, table=True):
    """One unit that a protocol can liquidate."""

    __tablename__ = "account"
    __table_args__ = ({"comment": "Units that a protocol can liquidate, with their own solvency test"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "account_id")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the portfolio, from 0")
    account_id: str = column(sa.String, ACCOUNT_ID)
    protocol: str = column(sa.String, "Adapter that read it")
    kind: str = column(OneOf("wallet", "lending", "perp", "option"), "Kind of protocol")
    chain_id: int = column(sa.BigInteger, "EIP-155 chain id")
    block_number: int = column(sa.BigInteger, BLOCK_NUMBER)
    block_hash: str = column(sa.String, BLOCK_HASH)
    label: str = column(sa.String, "Name for people")
    owner_path: list[str] = column(sa.JSON, "Addresses from the wallet to the holder of the account")
    debt_is_recourse: bool = column(sa.Boolean, "False: walking away costs no more than the account")
    rule_family: str | None = column(
        sa.String, "Rule family that loads `rule`; NULL: nothing can liquidate it", nullable=True
    )
    rule: dict[str, Any] | None = column(
        sa.JSON(none_as_null=True),
        "The protocol's solvency test as integers (those above 53 bits as text)",
        nullable=True,
    )
    native_power_raw: int | None = raw(
        "N recomputed by the rule at the block: risk-adjusted collateral or margin, 10^-native_decimals",
        signed=True,
        nullable=True,
    )
    native_requirement_raw: int | None = raw(
        "Q recomputed by the rule at the block: debt or maintenance margin, 10^-native_decimals",
        nullable=True,
    )
    native_decimals: int | None = column(
        sa.BigInteger, "Decimals of N and Q, the venue's currency", nullable=True
    )
    native_health_raw: int | None = raw(
        "N/Q recomputed by the rule at the block, 10^-18; NULL: nothing is required",
        signed=True,
        nullable=True,
    )
    native_liquidatable: bool | None = column(
        sa.Boolean, "Whether the rule says that it can be liquidated now", nullable=True
    )
    reported_health_raw: int | None = raw(
        "N/Q as the protocol answers, 10^-18; NULL: nothing is required, or no answer (reported_origin NULL)",
        signed=True,
        nullable=True,
    )
    reported_liquidatable: bool | None = column(
        sa.Boolean, "The protocol's own flag; NULL: it has none", nullable=True
    )
    reported_liquidation_price_raw: int | None = raw(
        "USD, 10^-18, as the protocol answers; NULL: it has none", signed=True, nullable=True
    )
    reported_origin: str | None = column(sa.String, ORIGIN, nullable=True)
    observed_at: datetime | None = column(
        sa.DateTime, "UTC time at which a venue said it; NULL: it was read at the block", nullable=True
    )
    observed_endpoint: str | None = column(sa.String, "Name of that venue", nullable=True)
    observed_hash: str | None = column(sa.String, "SHA-256 of what the venue said, 0x hex", nullable=True)


@checked
class PositionRow(Table, table=True):
    """One position; which columns are set depends on `kind`."""

    __tablename__ = "position"
    __table_args__ = ({"comment": "Positions as read; exact integers, the columns of other kinds are NULL"},)
    __mapper_args__: ClassVar[dict[str, Any]] = rows_by("snapshot_id", "account_id", "ordinal")

    snapshot_id: str = column(sa.String, SNAPSHOT_ID)
    account_id: str = column(sa.String, ACCOUNT_ID)
    ordinal: int = column(sa.BigInteger, "Position in the account, from 0")
    kind: str = column(OneOf("holding", "supply", "debt", "perp", "option"), "Kind of position")
    chain_id: int = column(sa.BigInteger, "EIP-155 chain id")
    block_number: int = column(sa.BigInteger, BLOCK_NUMBER)
    block_hash: str = column(sa.String, BLOCK_HASH)
    origin: str = column(sa.String, ORIGIN)
    asset_id: str = column(sa.String, "Asset held or owed; of perps and options the settlement asset")
    symbol: str = column(sa.String, "Symbol of that asset as its contract spells it: untrusted text")
    decimals: int = column(sa.BigInteger, "Decimals of that asset")
    amount_raw: int | None = raw(
        "holding, supply, debt: amount, 10^-decimals; debt is positive", nullable=True
    )
    is_collateral: bool | None = column(sa.Boolean, "supply: counts as collateral", nullable=True)
    rate_mode: str | None = column(OneOf("variable", "stable"), "debt: kind of interest rate", nullable=True)
    apr: float | None = column(
        FiniteFloat,
        "supply, debt: simple interest per year at the block's rates; 0.05 is 5%; NULL: not known",
        nullable=True,
    )
    market: str | None = column(sa.String, "perp: market; option: instrument", nullable=True)
    index_asset_id: str | None = column(sa.String, "perp, option: asset of the index price", nullable=True)
    underlying: str | None = column(sa.String, "perp, option: underlying, such as ETH", nullable=True)
    size_raw: int | None = raw(
        "perp, option: signed size in the underlying, 10^-size_decimals; short < 0",
        signed=True,
        nullable=True,
    )
    size_decimals: int | None = column(sa.BigInteger, "perp, option: decimals of size_raw", nullable=True)
    price_decimals: int | None = column(
        sa.BigInteger, "perp, option: decimals of entry, mark and strike prices", nullable=True
    )
    entry_price_raw: int | None = raw(
        "perp: entry price in the settlement asset, 10^-price_decimals", signed=True, nullable=True
    )
    mark_price_raw: int | None = raw(
        "perp, option: mark per unit in the settlement asset, 10^-price_decimals; NULL: the option has none",
        signed=True,
        nullable=True,
    )
    pnl_raw: int | None = raw("perp: unrealised profit, 10^-decimals", signed=True, nullable=True)
    funding_24h_raw: int | None = raw(
        "perp: funding of the next 24 hours at today's rate, paid < 0, 10^-decimals; NULL: unknown",
        signed=True,
        nullable=True,
    )
    funding_raw: int | None = raw(
        "perp: accrued funding, received > 0, 10^-decimals", signed=True, nullable=True
    )
    borrowing_raw: int | None = raw(
        "perp: accrued borrowing fees, paid < 0, 10^-decimals; NULL: none are charged",
        signed=True,
        nullable=True,
        checked=False,
    )
    borrowing_24h_raw: int | None = raw(
        "perp: borrowing fees of 24 hours at today's rate, paid < 0, 10^-decimals; NULL: unknown, or none",
        signed=True,
        nullable=True,
        checked=False,
    )
    option_right: str | None = column(OneOf("call", "put"), "option: right", nullable=True)
    option_style: str | None = column(
        OneOf("european", "american"),
        "option: exercise; american without an expiry: perpetual",
        nullable=True,
    )
    strike_raw: int | None = raw(
        "option: strike in the settlement asset, 10^-price_decimals", signed=True, nullable=True
    )
    expiry: datetime | None = column(
        sa.DateTime, "option: UTC time of expiry; NULL: perpetual", nullable=True
    )
    iv: float | None = column(FiniteFloat, "option: implied volatility per year; 0.65 is 65%", nullable=True)
    iv_source: str | None = column(sa.String, "option: where iv comes from", nullable=True)
    rate: float | None = column(FiniteFloat, "option: continuous interest rate per year", nullable=True)
    option_delivery: str | None = column(
        sa.String, "option: physical where exercise delivers the underlying; NULL: cash", nullable=True
    )
    multiplier_raw: int | None = raw(
        "option: underlying per contract, 10^-size_decimals; NULL: the protocol counts in the underlying",
        nullable=True,
        checked=False,
    )
    mark_source: str | None = column(sa.String, "option: where the mark comes from", nullable=True)
    value_usd: Decimal | None = column(
        USD,
        "Signed value in USD at the snapshot's price; perp: profit, funding and borrowing; NULL: no mark",
        nullable=True,
    )
