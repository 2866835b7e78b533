"""What a plan's states gain until its contracts are asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devnet.drift import Drift


def state(
    power: float, requirement: float, health: float | None, ahead: tuple[float, float] | None
) -> dict[str, Any]:
    """A state of one account."""
    later = (None, None) if ahead is None else tuple(f"{one:.8f}" for one in ahead)
    account = {
        "account_id": "one",
        "power_usd": f"{power:.8f}",
        "native_requirement_usd": f"{requirement:.8f}",
        "native_health": health,
        "power_ahead_usd": later[0],
        "native_requirement_ahead_usd": later[1],
    }
    return {"accounts": [account]}


def test_a_state_gains_until_the_next_is_there() -> None:
    """Not in the state that a step leaves: what is there before it earns while a keeper is awaited."""
    drift = Drift(state(100.0, 50.0, 2.0, (106.0, 50.0)), 1_000)
    after = state(30.0, 20.0, 1.5, (0.0, 0.0))
    drift.enter(after, 1_060)
    assert drift.health(after["accounts"][0]) == pytest.approx(1.5 + 0.6 / 20)
    last = state(30.0, 20.0, 1.5, (30.0, 20.0))
    drift.enter(last, 1_072)
    assert drift.health(last["accounts"][0]) == pytest.approx((30.6 - 0.6) / (20.0 - 0.4))


def test_the_exact_figure_is_moved_and_not_replaced() -> None:
    drift = Drift(state(100.0, 50.0, 1.9999, (106.0, 50.0)), 0)
    after = state(30.0, 20.0, 1.4999, None)
    assert drift.health(after["accounts"][0]) == 1.4999
    drift.enter(after, 60)
    assert drift.health(after["accounts"][0]) == pytest.approx(1.4999 + 0.6 / 20, rel=1e-12)


@pytest.mark.parametrize("ahead", [None, (100.0, 50.0)])
def test_what_stands_still_or_is_not_known_moves_nothing(ahead: tuple[float, float] | None) -> None:
    begun = state(100.0, 50.0, 2.0, ahead)
    drift = Drift(begun, 0)
    drift.enter(begun, 600)
    assert drift.health(begun["accounts"][0]) == 2.0


def test_nothing_required_stays_so() -> None:
    drift = Drift(state(100.0, 50.0, 2.0, (200.0, 50.0)), 0)
    after = state(100.0, 0.0, None, (100.0, 0.0))
    drift.enter(after, 600)
    assert drift.health(after["accounts"][0]) is None
