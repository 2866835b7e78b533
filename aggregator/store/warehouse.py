"""One DuckDB file of snapshots, of whom to follow, and of how schedules ran."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlmodel import Session, select

from aggregator.contract import Deployment, RuleFamily
from aggregator.model.comparison import Requirement
from aggregator.model.errors import StoreError
from aggregator.model.portfolio import Portfolio
from aggregator.model.readings import Block
from aggregator.model.results import RiskResult
from aggregator.model.units import Address
from aggregator.store import follow, lifecycle, loading, pinned, runs, saving, verifying
from aggregator.store.opening import Opening
from aggregator.store.publishing import publish, published_path
from aggregator.store.risk_tables import RiskResultRow
from aggregator.store.saved import (
    Origin,
    SavedSnapshot,
    ScheduleRun,
    StoredSnapshot,
    Summary,
    Trigger,
    Verified,
    WalletEntry,
)
from aggregator.store.saving import Saving
from aggregator.store.tables import SnapshotRow
from aggregator.store.wallet_tables import LatestRow

T = TypeVar("T")


class Warehouse:
    """One DuckDB file; it is open only for the length of a transaction.

    The file and its folder are made by the first change. `lock_timeout_s` bounds how long to wait for another
    process that has the file open. Every method raises StoreLocked or StoreError where the file can't be
    used; nothing is changed then. Readers beside a writer use `for_reading()`.
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
        comparison: Sequence[Requirement] = (),
    ) -> SavedSnapshot:
        """`save_many` of one."""
        one = Saving(portfolio, result, expected, tool_version, taken_at, trigger, source, comparison)
        return self.save_many([one])[0]

    def save_many(self, items: Iterable[Saving]) -> list[SavedSnapshot]:
        """Keep what was read and what risk said of it, all in one transaction; answers in the same order.

        An id is determined by wallet, blocks, what was read, tool, parameters and scenarios; where it is
        there already nothing is written. Raises StoreError on a value that can't be stored too, and ReadError
        where a rule can't be evaluated at its own block.
        """
        try:
            prepared = [saving.prepare(item) for item in items]
            return self._opening.write(lambda connection: saving.write(connection, prepared))
        except (ValueError, OverflowError) as error:
            raise StoreError(str(self.path), f"nothing was saved: {error}") from error

    def snapshots(self, wallet: Address | None = None, *, limit: int | None = None) -> list[Summary]:
        """All snapshots (of one wallet), the newest first; none where the file does not exist yet."""

        def listed(connection: sa.Connection) -> list[Summary]:
            statement = (
                select(SnapshotRow, RiskResultRow)
                .where(SnapshotRow.snapshot_id == RiskResultRow.snapshot_id)
                .order_by(sa.desc("as_of"), sa.desc("taken_at"), SnapshotRow.snapshot_id)
                .limit(limit)
            )
            if wallet is not None:
                statement = statement.where(SnapshotRow.wallet == wallet)
            with Session(connection) as session:
                return [loading.summary(row, result) for row, result in session.exec(statement)]

        return self._read(listed, [])

    def latest(self, wallet: Address) -> Summary | None:
        """The newest complete or partial snapshot of a wallet, None where there is none."""

        def found(connection: sa.Connection) -> Summary | None:
            statement = (
                select(SnapshotRow, RiskResultRow)
                .where(LatestRow.wallet == wallet, LatestRow.snapshot_id == SnapshotRow.snapshot_id)
                .where(SnapshotRow.snapshot_id == RiskResultRow.snapshot_id)
            )
            with Session(connection) as session:
                row = session.exec(statement).one_or_none()
                return None if row is None else loading.summary(*row)

        return self._read(found, None)

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
            stored = self._read(loaded, None)
        except loading.DAMAGED as error:
            raise StoreError(str(self.path), f"snapshot {snapshot_id} can't be loaded: {error}") from error
        if stored is None:
            raise StoreError(str(self.path), f"it holds no snapshot {snapshot_id}: list them first")
        return stored

    def blocks(self, ids: Collection[str]) -> dict[str, tuple[Block, ...]]:
        """The blocks of each of these snapshots; one that read no chain, or is not there, is left out."""
        return self._read(lambda connection: pinned.blocks(connection, ids), {})

    def mark_orphaned(self, ids: Collection[str]) -> int:
        """Snapshots of reorganised blocks: out of `latest`; returns how many were not marked yet.

        Reading the same blocks again takes the mark away: a reorganisation may be undone.
        """
        return self._opening.write(lambda connection: lifecycle.mark_orphaned(connection, ids))

    def mark_canonical(self, ids: Collection[str]) -> int:
        """Snapshots whose blocks are on the chain after all; returns how many were marked as orphaned."""
        return self._opening.write(lambda connection: lifecycle.mark_canonical(connection, ids))

    def verify(self, snapshot_id: str, families: Mapping[str, RuleFamily]) -> Verified:
        """Compare a snapshot with what follows from it; see `verifying.verify`.

        Raises StoreError where there is no such snapshot.
        """

        def verified(connection: sa.Connection) -> Verified | None:
            with Session(connection) as session:
                row = session.get(SnapshotRow, snapshot_id)
                return None if row is None else verifying.verify(session, row, families)

        found = self._read(verified, None)
        if found is None:
            raise StoreError(str(self.path), f"it holds no snapshot {snapshot_id}: list them first")
        return found

    def prune(
        self,
        *,
        keep_last: int | None = None,
        before: datetime | None = None,
        dry_run: bool = False,
    ) -> int:
        """Delete old snapshots; returns how many. See `lifecycle.prunable` for which."""

        def pruned(connection: sa.Connection) -> int:
            ids = lifecycle.prunable(connection, keep_last=keep_last, before=before)
            if not dry_run:
                lifecycle.delete(connection, ids)
            return len(ids)

        if not self.path.exists():
            return 0
        return self._opening.read(pruned) if dry_run else self._opening.write(pruned)

    def add_wallet(
        self,
        address: Address,
        label: str | None = None,
        groups: Iterable[str] = (),
        *,
        added_at: datetime | None = None,
    ) -> bool:
        """Follow a wallet and put it into groups; whether it was new. A label replaces the former one."""
        when, names = added_at or datetime.now(UTC), tuple(groups)
        return self._opening.write(lambda c: follow.add(c, address, label, names, when))

    def remove_wallet(self, address: Address) -> bool:
        """Follow a wallet no longer, in no group; whether it was followed. Its snapshots stay."""
        return self._opening.write(lambda connection: follow.remove(connection, address))

    def leave_group(self, group: str, addresses: Collection[Address]) -> int:
        """Take wallets out of a group; returns how many were in it."""
        return self._opening.write(lambda connection: follow.leave(connection, group, addresses))

    def wallets(self, group: str | None = None) -> list[WalletEntry]:
        """The wallets that the user follows (those of one group), in the order in which they were added."""
        return self._read(lambda connection: follow.listed(connection, group), [])

    def record_run(self, run: ScheduleRun) -> None:
        """Keep how a due slot ended; a slot that is recorded again replaces what was said of it."""
        self.record_runs([run])

    def record_runs(self, ended: Iterable[ScheduleRun]) -> None:
        """`record_run` of several in one transaction."""
        kept = tuple(ended)

        def record(connection: sa.Connection) -> None:
            for run in kept:
                runs.record(connection, run)

        self._opening.write(record)

    def runs(self, job: str | None = None, since: datetime | None = None) -> list[ScheduleRun]:
        """How due slots (of one job, due at or after an aware time) ended, the earliest first."""
        return self._read(lambda connection: runs.listed(connection, job, since), [])

    def publish(self) -> Path:
        """Replace the copy that readers use by the database as it is now; returns the copy's path."""
        return publish(self._opening)

    def reading(self) -> Path:
        """The file that readers open: the published copy, or the database itself where there is none.

        It has the present schema; the path names nothing where nothing was ever saved.
        """
        copy = published_path(self.path)
        if not copy.exists():
            if self.path.exists() and not self._opening.is_current():
                self._opening.write(lambda _: None)
            return self.path
        if not Opening(copy, lock_timeout_s=self._opening.lock_timeout_s).is_current():
            return self.publish()
        return copy

    def for_reading(self) -> Warehouse:
        """This warehouse as readers see it; change nothing through it."""
        return Warehouse(self.reading(), lock_timeout_s=self._opening.lock_timeout_s)

    def _read(self, work: Callable[[sa.Connection], T], nothing: T) -> T:
        return self._opening.read(work) if self.path.exists() else nothing
