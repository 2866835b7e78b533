"""A bounded number of the schedules of `tests.reading.faults`, and liars whom only a second source shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from aggregator.model.errors import Disagreement
from tests.reading.fault_endpoints import Plan, Quirks
from tests.reading.fault_kinds import KINDS
from tests.reading.fault_schedules import Schedule
from tests.reading.faults import Bench, bench, run

SEEDS = (*range(12), 64, 70, 122, 143, 225, 262, 278, 293, 328, 338, 569, 611)
"""The first ones, and some that were wrong once."""

HONEST = Plan(Quirks(overrides="refused"))
LIAR = replace(HONEST, lies=True)


@pytest.fixture(scope="module")
def made() -> Iterator[Bench]:
    """Two histories behind three endpoints."""
    with bench() as found:
        yield found


@pytest.mark.parametrize("seed", SEEDS)
def test_no_schedule_of_faults_gives_a_wrong_figure(made: Bench, seed: int) -> None:
    """In time, equal to the undisturbed read or named as missing, and complete beside a healthy endpoint."""
    found = run(made, Schedule.of(seed))
    assert not found.wrong, found.log


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_endpoint_makes_up_for_every_kind_of_fault(made: Bench, kind: str, direct: bool) -> None:
    """Whatever the first endpoint does from its second request on."""
    plans = (Plan(Quirks(), kinds=(kind,), first=1), Plan(Quirks()))
    found = run(made, Schedule(1, plans, direct=direct))
    assert not found.wrong, found.log
    assert found.complete
    assert any(line.endswith(kind) for line in found.log[0]) or kind == "an odd log"


@pytest.mark.parametrize("plans", [(LIAR, HONEST), (HONEST, LIAR)])
@pytest.mark.parametrize("direct", [False, True])
def test_endpoints_that_must_agree_and_do_not_are_a_disagreement(
    made: Bench, plans: tuple[Plan, ...], direct: bool
) -> None:
    """A consistent lie gives no figure at all where two must agree."""
    found = run(made, Schedule(1, plans, confirm=2, direct=direct))
    assert {type(error) for error in found.errors} == {Disagreement}
    assert all("one" in str(error) and "two" in str(error) for error in found.errors)
    assert not found.complete


def test_a_lie_is_seen_by_nobody_who_asks_one_endpoint(made: Bench) -> None:
    """Which is what the schedules would find, were a client to believe what it could know to be wrong."""
    found = run(made, Schedule(1, (LIAR, HONEST)))
    assert found.wrong
