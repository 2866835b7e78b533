"""Single passes of a worker on the model of a chain: what is given up, what waits, what is compared again."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from aggregator.schedule.definitions import ScheduleJob
from aggregator.schedule.passes import Heads, Taken
from aggregator.schedule.slots import every
from aggregator.schedule.worker import Worker
from tests.schedule.year import DEEPEST, JOB, START, Machine, ModelChain, ModelChains, ModelStore, Span, hours


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
        found = worker.work()
    assert (found.waiting, found.why) == ((slot,), "boom")
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


class Instant(Machine):
    """Takes no time."""

    def step(self) -> None:
        """See Machine."""


def test_every_young_slot_is_compared_with_the_chain() -> None:
    """Of a job of every minute more are young than are compared however old they are."""
    minutely = replace(JOB, rule=every("1m"), catch_up=60)
    reorganised = START + 1_800 + 30 * 60
    chain = ModelChain(START - 86_400 + 5, [(reorganised, DEEPEST)], [], hours(36))
    machine = Instant(START + 1_800, [], random.Random(0))
    store = ModelStore(machine)
    worker = Worker(minutely, store, ModelChains(chain, machine, store), clock=machine.clock)
    for machine.now in (START + 1_800, reorganised - 1, reorganised + 540, reorganised + 630):
        worker.work()
    assert store.reorganised == 9
    for slot, entry in store.slots.items():
        right = chain.block(chain.at(int(slot.timestamp())), machine.now)
        assert entry.snapshots == (right,), slot


def test_the_newest_slots_are_compared_however_old() -> None:
    """The machine was switched off right after it took them, and the chain was reorganised then."""
    chain = ModelChain(START - 86_400 + 5, [(START + 500, DEEPEST)], [], hours(36))
    machine = Machine(START + 30, [], random.Random(0))
    store = ModelStore(machine)
    Worker(JOB, store, ModelChains(chain, machine, store), clock=machine.clock).work()
    [before] = store.slots.values()
    machine.now += hours(6)
    Worker(JOB, store, ModelChains(chain, machine, store), clock=machine.clock).work()
    assert store.reorganised == 1
    assert store.slots[before.due_at].snapshots != before.snapshots


def test_blocks_are_compared_again_after_a_long_pass() -> None:
    """A snapshot that was just taken is young, however long its pass took."""
    machine = Machine(START + 1_800, [], random.Random(0))
    store = ModelStore(machine)
    chains = ModelChains(ModelChain(START - 86_400 + 5, [], [], hours(36)), machine, store)
    assert Worker(JOB, store, chains, clock=machine.clock).work().young


def test_nothing_is_noted_where_the_clock_may_be_wrong() -> None:
    """While no chain answers a slot or two are noted as failed, not the months that a clock ran ahead."""
    machine = Machine(START + 1_800, [], random.Random(0))
    store = ModelStore(machine)
    chain = ModelChain(START - 86_400 + 5, [], [Span(START + hours(1), START + hours(99))], hours(36))
    worker = Worker(JOB, store, ModelChains(chain, machine, store), clock=machine.clock)
    worker.work()
    machine.now = START + hours(2) + 60
    assert [entry.outcome for entry, _ in worker.work().done] == ["failed"]
    machine.changes.append((Span(0, 2**40), hours(1440)))
    found = worker.work()
    assert (found.done, found.silent) == ((), True)
    assert len(store.slots) == 2
