"""Sending a plan's calls: what counts as failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.devnet.errors import DevnetError
from tests.devnet.execute import Compared, Executed, Executor, missed

if TYPE_CHECKING:
    from tests.devnet.world import World


def plan(user: str, to: str, data: bytes, unknown: str | None = None) -> dict[str, Any]:
    """One step with one call."""
    call = {"to": to, "data": "0x" + data.hex(), "value": "0", "later": None}
    step = {"ordinal": 0, "action": "repay", "sender": user, "calls": [call], "calls_unknown": unknown}
    nothing: dict[str, Any] = {"accounts": []}
    return {"wallet": user, "before": nothing, "steps": [{**step, "after": nothing}]}


def test_an_error_of_a_market_that_does_not_revert(devnet: World) -> None:
    """A market of the Compound V2 family answers a number, and its transaction succeeds."""
    market, user = devnet.venus.markets["USDC"], devnet.spare[0]
    data = market.encode("liquidateBorrow", devnet.spare[1], 5, devnet.venus.markets["WETH"].address)
    [step] = Executor(devnet).run(plan(user, market.address, data))
    assert step.reverted is not None
    assert "the market answers [" in step.reverted
    assert step.faults(1.0) == (f"reverted: {step.reverted}",)


def test_a_revert_ends_it(devnet: World) -> None:
    token, user = devnet.tokens["USDC"], devnet.spare[0]
    [step] = Executor(devnet).run(plan(user, token.address, token.encode("transfer", user, 5)))
    assert "InsufficientBalance" in (step.reverted or "")


def test_a_step_without_calls_is_not_passed_over(devnet: World) -> None:
    with pytest.raises(DevnetError, match="step 0 has no calls: nobody knows"):
        list(Executor(devnet).run(plan(devnet.spare[0], devnet.spare[1], b"", "nobody knows")))


def test_what_is_not_as_predicted_is_said() -> None:
    """More than a basis point off, below a floor that was to be kept, short of the target, not foreseen."""
    near, off = Compared("near", 1.05, 1.05009), Compared("off", 1.05, 1.0502)
    low, known = Compared("low", 1.020001, 1.0199999), Compared("known", 1.01, 1.0100001)
    gone, dust = Compared("gone", None, 2.0), Compared("dust", None, 10.0**6)
    stepped = Compared("stepped", 1.05, 1.06, (1.04, 1.06))
    far = Compared("far", 1.05, 1.06, (1.04, 1.0598))
    step = Executed(0, "repay", 1, None, (near, off, low, known, gone, dust, stepped, far))
    said = step.faults(1.02)
    assert [sentence.split()[0] for sentence in said] == ["off", "gone", "far", "low"]
    assert said[2].startswith(f"far is {(1.06 / 1.0598 - 1) * 10_000:.4f} bp off")
    assert stepped.bps > 90
    target = {"targets": {"health": 1.05}, "status": "feasible"}
    assert [sentence.split()[0] for sentence in missed(target, step)] == ["low", "known"]
    assert missed({**target, "status": "infeasible"}, step) == ()
