"""One DuckDB file of snapshots: save, list, load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, select

from aggregator.contract import Deployment, RuleFamily
from aggregator.model.errors import StoreError
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import RiskResult
from aggregator.model.units import Address
from aggregator.store import bulk, identity, loading
from aggregator.store.columns import Table, table_of, utc
from aggregator.store.opening import Opening
from aggregator.store.risk_rows import result_row, risk_columns
from aggregator.store.risk_tables import RiskResultRow
from aggregator.store.rows import reading_columns
from aggregator.store.saved import Origin, SavedSnapshot, StoredSnapshot, Summary, Trigger
from aggregator.store.tables import BlockRow, NoteRow, SnapshotRow


class Warehouse:
    """The snapshots in one DuckDB file; opens it only for the length of a transaction.

    The file and its folder are made by the first save. `lock_timeout_s` bounds how long to wait for another
    process that has the file open.
    """

    def __init__(self, path: Path, *, lock_timeout_s: float = 10.0) -> None:
        self.path = path
        self._opening = Opening(path, lock_timeout_s=lock_timeout_s)

    def save(
        self,
        portfolio: Portfolio,
        result: RiskResult,
        *,
        expected: Sequence[Deployment],
        tool_version: str,
        taken_at: datetime,
        trigger: Trigger = "health",
        source: Origin = "chain",
    ) -> SavedSnapshot:
        """Keep what was read and what risk said of it, in one transaction.

        The id is determined by wallet, blocks, what was read, tool, parameters and scenarios; where it is
        there already nothing is written. `expected` are the deployments that were to be read, `taken_at`
        is an aware time. Raises StoreLocked, StoreError (also on a value that can't be stored), and ReadError
        where a rule can't be evaluated at its own block; nothing is left then.
        """
        if len(expected) != portfolio.coverage.expected:
            told = f"{len(expected)} deployments are named, {portfolio.coverage.expected} were to be read"
            raise StoreError(str(self.path), f"the snapshot would misstate its coverage: {told}")
        taken = taken_at.astimezone(UTC).replace(tzinfo=None)
        try:
            reading = reading_columns(portfolio, expected)
            content = identity.content_hash({table_of(row).name: cols for row, cols in reading.items()})
            snapshot_id = identity.snapshot_id(portfolio, result, content, taken, tool_version)
            first = SnapshotRow(
                snapshot_id=snapshot_id,
                wallet=portfolio.wallet,
                as_of=identity.as_of(portfolio, taken),
                taken_at=taken,
                trigger=trigger,
                source=source,
                status=_status(portfolio),
                reads_expected=portfolio.coverage.expected,
                reads_ok=portfolio.coverage.ok,
                reads_failed=portfolio.coverage.failed,
                skew_s=_skew_s(portfolio),
                tool_version=tool_version,
                content_hash=content,
            )
            single = [first, *_blocks(portfolio, snapshot_id), *_notes(portfolio, result, snapshot_id)]
            single.append(result_row(snapshot_id, result))
            columns = reading | risk_columns(result)
            created = self._opening.write(lambda connection: _write(connection, snapshot_id, single, columns))
        except (ValueError, OverflowError) as error:
            raise StoreError(str(self.path), f"nothing was saved: {error}") from error
        return SavedSnapshot(snapshot_id, created)

    def snapshots(self, wallet: Address | None = None) -> list[Summary]:
        """All snapshots (of one wallet), newest first; none where the file does not exist yet."""
        if not self.path.exists():
            return []

        def listed(connection: sa.Connection) -> list[Summary]:
            statement = (
                select(SnapshotRow, RiskResultRow)
                .where(SnapshotRow.snapshot_id == RiskResultRow.snapshot_id)
                .order_by(sa.desc("as_of"), sa.desc("taken_at"), SnapshotRow.snapshot_id)
            )
            if wallet is not None:
                statement = statement.where(SnapshotRow.wallet == wallet)
            with Session(connection) as session:
                return [loading.summary(row, result) for row, result in session.exec(statement)]

        return self._opening.read(listed)

    def load(self, snapshot_id: str, families: Mapping[str, RuleFamily]) -> StoredSnapshot:
        """A snapshot as it was saved; its rules recompute health without a chain.

        `families` are the installed rule families by name. Raises StoreError where there is no such snapshot
        or a family is missing.
        """

        def loaded(connection: sa.Connection) -> StoredSnapshot | None:
            with Session(connection) as session:
                row = session.get(SnapshotRow, snapshot_id)
                return None if row is None else loading.load(session, row, families)

        try:
            stored = self._opening.read(loaded) if self.path.exists() else None
        except ValueError as error:
            raise StoreError(str(self.path), f"snapshot {snapshot_id} can't be loaded: {error}") from error
        if stored is None:
            raise StoreError(str(self.path), f"it holds no snapshot {snapshot_id}: list them first")
        return stored


def _write(
    connection: sa.Connection,
    snapshot_id: str,
    single: Sequence[Table],
    columns: Mapping[type[SQLModel], bulk.Columns],
) -> bool:
    """Write a snapshot unless it is there; whether it was written."""
    with Session(connection) as session:
        if session.get(SnapshotRow, snapshot_id) is not None:
            return False
        # A copy, because a transaction that is repeated needs rows that no session has seen.
        session.add_all([type(row)(**row.model_dump()) for row in single])
        session.flush()
        for row, values in columns.items():
            length = len(next(iter(values.values())))
            bulk.insert(connection, row, {**values, "snapshot_id": [snapshot_id] * length})
        for row in dict.fromkeys([*map(type, single), *columns]):
            bulk.check_unique(connection, row, snapshot_id)
    return True


def _status(portfolio: Portfolio) -> str:
    if portfolio.coverage.complete and not portfolio.failures:
        return "complete"
    return "partial" if portfolio.coverage.ok else "failed"


def _skew_s(portfolio: Portfolio) -> int | None:
    times = [block.timestamp for block in portfolio.blocks.values()]
    return max(times) - min(times) if times else None


def _blocks(portfolio: Portfolio, snapshot_id: str) -> list[BlockRow]:
    return [
        BlockRow(
            snapshot_id=snapshot_id,
            chain_id=block.chain,
            block_number=block.number,
            block_hash=block.hash,
            parent_hash=block.parent_hash,
            block_time=utc(block.timestamp),
        )
        for block in portfolio.blocks.values()
    ]


def _notes(portfolio: Portfolio, result: RiskResult, snapshot_id: str) -> list[NoteRow]:
    kinds = {
        "warning": portfolio.warnings,
        "unverified": portfolio.coverage.unverified,
        "flag": result.flags,
    }
    return [
        NoteRow(snapshot_id=snapshot_id, kind=kind, ordinal=i, text=text)
        for kind, texts in kinds.items()
        for i, text in enumerate(texts)
    ]
