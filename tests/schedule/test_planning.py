"""When slots are known, which are taken and which are given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aggregator.model.units import ChainId
from aggregator.schedule.planning import Plan, State, horizon, plan_catch_up
from aggregator.schedule.slots import every

A, B = ChainId(1), ChainId(10)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PATIENCE = 2 * MINUTE
HOURLY = every("1h")


def unix(moment: datetime) -> int:
    """Unix seconds."""
    return int(moment.timestamp())


def hour(number: int) -> datetime:
    """That hour of the day."""
    return NOON.replace(hour=number)


def test_a_slot_is_known_once_every_chain_has_moved_past_it() -> None:
    """A block of that very second may be followed by another one of the same second."""
    late = NOON + MINUTE
    assert horizon(late, {A: unix(NOON) + 1, B: unix(NOON) + 30}, PATIENCE) == NOON
    assert horizon(late, {A: unix(NOON), B: unix(NOON) + 30}, PATIENCE) == NOON - timedelta(seconds=1)


def test_a_silent_or_stuck_chain_is_waited_for_and_not_forever() -> None:
    """Until the others are two minutes ahead."""
    late, stuck = NOON + 10 * MINUTE, unix(NOON - 60 * MINUTE)
    for other in (None, stuck):
        early = horizon(late, {A: unix(NOON + MINUTE), B: other}, PATIENCE)
        assert early is not None
        assert early < NOON
        assert horizon(late, {A: unix(NOON + PATIENCE) + 1, B: other}, PATIENCE) == NOON


def test_nothing_is_known_of_the_future() -> None:
    """Neither where chains are ahead of the clock, nor where the clock is ahead of them; nothing of none."""
    assert horizon(NOON, {A: unix(NOON + 60 * MINUTE)}, PATIENCE) == NOON
    assert horizon(NOON + timedelta(days=900), {A: unix(NOON) + 1}, PATIENCE) == NOON
    assert horizon(NOON, {A: None, B: None}, PATIENCE) is None
    assert horizon(NOON, {}, PATIENCE) is None


def test_without_history_the_newest_slot_is_due() -> None:
    """A new job doesn't catch up on the time before it."""
    assert plan_catch_up(HOURLY, [], NOON + MINUTE, at_most=5) == Plan((NOON,), ())


def test_slots_since_the_last_one_and_failed_ones_are_taken_in_their_order() -> None:
    """Settled ones are not."""
    history = [State(hour(8), "ok"), State(hour(9), "failed", "x"), State(hour(10), "missed", "y")]
    assert plan_catch_up(HOURLY, history, NOON, at_most=5) == Plan((hour(9), hour(11), hour(12)), ())


def test_the_oldest_are_given_up_beyond_the_bound() -> None:
    """Each with the reason; so is one that failed too often."""
    history = [State(hour(1), "failed", "x"), State(hour(2), "failed", "boom"), State(hour(3), "ok")]
    plan = plan_catch_up(HOURLY, history, hour(6), at_most=2, failures={hour(2): 5})
    assert plan.take == (hour(5), hour(6))
    assert plan.missed == (
        (hour(1), "4 slots waited to be caught up, of which only the newest 2 are taken"),
        (hour(2), "given up after 5 attempts: boom"),
        (hour(4), "4 slots waited to be caught up, of which only the newest 2 are taken"),
    )


def test_a_clock_that_is_set_back_makes_nothing_due() -> None:
    """Slots after the moment count neither as open nor as reached."""
    history = [State(hour(9), "ok"), State(hour(10), "failed"), State(hour(11), "ok")]
    assert plan_catch_up(HOURLY, history, hour(9) + MINUTE, at_most=5) == Plan((), ())
    assert plan_catch_up(HOURLY, history, hour(7), at_most=5) == Plan((), ())


def test_a_rule_that_is_changed_holds_from_the_last_slot_on() -> None:
    """No slot of the new rule is due in the time of the old one."""
    history = [State(hour(9), "ok"), State(hour(10), "ok")]
    plan = plan_catch_up(every("20m"), history, hour(10) + 45 * MINUTE, at_most=5)
    assert plan.take == (hour(10) + 20 * MINUTE, hour(10) + 40 * MINUTE)


def test_a_failure_of_the_future_leaves_no_gap() -> None:
    """While a clock ran ahead and no chain answered slot 9 was noted; when it comes, 6 to 8 are due too."""
    history = [State(hour(5), "ok"), State(hour(9), "failed", "x")]
    assert plan_catch_up(HOURLY, history, hour(6), at_most=9).take == (hour(6),)
    assert plan_catch_up(HOURLY, history, hour(10), at_most=9).take == tuple(map(hour, range(6, 11)))
    only = [State(hour(9), "failed", "x")]
    assert plan_catch_up(HOURLY, only, hour(6), at_most=9).take == (hour(6),)
    assert plan_catch_up(HOURLY, only, hour(10), at_most=9).take == (hour(9), hour(10))
