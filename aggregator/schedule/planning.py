"""What to do about slots that are due: which are taken now, which are missed for good. Pure.

The block of a slot is the last one that is not newer than it, on each chain. It is known once the chain has
moved on, so a slot is taken only then: the same block comes out on time and in a catch-up, and a clock of
this machine that runs ahead settles nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aggregator.model.units import ChainId
from aggregator.schedule.slots import Rule, due_slots
from aggregator.store.saved import Outcome

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class State:
    """What came of a slot so far: a `failed` one is tried again, the others are settled."""

    due: datetime
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Slots to take and slots that are given up, with the reason; both ascending."""

    take: tuple[datetime, ...]
    missed: tuple[tuple[datetime, str], ...]


def horizon(now: datetime, heads: Mapping[ChainId, int | None], patience: timedelta) -> datetime | None:
    """Up to when the blocks of slots are known; None where no chain answered.

    `heads` are the times of the newest blocks in Unix seconds, None where a chain does not answer. A chain
    that is silent or behind is waited for until the others are `patience` ahead.
    """
    times = [time for time in heads.values() if time is not None]
    if not times:
        return None
    slowest = min(times) if len(times) == len(heads) else 0
    # A second before the newest block: where blocks are fast, several have the same time.
    reached = datetime.fromtimestamp(max(slowest, max(times) - int(patience.total_seconds())) - 1, UTC)
    return min(now, reached)


def plan_catch_up(
    rule: Rule,
    history: Iterable[State],
    until: datetime,
    *,
    at_most: int,
    failures: Mapping[datetime, int] | None = None,
) -> Plan:
    """What to do about the slots of a rule up to a moment, given what came of slots so far.

    Of the slots that wait, the newest `at_most` are taken; one that failed ATTEMPTS times, by `failures`, is
    given up. Every slot from the oldest to the newest settled one of `history` is in it, which callers keep
    so by settling slots in ascending order. Without history only the newest slot is due.
    """
    known = {state.due: state for state in history}
    waiting = [slot for slot in _since(rule, known, until) if slot not in known]
    missed: list[tuple[datetime, str]] = []
    for slot, state in known.items():
        if state.outcome != "failed" or slot > until:
            continue
        count = (failures or {}).get(slot, 0)
        if count >= ATTEMPTS:
            missed.append((slot, f"given up after {count} attempts: {state.reason}"))
        else:
            waiting.append(slot)
    waiting.sort()
    beyond = max(0, len(waiting) - at_most)
    why = f"{len(waiting)} slots waited to be caught up, of which only the newest {at_most} are taken"
    missed += [(slot, why) for slot in waiting[:beyond]]
    return Plan(tuple(waiting[beyond:]), tuple(sorted(missed)))


def _since(rule: Rule, known: Mapping[datetime, State], until: datetime) -> list[datetime]:
    """The slots after those that are settled.

    A failed slot reaches nothing: it may have been noted by a clock that ran ahead while no chain answered.
    """
    settled = [slot for slot, state in known.items() if state.outcome != "failed"]
    reached = [slot for slot in settled if slot <= until]
    if reached:
        return due_slots(rule, max(reached), until)
    if settled:  # the chain fell behind all of the history
        return []
    return due_slots(rule, min((slot for slot in known if slot <= until), default=None), until)
