"""The rows of one snapshot as the objects they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, select

from aggregator.contract import RuleFamily
from aggregator.model.accounts import Account, Observation, Reported
from aggregator.model.assets import Asset, AssetId, Classification
from aggregator.model.errors import PastReadError
from aggregator.model.holders import Holder
from aggregator.model.oracles import OraclePrice
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Position, Supply
from aggregator.model.readings import Failure, Quote
from aggregator.model.results import Band, RiskResult, Verdict
from aggregator.model.rules import Rule
from aggregator.model.units import Address, ChainId
from aggregator.store.account_tables import AccountRow, PositionRow
from aggregator.store.columns import unix
from aggregator.store.pinned import block
from aggregator.store.requirement_rows import to_comparison, to_survival
from aggregator.store.requirement_tables import MarginComparisonRow, SurvivalPointRow
from aggregator.store.risk_rows import to_result
from aggregator.store.risk_tables import (
    AccountRiskRow,
    AssetLiquidationPointRow,
    GreekRow,
    LiquidationPointRow,
    PositionGreekRow,
    RiskResultRow,
    ScenarioAccountLossRow,
    ScenarioLossRow,
    ValueAtRiskRow,
)
from aggregator.store.saved import StoredSnapshot, Summary
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

_DERIVATIVE = ("market", "index_asset_id", "underlying", "size_raw", "size_decimals", "price_decimals")
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "holding": ("amount_raw",),
    "supply": ("amount_raw", "is_collateral"),
    "debt": ("amount_raw", "rate_mode"),
    "perp": (*_DERIVATIVE, "entry_price_raw", "mark_price_raw", "pnl_raw", "funding_raw"),
    "option": (*_DERIVATIVE, "option_right", "option_style", "strike_raw", "rate"),
}
"""Columns that may be NULL in other kinds of position, but not in this one."""


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
        accounts=_accounts(session, snapshot, families),
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
    """A snapshot's rows of one table, in the order in which they were given."""
    columns = sa.inspect(row).columns
    ordered = [columns[name] for name in ("ordinal",) if name in columns]
    statement = select(row).where(columns["snapshot_id"] == snapshot.snapshot_id).order_by(*ordered)
    return session.exec(statement).all()


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


def _accounts(
    session: Session, snapshot: SnapshotRow, families: Mapping[str, RuleFamily]
) -> tuple[Account, ...]:
    positions: dict[str, list[Position]] = {}
    for row in rows_of(session, PositionRow, snapshot):
        positions.setdefault(row.account_id, []).append(_position(row))
    return tuple(
        Account(
            id=row.account_id,
            protocol=row.protocol,
            kind=cast("Any", row.kind),
            chain=ChainId(row.chain_id),
            label=row.label,
            owner_path=tuple(Address(address) for address in row.owner_path),
            positions=tuple(positions.get(row.account_id, ())),
            rule=_rule(row, families),
            reported=_reported(row),
            debt_is_recourse=row.debt_is_recourse,
            observed=observed(row),
        )
        for row in rows_of(session, AccountRow, snapshot)
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


def _rule(row: AccountRow, families: Mapping[str, RuleFamily]) -> Rule | None:
    if row.rule_family is None or row.rule is None:
        return None
    family = families.get(row.rule_family)
    if family is None:
        raise ValueError(
            f"account {row.account_id} needs the rule family {row.rule_family}: install its adapter"
        )
    return family.load(row.rule)


def _reported(row: AccountRow) -> Reported | None:
    if row.reported_origin is None:
        return None
    return Reported(
        health=row.reported_health_raw,
        liquidatable=row.reported_liquidatable,
        liquidation_price=row.reported_liquidation_price_raw,
        origin=row.reported_origin,
    )


def observed(row: AccountRow) -> Observation | None:
    """Which venue answered for an account; raises ValueError where only a part of that is there."""
    told = (row.observed_at, row.observed_endpoint, row.observed_hash)
    if told == (None, None, None):
        return None
    if row.observed_at is None or row.observed_endpoint is None or row.observed_hash is None:
        raise ValueError(f"account {row.account_id} is of a venue of which a part is missing")
    return Observation(unix(row.observed_at), row.observed_endpoint, row.observed_hash)


def _position(row: PositionRow) -> Position:
    missing = [name for name in _REQUIRED.get(row.kind, ()) if getattr(row, name) is None]
    if missing:
        raise ValueError(f"account {row.account_id} holds a {row.kind} without {', '.join(missing)}")
    # The cast gives columns that are NULL in other kinds the type that they have in this one.
    of: Any = cast("Any", row)
    asset = Asset(AssetId(row.asset_id), row.symbol, row.decimals)
    match row.kind:
        case "holding":
            return Holding(asset, of.amount_raw, row.origin)
        case "supply":
            return Supply(asset, of.amount_raw, of.is_collateral, row.origin, of.apr)
        case "debt":
            return Debt(asset, of.amount_raw, of.rate_mode, row.origin, of.apr)
        case "perp":
            return Perp(
                market=of.market,
                index=AssetId(of.index_asset_id),
                underlying=of.underlying,
                size_raw=of.size_raw,
                size_decimals=of.size_decimals,
                entry_price_raw=of.entry_price_raw,
                mark_price_raw=of.mark_price_raw,
                price_decimals=of.price_decimals,
                pnl_raw=of.pnl_raw,
                funding_raw=of.funding_raw,
                funding_24h_raw=of.funding_24h_raw,
                settlement=asset,
                origin=row.origin,
                borrowing_raw=of.borrowing_raw or 0,
                borrowing_24h_raw=of.borrowing_24h_raw if of.borrowing_raw is not None else 0,
            )
        case "option":
            return Option(
                instrument=of.market,
                index=AssetId(of.index_asset_id),
                underlying=of.underlying,
                right=of.option_right,
                style=_style(row),
                size_raw=of.size_raw,
                size_decimals=of.size_decimals,
                strike_raw=of.strike_raw,
                price_decimals=of.price_decimals,
                expiry=None if of.expiry is None else unix(of.expiry),
                settlement=asset,
                mark_raw=of.mark_price_raw,
                iv=of.iv,
                iv_source=of.iv_source,
                rate=of.rate,
                origin=row.origin,
                delivery=of.option_delivery or "cash",
                multiplier_raw=of.multiplier_raw,
                mark_source=of.mark_source,
            )
        case kind:
            raise ValueError(f"account {row.account_id} holds a position of unknown kind {kind}")


def _style(row: PositionRow) -> Any:
    """A perpetual option is kept as an American one without expiry; a European one without is refused."""
    return "perpetual" if row.expiry is None and row.option_style == "american" else row.option_style


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
