"""Takes what is due of one job: asks the chains how far they are, plans, takes slot after slot, records.

Nothing is kept in memory that a restart needs: what is due follows from what is recorded. A slot is recorded
after its snapshots, and taking it again at its block makes the same snapshots, so a kill in between is
harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aggregator.model.errors import ReadError
from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.passes import Heads, Pass, Taken
from aggregator.schedule.planning import Plan, State, horizon, plan_catch_up
from aggregator.store.saved import Outcome, ScheduleRun

YOUNG = timedelta(hours=1)
"""How long after a slot was taken its blocks are compared with the chain, which may still reorganise them."""
RECHECK = timedelta(minutes=10)
"""How often they are."""
GIVE_UP_AFTER = timedelta(minutes=15)
"""How long a slot is tried at least: a provider may be out of order for minutes."""
_NEWEST = 16  # compared however old they are: nobody may have looked since, or the clock was changed


@dataclass(frozen=True, slots=True)
class _Failures:
    """How often a slot failed since when."""

    count: int
    first: datetime


class Ledger(Protocol):
    """Where slots are recorded: the warehouse."""

    def runs(self, job: str, since: datetime | None) -> Sequence[ScheduleRun]:
        """What came of each recorded slot (due at `since` or later)."""
        ...

    def record(self, runs: Sequence[ScheduleRun]) -> None:
        """Keep runs in the place of those of the same slots, all or none."""
        ...


class Chains(Protocol):
    """What a worker does on chains."""

    def heads(self, job: ScheduleJob) -> Heads:
        """How far each chain of the job is."""
        ...

    def take(self, job: ScheduleJob, slot: datetime, heads: Heads, *, late: bool) -> Taken:
        """Read the group at the slot's blocks and keep the snapshots; `late`: newer slots are due too."""
        ...

    def orphaned(self, job: ScheduleJob, snapshots: Sequence[str]) -> set[str]:
        """Which of these snapshots lie on blocks that their chain no longer has; they are marked so.

        Raises ReadError where a chain can't be asked.
        """
        ...


class Worker:
    """Works on one job; `stopping` is asked between slots, `told` hears of each as soon as it is recorded."""

    def __init__(
        self,
        job: ScheduleJob,
        ledger: Ledger,
        chains: Chains,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopping: Callable[[], bool] = lambda: False,
        told: Callable[[ScheduleRun, Taken], None] = lambda _, __: None,
    ) -> None:
        self.job = job
        self._ledger = ledger
        self._chains = chains
        self._clock = clock
        self._stopping = stopping
        self._told = told
        self._failures: dict[datetime, _Failures] = {}
        self._since: datetime | None = None
        self._rechecked: datetime | None = None

    def work(self) -> Pass:
        """Take every slot that is due and known to the chains. Raises StoreError, and nothing of a read."""
        now = self._clock()
        entries = {entry.due_at: entry for entry in self._ledger.runs(self.job.name, self._since)}
        young = self._recheck(entries, now)
        by_clock = self._plan(entries, now)
        if not by_clock.take and not by_clock.missed:
            return Pass(young=young)
        heads = self._chains.heads(self.job)
        until = horizon(now, heads.times, self.job.patience)
        if until is None:
            done, why = self._unreachable(entries, by_clock, heads.why, now), heads.why
        else:
            done = self._take(self._plan(entries, until), heads, entries)
            why = heads.why or "the chains have no block after the slot yet"
        # A long pass: meanwhile further slots may have come.
        now = self._clock()
        waiting = self._plan(entries, now).take
        young = self._remember(entries, now)
        if waiting and (oldest := entries.get(waiting[0])):
            why = oldest.reason or why  # it was tried
        return Pass(tuple(done), waiting, why if waiting else "", until is None, young)

    def _plan(self, entries: Mapping[datetime, ScheduleRun], until: datetime) -> Plan:
        states = [State(entry.due_at, entry.outcome, entry.reason or "") for entry in entries.values()]
        now = self._clock()
        tired = {due: f.count for due, f in self._failures.items() if now - f.first >= GIVE_UP_AFTER}
        return plan_catch_up(self.job.rule, states, until, at_most=self.job.catch_up, failures=tired)

    def _take(
        self, plan: Plan, heads: Heads, entries: dict[datetime, ScheduleRun]
    ) -> list[tuple[ScheduleRun, Taken]]:
        done = [(self._entry(slot, "missed", reason=why), Taken("missed", why)) for slot, why in plan.missed]
        self._settle(done, entries)
        for slot in plan.take:
            if self._stopping():
                break
            started = self._clock()
            taken = self._chains.take(self.job, slot, heads, late=slot != plan.take[-1])
            entry = replace(
                self._entry(slot, taken.outcome, reason=taken.reason),
                started_at=started,
                ended_at=self._clock(),
                snapshots=taken.snapshots,
            )
            self._settle([(entry, taken)], entries)
            done.append((entry, taken))
            before = self._failures.pop(slot, None)
            if taken.outcome == "failed":
                self._failures[slot] = (
                    replace(before, count=before.count + 1) if before else _Failures(1, started)
                )
            if taken.unreachable and before is None:  # one that keeps failing does not hold up the others
                break
        return done

    def _recheck(self, entries: dict[datetime, ScheduleRun], now: datetime) -> bool:
        """Make slots due again whose blocks were reorganised away; whether to look again later."""
        if self.job.block == "finalized":
            return False
        compared = _compared(entries, now)
        young = any(_is_young(entry, now) for entry in compared)
        if self._rechecked is not None and self._rechecked <= now < self._rechecked + RECHECK:
            return young
        try:
            gone = self._chains.orphaned(self.job, [one for e in compared for one in e.snapshots])
        except ReadError:
            return True  # whatever is due meets the same failure, and tells it
        self._rechecked = now
        again = [
            replace(entry, outcome="failed", reason="its block was reorganised away", snapshots=())
            for entry in compared
            if gone.intersection(entry.snapshots)
        ]
        self._record(again, entries)
        return young

    def _unreachable(
        self, entries: dict[datetime, ScheduleRun], by_clock: Plan, why: str, now: datetime
    ) -> list[tuple[ScheduleRun, Taken]]:
        """No chain tells the time: slots are noted as failed, none is given up."""
        if by_clock.missed:  # so many that the clock may be wrong
            return []
        new = [self._entry(slot, "failed", reason=why) for slot in by_clock.take if slot not in entries]
        done = [
            (replace(e, started_at=now, ended_at=now), Taken("failed", why, unreachable=True)) for e in new
        ]
        self._settle(done, entries)
        return done

    def _entry(self, slot: datetime, outcome: Outcome, *, reason: str = "") -> ScheduleRun:
        return ScheduleRun(self.job.name, self.job.group, slot, None, None, outcome, reason or None)

    def _settle(
        self, done: Sequence[tuple[ScheduleRun, Taken]], entries: dict[datetime, ScheduleRun]
    ) -> None:
        self._record([entry for entry, _ in done], entries)
        for entry, taken in done:
            self._told(entry, taken)

    def _record(self, new: Sequence[ScheduleRun], entries: dict[datetime, ScheduleRun]) -> None:
        if new:
            self._ledger.record(new)
            entries.update({entry.due_at: entry for entry in new})

    def _remember(self, entries: Mapping[datetime, ScheduleRun], now: datetime) -> bool:
        """Entries older than this are of no use any more; whether any is young."""
        compared = _compared(entries, now)
        opened = [due for due, entry in entries.items() if entry.outcome == "failed"]
        newest = [max(settled)] if (settled := entries.keys() - opened) else []
        self._since = min([*opened, *newest, *(entry.due_at for entry in compared)], default=None)
        return self.job.block != "finalized" and any(_is_young(entry, now) for entry in compared)


def _compared(entries: Mapping[datetime, ScheduleRun], now: datetime) -> list[ScheduleRun]:
    """The entries whose blocks may have been reorganised."""
    taken = [entries[due] for due in sorted(entries) if entries[due].snapshots]
    return [e for i, e in enumerate(taken) if i >= len(taken) - _NEWEST or _is_young(e, now)]


def _is_young(entry: ScheduleRun, now: datetime) -> bool:
    # One that ended later than now: the clock was wrong, and says nothing of its age.
    return entry.ended_at is not None and now - YOUNG < entry.ended_at <= now
