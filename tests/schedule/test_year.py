"""A year under a fake clock: every due slot is present at its block, or missed with the reason."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.slots import every
from aggregator.schedule.worker import Heads, Taken, Worker
from tests.schedule.year import (
    BLOCK_S,
    DEEPEST,
    KilledError,
    Machine,
    ModelChain,
    ModelChains,
    ModelStore,
    Span,
    hours,
)

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
YEAR = 365 * 86_400
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


def spans(dice: random.Random, count: int, longest_s: int) -> list[Span]:
    """Intervals anywhere in the year."""
    starts = [START + dice.randrange(YEAR - 20 * 86_400) for _ in range(count)]
    return [Span(start, start + dice.randint(60, longest_s)) for start in starts]


@dataclass
class Year:
    """What there was and what came of it. `down`: the machine, `behind`: its clock."""

    chain: ModelChain
    store: ModelStore
    seen: Counter[str]
    down: list[Span]
    behind: list[Span]

    def could_be_taken(self, slot: int) -> bool:
        """Whether for three hours on end nothing was in the way while the node had its state."""
        end = slot + self.chain.history_s
        trouble = sorted((max(slot, t.start), min(end, t.end)) for t in self._in_the_way if t.end > slot)
        free_since, longest = slot, 0
        for start, over in [*trouble, (end, end)]:
            if start < end or start == over:
                longest = max(longest, start - free_since)
                free_since = max(free_since, over)
        return longest >= hours(3)

    @property
    def _in_the_way(self) -> list[Span]:
        return [*self.down, *self.behind, *self.chain.unreachable]


def live_a_year(seed: int, *, deadly: float) -> Year:
    """Run the daemon's worker through a year of trouble, and a calm day after it."""
    dice = random.Random(seed)
    chain = ModelChain(
        start=START - 86_400 + 5,  # no block falls on a slot
        reorganisations=sorted(
            (START + dice.randrange(YEAR - 86_400), dice.randint(1, DEEPEST)) for _ in range(800)
        ),
        unreachable=spans(dice, 40, hours(6)),
        history_s=hours(36),
    )
    down = [*spans(dice, 30, hours(8)), Span(START + hours(3000), START + hours(3100))]
    offsets = [-86_400, -3_700, -45, 30, 7_200, 60 * 86_400]
    changes = [(span, dice.choice(offsets)) for span in spans(dice, 25, hours(5))]
    # For days the clock is ahead by more than the node's history, until the machine is restarted.
    changes.append((Span(START + hours(5000), START + hours(5200)), hours(44)))
    down.append(Span(START + hours(5200) - 60, START + hours(5200)))
    machine = Machine(START + 1_800, changes, dice, deadly)
    store = ModelStore(machine)
    seen: Counter[str] = Counter()

    def started() -> Worker:
        return Worker(JOB, store, ModelChains(chain, machine, store), clock=machine.clock)

    worker = started()
    while machine.now < START + YEAR + 86_400:
        if outage := next((span for span in down if machine.now in span), None):
            machine.now, worker = outage.end, started()
            seen["outages"] += 1
        try:
            done = worker.work()
        except KilledError:
            machine.now, worker = machine.now + dice.randint(1, 90), started()
            seen["kills"] += 1
            continue
        seen.update(entry.outcome for entry, _ in done.done)
        # As the daemon: soon where something waits, in ten minutes where blocks are young, else at the slot.
        clock = machine.clock()
        idle_s = int((JOB.rule.next_after(clock) - clock).total_seconds())
        machine.now += 60 if done.waiting else min(601, idle_s) if done.young else idle_s
    return Year(chain, store, seen, down, [span for span, offset in changes if offset < 0])


@pytest.mark.parametrize("seed", [2, 3])
def test_every_slot_of_a_year_is_accounted_for(seed: int) -> None:
    """Outages of the machine and of the provider, kills, restarts, clock changes, reorganisations.

    Which slots there are, which block is whose and which may be missed is found here without the code that
    is tested.
    """
    year = live_a_year(seed, deadly=0.002)
    chain, store, seen = year.chain, year.store, year.seen
    end = START + YEAR + 86_400
    outcomes: Counter[str] = Counter()
    for time in range(START, START + YEAR + 1, hours(2)):
        slot = datetime.fromtimestamp(time, UTC)
        entry = store.slots[slot]
        outcomes[entry.outcome] += 1
        if entry.outcome == "missed":
            assert entry.reason
            assert entry.snapshots == ()
            assert not year.could_be_taken(time), f"given up without need: {entry}"
        else:
            assert entry.outcome == "ok"
            [made] = entry.snapshots
            last_before = (time - chain.start) // BLOCK_S
            assert made == chain.block(last_before, end), slot
            assert store.snapshots[made] is False
    # Nothing is recorded but what was due: the clock that ran weeks ahead settled nothing.
    assert all(due.timestamp() % hours(2) == 0 and due.timestamp() >= START for due in store.slots)
    future = [e for due, e in store.slots.items() if due.timestamp() > end]
    assert all(entry.outcome == "failed" and not entry.snapshots for entry in future)
    # The trouble was real, and all that was given up is what an outage of 100 hours costs.
    assert store.reorganised > 20
    assert seen["outages"] > 20
    assert seen["kills"] > 50
    assert 26 <= outcomes["missed"] <= 40
    assert outcomes["ok"] > 4_300


def test_the_slots_that_are_given_up_are_the_oldest() -> None:
    """After 100 hours: 26 beyond the bound of 24, and of those that are tried the 6 without a state."""
    machine = Machine(START + 1_800, [], random.Random(0))
    chain = ModelChain(START - 86_400, [], [], hours(36))
    store = ModelStore(machine)
    worker = Worker(JOB, store, ModelChains(chain, machine, store), clock=machine.clock)
    worker.work()
    machine.now += hours(100)
    worker.work()
    reasons = Counter(entry.reason for entry in store.slots.values())
    assert reasons == {
        "50 slots waited to be caught up, of which only the newest 24 are taken": 26,
        "the node has no state at its block": 6,
        None: 19,
    }


class Poisoned(ModelChains):
    """Some slots never work."""

    def __init__(
        self, chain: ModelChain, machine: Machine, store: ModelStore, failed: dict[int, Taken]
    ) -> None:
        super().__init__(chain, machine, store)
        self.failed = failed

    def take(self, job: ScheduleJob, slot: datetime, heads: Heads, *, late: bool) -> Taken:
        """See Chains."""
        taken = super().take(job, slot, heads, late=late)
        return self.failed.get(int(slot.timestamp()), taken)


def poisoned(failed: dict[int, Taken]) -> tuple[Machine, ModelStore, Worker]:
    """A worker that has taken its first slot, on a chain on which these never work."""
    machine = Machine(START + 1_800, [], random.Random(0))
    store = ModelStore(machine)
    chains = Poisoned(ModelChain(START - 86_400 + 5, [], [], hours(36)), machine, store, failed)
    worker = Worker(JOB, store, chains, clock=machine.clock)
    worker.work()
    return machine, store, worker


def test_a_slot_that_never_works_is_given_up() -> None:
    """After many attempts and a quarter of an hour, with what failed last; the next is not held up by it."""
    bad = START + hours(2)
    machine, store, worker = poisoned({bad: Taken("failed", "boom")})
    slot, following = (datetime.fromtimestamp(time, UTC) for time in (bad, bad + hours(2)))
    machine.now = START + hours(4) + 60
    for _ in range(6):  # in half a minute
        worker.work()
    assert store.slots[slot].outcome == "failed"
    assert store.slots[following].outcome == "ok"
    machine.now += 900
    worker.work()
    assert store.slots[slot].outcome == "missed"
    assert store.slots[slot].reason == "given up after 6 attempts: boom"


def test_a_slot_that_nobody_answers_for_holds_up_no_other_for_long() -> None:
    """The first time nothing else is tried: the provider may be down. Then the others are."""
    bad = START + hours(2)
    machine, store, worker = poisoned({bad: Taken("failed", "timed out", unreachable=True)})
    slot, following = (datetime.fromtimestamp(time, UTC) for time in (bad, bad + hours(2)))
    machine.now = START + hours(4) + 60
    worker.work()
    assert [slot in store.slots, following in store.slots] == [True, False]
    worker.work()
    assert [store.slots[one].outcome for one in (slot, following)] == ["failed", "ok"]


def test_a_slot_that_comes_while_others_are_taken_waits() -> None:
    """It is not left for the wake-up of the slot after it: by then the node may not have its state."""

    class Slow(ModelChains):
        def take(self, job: ScheduleJob, slot: datetime, heads: Heads, *, late: bool) -> Taken:
            machine.now += hours(0.5)
            return super().take(job, slot, heads, late=late)

    machine = Machine(START + hours(1.75), [], random.Random(0))
    store = ModelStore(machine)
    chains = Slow(ModelChain(START - 86_400 + 5, [], [], hours(36)), machine, store)
    found = Worker(JOB, store, chains, clock=machine.clock).work()
    assert [entry.due_at.timestamp() for entry, _ in found.done] == [START]
    assert [slot.timestamp() for slot in found.waiting] == [START + hours(2)]


def test_blocks_are_compared_again_after_a_long_pass() -> None:
    """A snapshot that was just taken is young, however long its pass took."""
    machine = Machine(START + 1_800, [], random.Random(0))
    store = ModelStore(machine)
    chains = ModelChains(ModelChain(START - 86_400 + 5, [], [], hours(36)), machine, store)
    assert Worker(JOB, store, chains, clock=machine.clock).work().young
