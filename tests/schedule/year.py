"""A model of a year: a chain with reorganisations, a clock that is changed, a daemon that dies.

Times are Unix seconds of the real time, which only the chain follows; the machine's clock is `offset` away.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from aggregator.model.errors import ProviderUnavailable
from aggregator.model.units import ChainId
from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.passes import Heads, Taken
from aggregator.schedule.slots import every
from aggregator.store.saved import ScheduleRun

CHAIN = ChainId(1)
BLOCK_S = 12
DEEPEST = 50
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
JOB = ScheduleJob(
    name="desk",
    group="desk",
    rule=every("2h"),
    shown="every 2h",
    chains=(),
    block="latest",
    catch_up=24,
    patience=timedelta(minutes=2),
)


class KilledError(Exception):
    """The process is gone, between any two steps."""


@dataclass
class Span:
    """An interval of real time in which something holds."""

    start: int
    end: int

    def __contains__(self, time: int) -> bool:
        return self.start <= time < self.end


class Cover:
    """Spans as they lie in time: most moments are in none, which is found without looking at each."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._edges: list[int] = []
        for span in sorted(spans, key=lambda one: one.start):
            if self._edges and span.start <= self._edges[-1]:
                self._edges[-1] = max(self._edges[-1], span.end)
            else:
                self._edges += [span.start, span.end]

    def cover(self, time: int) -> bool:
        """Whether it is in any of them."""
        return bisect_right(self._edges, time) % 2 == 1


@dataclass
class ModelChain:
    """Blocks every 12 s since `start`; `reorganisations` are moments, ascending, and depths up to DEEPEST."""

    start: int
    reorganisations: list[tuple[int, int]]
    unreachable: list[Span]
    history_s: int

    def head(self, now: int) -> int:
        """Number of the newest block."""
        return (now - self.start) // BLOCK_S

    def at(self, time: int) -> int:
        """Number of the last block that is not newer."""
        return (time - self.start) // BLOCK_S

    def block(self, number: int, now: int) -> str:
        """A block as the chain has it now: its number and its fork."""
        made = self.start + number * BLOCK_S
        first = bisect_left(self.reorganisations, (made, 0))
        last = bisect_left(self.reorganisations, (min(now, made + DEEPEST * BLOCK_S) + 1, 0))
        forks = sum(
            self.head(moment) - depth < number <= self.head(moment)
            for moment, depth in self.reorganisations[first:last]
        )
        return f"{number}:{forks}"

    def answers(self, now: int) -> bool:
        """Whether its provider does."""
        return not self._outages.cover(now)

    @cached_property
    def _outages(self) -> Cover:
        return Cover(self.unreachable)


@dataclass
class Machine:
    """Where the daemon runs: real time, what its clock says, and when it dies."""

    now: int
    changes: list[tuple[Span, int]]
    dice: random.Random
    deadly: float = 0.0

    def clock(self) -> datetime:
        """What the machine believes."""
        offset = sum(seconds for span, seconds in self.changes if self.now in span)
        return datetime.fromtimestamp(self.now + offset, UTC)

    def step(self) -> None:
        """Something took a second; it may have been the last one."""
        self.now += 1
        if self.dice.random() < self.deadly:
            raise KilledError


@dataclass
class ModelStore:
    """What survives the process: runs by slot, snapshots and whether they are orphaned."""

    machine: Machine
    slots: dict[datetime, ScheduleRun] = field(default_factory=dict)
    order: list[datetime] = field(default_factory=list)
    snapshots: dict[str, bool] = field(default_factory=dict)
    reorganised: int = 0

    def runs(self, job: str, since: datetime | None) -> list[ScheduleRun]:  # noqa: ARG002  # there is one job
        """See Ledger."""
        first = 0 if since is None else bisect_left(self.order, since)
        return [self.slots[due] for due in self.order[first:]]

    def record(self, runs: Sequence[ScheduleRun]) -> None:
        """See Ledger; a kill comes before or after it, never in the middle."""
        self.machine.step()
        for entry in runs:
            if entry.due_at not in self.slots:
                insort(self.order, entry.due_at)
            self.slots[entry.due_at] = entry
            self.reorganised += "reorganised" in (entry.reason or "")
        self.machine.step()


class ModelChains:
    """See Chains."""

    def __init__(self, chain: ModelChain, machine: Machine, store: ModelStore) -> None:
        self._chain, self._machine, self._store = chain, machine, store

    def heads(self, job: ScheduleJob) -> Heads:  # noqa: ARG002
        """The newest block, where the provider answers."""
        self._machine.step()
        if not self._chain.answers(self._machine.now):
            return Heads({CHAIN: None}, "the provider is down")
        head = self._chain.head(self._machine.now)
        return Heads({CHAIN: self._chain.start + head * BLOCK_S})

    def take(self, job: ScheduleJob, slot: datetime, heads: Heads, *, late: bool) -> Taken:  # noqa: ARG002
        """A snapshot named after its block."""
        self._machine.step()
        now, time = self._machine.now, int(slot.timestamp())
        if not self._chain.answers(now):
            return Taken("failed", "the provider went down", unreachable=True)
        if late and now - time > self._chain.history_s:
            return Taken("missed", "the node has no state at its block")
        # The last one that is not newer and that there is already: too early is the wrong block.
        made = self._chain.block(min(self._chain.head(now), self._chain.at(time)), now)
        self._store.snapshots[made] = False
        self._machine.step()
        return Taken("ok", "", (made,))

    def orphaned(self, job: ScheduleJob, snapshots: Sequence[str]) -> set[str]:  # noqa: ARG002
        """By comparing hashes, as the real one does."""
        self._machine.step()
        if not self._chain.answers(self._machine.now):
            raise ProviderUnavailable("model", "is down")
        gone = {
            one
            for one in snapshots
            if self._chain.block(int(one.partition(":")[0]), self._machine.now) != one
        }
        self._store.snapshots.update(dict.fromkeys(gone, True))
        return gone


def hours(count: float) -> int:
    """Hours in seconds."""
    return int(timedelta(hours=count).total_seconds())
