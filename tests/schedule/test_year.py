"""A year under a fake clock: every due slot is present at its block, or missed with the reason."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.slots import due_slots, every
from aggregator.schedule.worker import Worker
from tests.schedule.year import (
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


def live_a_year(seed: int, *, deadly: float) -> tuple[ModelChain, ModelStore, Counter[str]]:
    """Run the daemon's worker through a year of trouble, and a calm day after it."""
    dice = random.Random(seed)
    chain = ModelChain(
        start=START - 86_400,
        reorganisations=sorted(
            (START + dice.randrange(YEAR - 86_400), dice.randint(1, DEEPEST)) for _ in range(800)
        ),
        unreachable=spans(dice, 40, hours(6)),
        history_s=hours(36),
    )
    down = [*spans(dice, 30, hours(8)), Span(START + hours(3000), START + hours(3100))]
    offsets = [-86_400, -3_700, -45, 30, 7_200, 60 * 86_400]
    changes = [(span, dice.choice(offsets)) for span in spans(dice, 25, hours(5))]
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
    return chain, store, seen


def test_every_slot_of_a_year_is_accounted_for() -> None:
    """Outages of the machine and of the provider, kills, restarts, clock changes, reorganisations."""
    chain, store, seen = live_a_year(seed=2, deadly=0.002)
    end = START + YEAR + 86_400
    expected = due_slots(
        JOB.rule, datetime.fromtimestamp(START - 1, UTC), datetime.fromtimestamp(START + YEAR, UTC)
    )
    outcomes: Counter[str] = Counter()
    for slot in expected:
        entry = store.slots[slot]
        outcomes[entry.outcome] += 1
        if entry.outcome == "missed":
            assert entry.reason
            assert entry.snapshots == ()
        else:
            assert entry.outcome == "ok"
            [made] = entry.snapshots
            assert made == chain.block(chain.at(int(slot.timestamp())), end), slot
            assert store.snapshots[made] is False
    # Nothing is recorded beyond what was due: the clock that ran weeks ahead settled nothing.
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


def test_a_slot_that_never_works_is_given_up() -> None:
    """After five attempts, with what failed last; the next slot is not held up by it."""
    machine = Machine(START + 1_800, [], random.Random(0))
    chain = ModelChain(START - 86_400, [], [], hours(36))
    store = ModelStore(machine)
    chains = ModelChains(chain, machine, store)
    poisoned = datetime.fromtimestamp(START + hours(2), UTC)
    real = chains.take

    def take(job: ScheduleJob, slot: datetime, heads: object, *, late: bool) -> object:
        taken = real(job, slot, heads, late=late)  # type: ignore[arg-type]  # passed through
        return replace(taken, outcome="failed", reason="boom", snapshots=()) if slot == poisoned else taken

    chains.take = take  # type: ignore[method-assign, assignment]
    worker = Worker(JOB, store, chains, clock=machine.clock)
    worker.work()
    machine.now = START + hours(4) + 60
    for _ in range(6):
        worker.work()
    assert store.slots[poisoned].outcome == "missed"
    assert store.slots[poisoned].reason == "given up after 5 attempts: boom"
    assert store.slots[poisoned + timedelta(hours=2)].outcome == "ok"
