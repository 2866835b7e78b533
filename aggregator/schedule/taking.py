"""What a worker does on real chains and in the real database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from aggregator import app
from aggregator.app import Answer, Selection
from aggregator.model.errors import BlockUnavailable, ReadError, TransportError
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.passes import Heads, Taken
from aggregator.settings import Settings
from aggregator.store.saved import ScheduleRun


class WarehouseLedger:
    """See Ledger. `changed` is called after every change, whatever it was: readers don't see it yet.

    One lock keeps the threads of a process from waiting for each other's file.
    """

    def __init__(self, config: Settings, changed: Callable[[], None] = lambda: None) -> None:
        self._warehouse = app.warehouse(config)
        self._changed = changed
        self.lock = threading.Lock()

    def runs(self, job: str, since: datetime | None) -> Sequence[ScheduleRun]:
        """See Ledger."""
        with self.lock:
            return self._warehouse.runs(job, since)

    def record(self, runs: Sequence[ScheduleRun]) -> None:
        """See Ledger."""
        with self.lock:
            self._warehouse.record_runs(runs)
        self._changed()

    def members(self, group: str) -> tuple[Address, ...]:
        """The wallets of a group."""
        with self.lock:
            return tuple(entry.address for entry in self._warehouse.wallets(group))

    def blocks(self, snapshots: Sequence[str]) -> dict[str, tuple[Block, ...]]:
        """The blocks of each snapshot."""
        with self.lock:
            return self._warehouse.blocks(snapshots)

    def mark_orphaned(self, snapshots: set[str]) -> None:
        """Take snapshots out of what counts."""
        with self.lock:
            self._warehouse.mark_orphaned(snapshots)
        self._changed()


class LiveChains:
    """See Chains: reads through the configured endpoints, or through those of `rpc`."""

    def __init__(self, config: Settings, ledger: WarehouseLedger, *, rpc: tuple[str, ...] = ()) -> None:
        self._config = config
        self._ledger = ledger
        self._rpc = rpc

    def heads(self, job: ScheduleJob) -> Heads:
        """See Chains."""
        try:
            found = app.heads(self._selection(job), self._config)
        except TransportError as error:  # of --rpc: which chain it serves is not known before it answers
            return Heads({}, str(error))
        times = {
            chain: block.timestamp if isinstance(block, Block) else None for chain, block in found.items()
        }
        return Heads(times, "; ".join(str(block) for block in found.values() if isinstance(block, ReadError)))

    def take(self, job: ScheduleJob, slot: datetime, heads: Heads, *, late: bool) -> Taken:
        """See Chains."""
        wallets = self._ledger.members(job.group)
        if not wallets:
            return Taken("missed", f"the group {job.group} has no wallet: see `crossmargin wallet group`")
        at = f"{job.block}@{slot:%Y-%m-%dT%H:%M:%SZ}"
        try:
            answer = app.read(replace(self._selection(job), wallets=wallets, block=at), self._config)
            if all(portfolio.nothing_read for portfolio in answer.portfolios):
                return _nothing(answer, late=late)
            self._make_sure(answer, job, slot, heads)
            checked = app.check(answer)
            with self._ledger.lock:
                saved = app.save_all(checked, answer, self._config, trigger="schedule", published=False)
        except ReadError as error:  # also a rule that can't be evaluated
            return Taken("failed", str(error), unreachable=isinstance(error, TransportError))
        reasons = _reasons(answer, slot, heads)
        return Taken(
            "partial" if reasons else "ok",
            "; ".join(reasons),
            tuple(snapshot.id for snapshot in saved),
            checked,
        )

    def orphaned(self, job: ScheduleJob, snapshots: Sequence[str]) -> set[str]:
        """See Chains."""
        blocks = self._ledger.blocks(snapshots)
        if not blocks:
            return set()
        known = {block for of_one in blocks.values() for block in of_one}
        now = app.at_heights(known, self._selection(job), self._config)
        gone = {
            block for block, found in now.items() if isinstance(found, Block) and found.hash != block.hash
        }
        orphaned = {snapshot for snapshot, of_one in blocks.items() if gone.intersection(of_one)}
        if orphaned:
            self._ledger.mark_orphaned(orphaned)
        elif unknown := [found for found in now.values() if isinstance(found, ReadError)]:
            raise unknown[0]
        return orphaned

    def _make_sure(self, answer: Answer, job: ScheduleJob, slot: datetime, heads: Heads) -> None:
        """Look for a block after the slot behind each block that was read.

        Raises BlockUnavailable where there is none though the chain has moved on: the endpoint that answered
        lags behind the one that told how far the chain is, and its newest block may not be the slot's. Raises
        ReadError where that is not known.
        """
        moved_on = {c for c, time in heads.times.items() if time is not None and time > slot.timestamp()}
        blocks = {b for p in answer.portfolios for b in p.blocks.values() if b.chain in moved_on}
        following = [replace(block, number=block.number + 1) for block in blocks]
        for asked, found in app.at_heights(following, self._selection(job), self._config).items():
            if isinstance(found, ReadError) and not isinstance(found, BlockUnavailable):
                raise found
            if isinstance(found, ReadError) or found.timestamp <= slot.timestamp():
                why = f"lags: behind block {asked.number - 1} it has none that is newer than the slot"
                raise BlockUnavailable(f"the endpoint of {_name(answer, asked.chain)}", why)

    def _selection(self, job: ScheduleJob) -> Selection:
        return Selection(wallets=(), chains=job.chains, block=job.block, rpc=self._rpc)


def _nothing(answer: Answer, *, late: bool) -> Taken:
    """Why nothing could be read; a state that a node no longer has does not come back."""
    failures = [failure.error for portfolio in answer.portfolios for failure in portfolio.failures]
    reason = "; ".join(dict.fromkeys(str(error) for error in failures)) or "no adapter reads these chains"
    if late and failures and all(isinstance(error, BlockUnavailable) for error in failures):
        return Taken("missed", reason)
    silent = all(
        isinstance(error, TransportError) and not isinstance(error, BlockUnavailable) for error in failures
    )
    return Taken("failed", reason, unreachable=silent)


def _reasons(answer: Answer, slot: datetime, heads: Heads) -> list[str]:
    """Why a slot is partial: what failed, which part of a wallet is missing, which chain was behind."""
    failures = [failure for portfolio in answer.portfolios for failure in portfolio.failures]
    reasons = [f"{failure.adapter} · {failure.deployment}: {failure.error}" for failure in failures]
    if any(not portfolio.coverage.complete for portfolio in answer.portfolios) and not reasons:
        reasons.append("a part of a wallet could not be read")
    for chain, time in heads.times.items():
        if time is not None and time <= slot.timestamp():
            newest = datetime.fromtimestamp(time, UTC)
            reasons.append(
                f"{_name(answer, chain)} had no block after the slot: its newest is of {newest:%H:%M:%S}"
            )
    return list(dict.fromkeys(reasons))


def _name(answer: Answer, chain: ChainId) -> str:
    return answer.chain_names.get(chain, f"chain {chain}")
