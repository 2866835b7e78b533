"""The rows of one snapshot as the objects they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, select

from aggregator.contract import RuleFamily
from aggregator.model.assets import AssetId, Classification
from aggregator.model.errors import PastReadError
from aggregator.model.holders import Holder
from aggregator.model.oracles import OraclePrice
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.readings import Failure, Quote
from aggregator.model.results import Band, RiskResult, Verdict
from aggregator.model.units import Address, ChainId
from aggregator.store.account_risk_tables import AccountRiskRow, AssetLiquidationPointRow, LiquidationPointRow
from aggregator.store.account_tables import AccountRow, PositionRow
from aggregator.store.columns import table_of, unix
from aggregator.store.greek_tables import GreekRow, PositionGreekRow
from aggregator.store.pinned import block
from aggregator.store.requirement_rows import to_comparison, to_survival
from aggregator.store.requirement_tables import MarginComparisonRow, SurvivalPointRow
from aggregator.store.risk_rows import to_result
from aggregator.store.risk_tables import (
    RiskResultRow,
    ScenarioAccountLossRow,
    ScenarioLossRow,
    ValueAtRiskRow,
)
from aggregator.store.saved import StoredSnapshot, Summary
from aggregator.store.stored_accounts import accounts_of
from aggregator.store.tables import (
    AssetClassRow,
    BlockRow,
    HolderRow,
    NoteRow,
    PriceRow,
    PriceSourceRow,
    ReadStatusRow,
    SnapshotRow,
    SpotRow,
    StalenessRow,
)

ROW = TypeVar("ROW", bound=SQLModel)

# Damaged rows reach rules of every family, and arithmetic without end: there is no telling which it will be.
DAMAGED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What rows raise, while they are loaded or evaluated, that nobody saved so."""


def load(session: Session, snapshot: SnapshotRow, families: Mapping[str, RuleFamily]) -> StoredSnapshot:
    """A snapshot's portfolio and result, equal to those that were saved.

    Raises ValueError where a rule's family is not among `families` or does not accept its data.
    """
    results = rows_of(session, RiskResultRow, snapshot)
    if len(results) != 1:
        raise ValueError(f"{len(results)} rows of risk_result belong to it, not one")
    [result_row] = results
    notes = rows_of(session, NoteRow, snapshot)

    def texts(kind: str) -> tuple[str, ...]:
        return tuple(note.text for note in notes if note.kind == kind)

    result = _result(session, snapshot, result_row, texts("flag"))
    portfolio = Portfolio(
        wallet=Address(snapshot.wallet),
        accounts=accounts_of(
            rows_of(session, AccountRow, snapshot), rows_of(session, PositionRow, snapshot), families
        ),
        marks={AssetId(row.asset_id): _quote(row) for row in rows_of(session, PriceRow, snapshot)},
        spots={row.underlying: row.price_usd for row in rows_of(session, SpotRow, snapshot)},
        classes={
            AssetId(row.asset_id): Classification(row.underlying, row.risk_class)
            for row in rows_of(session, AssetClassRow, snapshot)
        },
        blocks={ChainId(row.chain_id): block(row) for row in rows_of(session, BlockRow, snapshot)},
        failures=tuple(_failure(r) for r in rows_of(session, ReadStatusRow, snapshot) if r.status == "error"),
        coverage=Coverage(
            expected=snapshot.reads_expected,
            ok=snapshot.reads_ok,
            failed=snapshot.reads_failed,
            unverified=texts("unverified"),
        ),
        warnings=texts("warning"),
        staleness_days={r.underlying: r.staleness_days for r in rows_of(session, StalenessRow, snapshot)},
        holders=tuple(_holder(row) for row in rows_of(session, HolderRow, snapshot)),
        oracles=tuple(_oracle(row) for row in rows_of(session, PriceSourceRow, snapshot)),
    )
    comparison = to_comparison(rows_of(session, MarginComparisonRow, snapshot))
    return StoredSnapshot(summary(snapshot, result_row), portfolio, result, comparison)


def summary(snapshot: SnapshotRow, result: RiskResultRow) -> Summary:
    """One line about a snapshot."""
    return Summary(
        id=snapshot.snapshot_id,
        wallet=Address(snapshot.wallet),
        as_of=snapshot.as_of,
        taken_at=snapshot.taken_at,
        trigger=snapshot.trigger,
        source=snapshot.source,
        status=snapshot.status,
        reads_expected=snapshot.reads_expected,
        reads_ok=snapshot.reads_ok,
        reads_failed=snapshot.reads_failed,
        tool_version=snapshot.tool_version,
        content_hash=snapshot.content_hash,
        score=result.score,
        band=Band(result.band),
        verdict=Verdict(result.verdict),
    )


def rows_of(session: Session, row: type[ROW], snapshot: SnapshotRow) -> Sequence[ROW]:
    """A snapshot's rows of one table, in the order in which they were given; each table is read once.

    A session lasts for one transaction that only reads, so what it found stays true.
    """
    read: dict[tuple[type[SQLModel], str], Any] = session.info
    found = (row, snapshot.snapshot_id)
    if found not in read:
        columns = sa.inspect(row).columns
        ordered = [columns[name] for name in ("ordinal",) if name in columns]
        statement = select(row).where(columns["snapshot_id"] == snapshot.snapshot_id).order_by(*ordered)
        read[found] = session.exec(statement).all()
    return cast("Sequence[ROW]", read[found])


def values_of(row: SQLModel) -> dict[str, Any]:
    """A row's values by column."""
    return {name: getattr(row, name) for name in table_of(type(row)).columns.keys()}  # noqa: SIM118


def _result(
    session: Session, snapshot: SnapshotRow, row: RiskResultRow, flags: tuple[str, ...]
) -> RiskResult:
    accounts = rows_of(session, AccountRiskRow, snapshot)
    return to_result(
        row,
        estimates=rows_of(session, ValueAtRiskRow, snapshot),
        survival=to_survival(rows_of(session, SurvivalPointRow, snapshot), len(accounts)),
        accounts=accounts,
        points=rows_of(session, LiquidationPointRow, snapshot),
        asset_points=rows_of(session, AssetLiquidationPointRow, snapshot),
        greeks=rows_of(session, GreekRow, snapshot),
        position_greeks=rows_of(session, PositionGreekRow, snapshot),
        scenarios=rows_of(session, ScenarioLossRow, snapshot),
        losses=rows_of(session, ScenarioAccountLossRow, snapshot),
        flags=flags,
    )


def _holder(row: HolderRow) -> Holder:
    path = tuple(Address(address) for address in row.owner_path)
    if len(path) < 2 or path[-1] != row.address or len(row.via) != len(path) - 1:
        raise ValueError(f"{row.address} belongs to the wallet by a path that is none")
    return Holder(ChainId(row.chain_id), path, tuple(row.via), row.proven, row.counted, row.why_not)


def _oracle(row: PriceSourceRow) -> OraclePrice:
    return OraclePrice(
        asset=AssetId(row.asset_id),
        origin=row.origin,
        chain=None if row.chain_id is None else ChainId(row.chain_id),
        price_usd=row.price_usd,
        is_mark=row.is_mark,
        deviation=row.deviation,
        age_s=row.age_s,
        heartbeat_s=row.heartbeat_s,
        overdue_s=row.overdue_s,
    )


def _quote(row: PriceRow) -> Quote:
    return Quote(
        asset=AssetId(row.quoted_asset_id),
        price=row.price_raw,
        decimals=row.decimals,
        origin=row.origin,
        updated_at=None if row.updated_at is None else unix(row.updated_at),
        heartbeat_s=row.heartbeat_s,
        chain=None if row.chain_id is None else ChainId(row.chain_id),
    )


def _failure(row: ReadStatusRow) -> Failure:
    error = PastReadError(row.error_code or "", row.error_message or "")
    return Failure(row.adapter, row.deployment, ChainId(row.chain_id), Address(row.wallet), error)
