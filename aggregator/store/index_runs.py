"""Lists of wallets on their way into snapshots: where each run is, kept with the snapshots themselves."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aggregator.model.errors import StoreError, StoreLocked
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.store import bulk, saving
from aggregator.store.columns import table_of, utc
from aggregator.store.index_tables import IndexRunRow, IndexWalletRow
from aggregator.store.opening import Opening
from aggregator.store.saved import IndexRun
from aggregator.store.saving import Prepared

_OF_BLOCK = ("number", "hash", "parent_hash", "timestamp")


class IndexRuns:
    """Runs of one database; each method is one transaction and raises as those of `Warehouse` do."""

    def __init__(self, path: Path, *, lock_timeout_s: float = 10.0) -> None:
        self.path = path
        self._opening = Opening(path, lock_timeout_s=lock_timeout_s)

    def unfinished(self, task_hash: str) -> IndexRun | None:
        """The run of a task that can go on; None where there is none."""
        runs = table_of(IndexRunRow)
        mine = sa.select(runs).where(runs.c.task_hash == task_hash, runs.c.ended_at.is_(None))

        def found(connection: sa.Connection) -> IndexRun | None:
            rows = connection.execute(mine).all()
            return _run(rows[0]) if rows else None

        return self._opening.read(found) if self.path.exists() else None

    def wallets(self, run_id: str) -> list[Address]:
        """The wallets that were kept with a run; none where its source gives them again."""
        kept = table_of(IndexWalletRow).c
        mine = sa.select(kept.wallet).where(kept.run_id == run_id).order_by(kept.ordinal)
        return self._opening.read(lambda connection: [Address(w) for w in connection.execute(mine).scalars()])

    def begin(
        self,
        task_hash: str,
        source: str,
        blocks: Mapping[ChainId, Block],
        wallets: int,
        kept: Sequence[Address] = (),
    ) -> IndexRun:
        """A new run at these blocks; those of the same task that have not ended are given up.

        `kept` are the wallets where the source may give others the next time.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        run = IndexRun(_run_id(task_hash, blocks), source, blocks, wallets, 0, 0, 0, 0, now, None)
        columns = {"run_id": [run.id] * len(kept), "ordinal": range(len(kept)), "wallet": kept}

        def begun(connection: sa.Connection) -> None:
            _give_up(connection, task_hash, now)
            _put(connection, task_hash, run)
            bulk.insert(connection, IndexWalletRow, columns)

        self._opening.write(begun)
        return run

    def keep(self, run: IndexRun, prepared: Sequence[Prepared]) -> tuple[IndexRun, int]:
        """Keep the snapshots of a run's next wallets and that it has them, both or nothing.

        Answers where the run is now, ended where these were the last, and how many snapshots are new. Raises
        StoreLocked where another process has taken the run further meanwhile.
        """
        statuses = Counter(one.snapshot["status"] for one in prepared)
        done = run.done + len(prepared)
        now = datetime.now(UTC).replace(tzinfo=None)
        further = replace(
            run,
            done=done,
            complete=run.complete + statuses["complete"],
            partial=run.partial + statuses["partial"],
            failed=run.failed + statuses["failed"],
            ended_at=now if done == run.wallets else None,
        )

        def kept(connection: sa.Connection) -> int:
            self._check(connection, run)
            saved = saving.write(connection, prepared)
            self._note(connection, further)
            return sum(one.created for one in saved)

        try:
            return further, self._opening.write(kept)
        except ValueError as error:  # two rows of a snapshot with one key
            raise StoreError(str(self.path), f"nothing was saved: {error}") from error

    def _check(self, connection: sa.Connection, run: IndexRun) -> None:
        runs = table_of(IndexRunRow).c
        # All, not the first: DuckDB 2 does nothing else before an answer is read to its end.
        at = connection.execute(sa.select(runs.done, runs.ended_at).where(runs.run_id == run.id)).all()
        if [(row.done, row.ended_at) for row in at] != [(run.done, None)]:
            why = "another process goes on with this run, or began it anew: let one of them do it"
            raise StoreLocked(str(self.path), why)

    @staticmethod
    def _note(connection: sa.Connection, run: IndexRun) -> None:
        runs, wallets = table_of(IndexRunRow), table_of(IndexWalletRow)
        now = {name: getattr(run, name) for name in ("done", "complete", "partial", "failed", "ended_at")}
        connection.execute(runs.update().where(runs.c.run_id == run.id).values(**now))
        if run.ended_at is not None:
            connection.execute(wallets.delete().where(wallets.c.run_id == run.id))


def _give_up(connection: sa.Connection, task_hash: str, now: datetime) -> None:
    runs, wallets = table_of(IndexRunRow), table_of(IndexWalletRow)
    of_task = sa.select(runs.c.run_id).where(runs.c.task_hash == task_hash)
    connection.execute(wallets.delete().where(wallets.c.run_id.in_(of_task)))
    going_on = (runs.c.task_hash == task_hash) & runs.c.ended_at.is_(None)
    connection.execute(runs.update().where(going_on).values(ended_at=now))


def _put(connection: sa.Connection, task_hash: str, run: IndexRun) -> None:
    """At blocks where it has been before, a task begins the same run again."""
    runs = table_of(IndexRunRow)
    values: dict[str, Any] = {
        "task_hash": task_hash,
        "source": run.source,
        "blocks": {
            str(chain): {name: getattr(block, name) for name in _OF_BLOCK}
            for chain, block in sorted(run.blocks.items())
        },
        "wallets": run.wallets,
        "done": 0,
        "complete": 0,
        "partial": 0,
        "failed": 0,
        "started_at": run.started_at,
        "ended_at": None,
    }
    mine = runs.c.run_id == run.id
    if connection.execute(sa.select(runs.c.run_id).where(mine)).all():
        connection.execute(runs.update().where(mine).values(**values))
    else:
        connection.execute(runs.insert().values(run_id=run.id, **values))


def _run_id(task_hash: str, blocks: Mapping[ChainId, Block]) -> str:
    newest = utc(max(block.timestamp for block in blocks.values()))
    parts = [task_hash, sorted([chain, block.hash] for chain, block in blocks.items())]
    return f"{newest:%Y%m%dT%H%M%SZ}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]}"


def _run(row: sa.Row[Any]) -> IndexRun:
    return IndexRun(
        id=row.run_id,
        source=row.source,
        blocks={
            ChainId(int(chain)): Block(ChainId(int(chain)), **{name: block[name] for name in _OF_BLOCK})
            for chain, block in row.blocks.items()
        },
        wallets=row.wallets,
        done=row.done,
        complete=row.complete,
        partial=row.partial,
        failed=row.failed,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
