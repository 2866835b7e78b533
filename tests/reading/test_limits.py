"""How hard an endpoint is asked, how large its batches are, and when it is left alone."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from aggregator.reading.health import FIRST_REST_S, LONGEST_REST_S, Health
from aggregator.reading.limits import BATCH_BYTES, BATCH_CALLS, Gate, Sizing


def held(gate: Gate, count: int, for_s: float) -> tuple[int, list[float]]:
    """The most turns that were held at once, and when each began, in seconds from the first."""
    most = now = 0
    began: list[float] = []

    async def one() -> None:
        nonlocal most, now
        async with gate.turn():
            began.append(time.monotonic())
            now += 1
            most = max(most, now)
            await asyncio.sleep(for_s)
            now -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(count)))

    asyncio.run(all_of_them())
    return most, [at - began[0] for at in began]


def test_no_more_requests_are_under_way_than_allowed() -> None:
    """And as many as that are."""
    assert held(Gate(3, None), 10, 0.01)[0] == 3


def test_requests_are_started_at_the_rate() -> None:
    """100 a second: a burst of ten, then one every hundredth."""
    _, began = held(Gate(50, 100.0), 30, 0.0)
    assert began[9] < 0.1  # the burst
    assert began[29] >= 0.19  # 20 more take a fifth of a second, whatever the machine does


def test_a_slow_rate_has_no_burst() -> None:
    """Five a second come one by one."""
    _, began = held(Gate(50, 5.0), 2, 0.0)
    assert began[1] >= 0.19


@given(st.lists(st.integers(1, BATCH_CALLS), min_size=1, max_size=5))
def test_a_size_that_was_learned_holds_and_grows_back_slowly(worked: list[int]) -> None:
    """Down at once, up by a sixteenth per full batch, never beyond where it began."""
    sizing = Sizing()
    for calls in worked:
        sizing.learn_calls(calls)
    assert sizing.calls == min(worked)
    before = sizing.calls
    sizing.answered(before - 1, 1)
    assert sizing.calls == before  # it was not a full one
    sizing.answered(before, 1)
    assert before <= sizing.calls <= before + max(1, before // 16)
    for _ in range(200):
        sizing.answered(sizing.calls, sizing.size)
    assert (sizing.calls, sizing.size) == (BATCH_CALLS, BATCH_BYTES)


def test_bytes_are_learned_apart_from_calls() -> None:
    """A node that refuses a large body may well take as many small calls."""
    sizing = Sizing()
    sizing.learn_bytes(100_000)
    assert (sizing.calls, sizing.size) == (BATCH_CALLS, 100_000)
    sizing.learn_bytes(1)
    assert sizing.size >= 1_000  # one call is always possible
    sizing.learn_calls(0)
    assert sizing.calls == 1


def test_an_endpoint_rests_longer_with_every_failure() -> None:
    """Twice as long each time, up to a limit; one answer and all is forgotten."""
    health = Health()
    now, rests = 0.0, []
    for _ in range(12):
        assert not health.resting(now)
        health.failed(now, now)
        rests.append(health.rests_until - now)
        now = health.rests_until
    assert rests[:3] == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert rests[-1] == LONGEST_REST_S
    health.succeeded()
    assert (health.failures, health.resting(0.0)) == (0, False)


def test_requests_that_fail_together_are_one_failure() -> None:
    """Eight that were under way at once do not make a rest of minutes."""
    health = Health()
    for i in range(8):
        health.failed(started=1.0, now=2.0 + i / 10)
    assert health.failures == 1
    health.failed(started=5.0, now=6.0)
    assert health.failures == 2


def test_an_endpoint_may_ask_for_a_longer_rest() -> None:
    """Within reason."""
    health = Health()
    health.failed(0.0, 0.0, at_least_s=60.0)
    assert health.resting(59.0)
    assert not health.resting(61.0)
    health.failed(70.0, 70.0, at_least_s=1e9)
    assert not health.resting(70.0 + LONGEST_REST_S)
