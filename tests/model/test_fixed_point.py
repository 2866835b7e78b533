"""Arithmetic of numbers with 18 decimals."""

from __future__ import annotations

import pytest

from aggregator.model.fixed_point import divide, multiply, truncated
from aggregator.model.rules import WAD


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"), [(7, 2, 3), (-7, 2, -3), (-8, 2, -4), (-1, 2, 0), (0, 2, 0)]
)
def test_quotients_are_cut_towards_zero(numerator: int, denominator: int, quotient: int) -> None:
    """Solidity's division, not Python's."""
    assert truncated(numerator, denominator) == quotient


def test_products_and_quotients_have_18_decimals() -> None:
    """A third loses its last digit on the same side for both signs."""
    assert multiply(WAD // 2, -3) == -1
    assert divide(-WAD, 3 * WAD) == -333_333_333_333_333_333
