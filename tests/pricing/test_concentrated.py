"""Ticks and root prices of concentrated liquidity; swaps are held against the contracts by their adapter."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.pricing.concentrated import (
    MAX_ROOT,
    MAX_TICK,
    MILLION,
    MIN_ROOT,
    Q96,
    amount_0,
    amount_1,
    root_after,
    root_at_tick,
    swap_step,
    tick_at_root,
)

roots = st.integers(MIN_ROOT, MAX_ROOT - 1) | st.integers(-300_000, 300_000).map(root_at_tick)


def test_the_outermost_roots() -> None:
    assert root_at_tick(-MAX_TICK) == MIN_ROOT
    assert root_at_tick(MAX_TICK) == MAX_ROOT
    assert root_at_tick(0) == Q96
    assert tick_at_root(MIN_ROOT) == -MAX_TICK
    assert tick_at_root(MAX_ROOT - 1) == MAX_TICK - 1
    for beyond in (MIN_ROOT - 1, MAX_ROOT):
        with pytest.raises(ValueError, match="none of a pool"):
            tick_at_root(beyond)
    with pytest.raises(ValueError, match="beyond 887272"):
        root_at_tick(MAX_TICK + 1)


@given(st.integers(-MAX_TICK, MAX_TICK - 1))
def test_a_tick_begins_at_its_root(tick: int) -> None:
    root = root_at_tick(tick)
    assert tick_at_root(root) == tick
    if tick > -MAX_TICK:
        assert tick_at_root(root - 1) == tick - 1


@given(roots, roots, st.integers(1, 10**30))
def test_amounts_are_rounded_as_asked(one: int, other: int, liquidity: int) -> None:
    """Within two units of the exact quotient on the side that was asked for: token 0 is divided twice."""
    lower, upper = sorted((one, other))
    exact_0 = Fraction(liquidity * Q96 * (upper - lower), upper * lower)
    exact_1 = Fraction(liquidity * (upper - lower), Q96)
    assert exact_0 - 2 < amount_0(lower, upper, liquidity) <= exact_0
    assert exact_0 <= amount_0(lower, upper, liquidity, up=True) < exact_0 + 2
    assert exact_1 - 1 < amount_1(lower, upper, liquidity) <= exact_1
    assert exact_1 <= amount_1(lower, upper, liquidity, up=True) < exact_1 + 1


@given(roots, roots, st.integers(1, 10**30), st.integers(1, 10**40), st.integers(0, 99_999))
def test_a_step_keeps_enough(root: int, target: int, liquidity: int, left: int, fee: int) -> None:
    """It takes no more than what is left, stops at the target, and the pool gives no more than it must."""
    step = swap_step(root, target, liquidity, left, fee)
    assert step.paid + step.fee <= left
    assert min(root, target) <= step.root <= max(root, target)
    if step.root != target:
        assert step.paid + step.fee == left
    assert step.fee * (MILLION - fee) >= step.paid * fee
    lower, upper = sorted((root, step.root))
    if target <= root:
        assert step.received <= amount_1(lower, upper, liquidity)
        assert step.paid >= amount_0(lower, upper, liquidity)
    else:
        assert step.received <= amount_0(lower, upper, liquidity)
        assert step.paid >= amount_1(lower, upper, liquidity)


def test_an_amount_whose_product_overflows_is_rounded_as_the_contract_does() -> None:
    """Beyond 256 bits the contract divides twice, which may differ from one division by more than a unit."""
    liquidity, root, paid = 10**20, MAX_ROOT - 1, 2**100
    assert paid * root >= 2**256
    held = liquidity << 96
    assert root_after(root, liquidity, paid, sells_0=True) == -(-held // (held // root + paid))
    assert root_after(root, liquidity, 0, sells_0=True) == root
