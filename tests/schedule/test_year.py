"""A year under a fake clock: every due slot is present at its block, or missed with the reason."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from aggregator.schedule.worker import Worker
from tests.schedule.year import (
    BLOCK_S,
    DEEPEST,
    JOB,
    START,
    KilledError,
    Machine,
    ModelChain,
    ModelChains,
    ModelStore,
    Span,
    hours,
)
from tests.volume import volume

YEAR = 365 * 86_400


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


@pytest.mark.parametrize("seed", volume([2], [2, 3]))
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
