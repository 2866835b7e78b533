"""Snapshots as rows, and their write: everything that belongs to one, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from aggregator.contract import Deployment
from aggregator.model.comparison import Requirement
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import RiskResult
from aggregator.store import bulk, identity, latest
from aggregator.store.columns import table_of, utc
from aggregator.store.requirement_rows import comparison_columns
from aggregator.store.requirement_tables import MarginComparisonRow
from aggregator.store.risk_rows import risk_columns
from aggregator.store.rows import reading_columns
from aggregator.store.saved import Origin, SavedSnapshot, Trigger
from aggregator.store.tables import BlockRow, NoteRow, SnapshotRow


@dataclass(frozen=True, slots=True)
class Saving:
    """A snapshot to save: `expected` are the deployments that were to be read, `taken_at` an aware time."""

    portfolio: Portfolio
    result: RiskResult
    expected: Sequence[Deployment]
    tool_version: str
    taken_at: datetime
    trigger: Trigger = "health"
    source: Origin = "chain"
    comparison: Sequence[Requirement] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A snapshot as rows: its own, and the columns of each other table without `snapshot_id`."""

    id: str
    snapshot: Mapping[str, Any]
    tables: Mapping[type[SQLModel], bulk.Columns]


def prepare(saving: Saving) -> Prepared:
    """The rows of a snapshot.

    Raises ValueError or OverflowError on what can't be stored, and ReadError where a rule can't be evaluated
    at its own block.
    """
    coverage = saving.portfolio.coverage
    if len(saving.expected) != coverage.expected:
        told = f"{len(saving.expected)} deployments are named, {coverage.expected} were to be read"
        raise ValueError(f"the snapshot would misstate its coverage: {told}")
    return rows(saving)


def rows(saving: Saving) -> Prepared:
    """`prepare` without a comparison of `expected`, of which only those that were read make rows."""
    portfolio, coverage = saving.portfolio, saving.portfolio.coverage
    taken = saving.taken_at.astimezone(UTC).replace(tzinfo=None)
    reading = reading_columns(portfolio, saving.expected)
    content = identity.content_hash(_named(reading))
    snapshot_id = identity.snapshot_id(portfolio, saving.result, content, taken, saving.tool_version)
    tables: dict[type[SQLModel], bulk.Columns] = {
        **reading,
        BlockRow: _blocks(portfolio),
        NoteRow: _notes(portfolio, saving.result),
        **risk_columns(saving.result),
        MarginComparisonRow: comparison_columns(saving.comparison),
    }
    snapshot = {
        "snapshot_id": snapshot_id,
        "wallet": portfolio.wallet,
        "as_of": identity.as_of(portfolio, taken),
        "taken_at": taken,
        "trigger": saving.trigger,
        "source": saving.source,
        "status": status(portfolio),
        "reads_expected": coverage.expected,
        "reads_ok": coverage.ok,
        "reads_failed": coverage.failed,
        "skew_s": _skew_s(portfolio),
        "tool_version": saving.tool_version,
        "content_hash": content,
    }
    rows_hash = identity.rows_hash({name: [value] for name, value in snapshot.items()}, _named(tables))
    return Prepared(snapshot_id, {**snapshot, "rows_hash": rows_hash}, tables)


def write(connection: sa.Connection, prepared: Sequence[Prepared]) -> list[SavedSnapshot]:
    """Write the snapshots that are not there, and what is the latest of their wallets.

    One that was orphaned and has been read again at the same blocks counts again. Raises ValueError where two
    rows of a snapshot share their natural key.
    """
    there = _statuses(connection, [one.id for one in prepared])
    new = {one.id: one for one in reversed(prepared) if one.id not in there}
    again = [one for one in prepared if there.get(one.id) == "orphaned"]
    if new:
        _insert(connection, list(new.values()))
    snapshot = table_of(SnapshotRow)
    for one in again:
        restored = snapshot.update().where(snapshot.c.snapshot_id == one.id)
        connection.execute(restored.values(status=one.snapshot["status"]))
    changed = {one.snapshot["wallet"] for one in [*new.values(), *again]}
    if changed:
        latest.refresh(connection, changed)
    seen = set(there)
    saved = []
    for one in prepared:
        saved.append(SavedSnapshot(one.id, created=one.id not in seen))
        seen.add(one.id)
    return saved


def status(portfolio: Portfolio) -> str:
    """What `snapshot.status` is where nothing was reorganised."""
    if portfolio.coverage.complete and not portfolio.failures:
        return "complete"
    return "failed" if portfolio.nothing_read else "partial"


def _statuses(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    snapshot = table_of(SnapshotRow).c
    with bulk.texts(connection, ids) as these:
        chosen = sa.select(snapshot.snapshot_id, snapshot.status).where(snapshot.snapshot_id.in_(these))
        return {row.snapshot_id: row.status for row in connection.execute(chosen)}


def _insert(connection: sa.Connection, new: Sequence[Prepared]) -> None:
    first = [one.snapshot for one in new]
    bulk.insert(connection, SnapshotRow, {name: [row[name] for row in first] for name in first[0]})
    ids = [one.id for one in new]
    for row, columns in new[0].tables.items():
        parts = [one.tables[row] for one in new]
        together: dict[str, Sequence[object]] = {
            name: list(chain.from_iterable(part[name] for part in parts)) for name in columns
        }
        lengths = [len(next(iter(part.values()))) for part in parts]
        owners = [i for i, length in zip(ids, lengths, strict=True) for _ in range(length)]
        whole = {**together, "snapshot_id": owners}
        bulk.check_unique(row, whole)
        bulk.insert(connection, row, whole)


def _named(tables: Mapping[type[SQLModel], bulk.Columns]) -> dict[str, bulk.Columns]:
    return {table_of(row).name: columns for row, columns in tables.items()}


def _skew_s(portfolio: Portfolio) -> int | None:
    times = [block.timestamp for block in portfolio.blocks.values()]
    return max(times) - min(times) if times else None


def _blocks(portfolio: Portfolio) -> bulk.Columns:
    blocks = list(portfolio.blocks.values())
    return {
        "chain_id": [block.chain for block in blocks],
        "block_number": [block.number for block in blocks],
        "block_hash": [block.hash for block in blocks],
        "parent_hash": [block.parent_hash for block in blocks],
        "block_time": [utc(block.timestamp) for block in blocks],
    }


def _notes(portfolio: Portfolio, result: RiskResult) -> bulk.Columns:
    kinds = {
        "warning": portfolio.warnings,
        "unverified": portfolio.coverage.unverified,
        "flag": result.flags,
    }
    notes = [(kind, i, text) for kind, texts in kinds.items() for i, text in enumerate(texts)]
    return {
        "kind": [note[0] for note in notes],
        "ordinal": [note[1] for note in notes],
        "text": [note[2] for note in notes],
    }
