"""The fixed-point arithmetic of the option contracts: 27 decimals, with 18 inside of ln and exp.

Every function rounds as the contract does, so that results are equal to the last digit.
"""

from __future__ import annotations

from math import isqrt

from aggregator.model.fixed_point import truncated
from aggregator.pricing.exponentials import exp, ln

UNIT = 10**18
PRECISE_UNIT = 10**27
_TO_PRECISE = 10**9


def _tenths_rounded(value_times_ten: int) -> int:
    """A tenth, rounded half away from zero."""
    rounded = (abs(value_times_ten) + 5) // 10
    return rounded if value_times_ten >= 0 else -rounded


def multiply(x: int, y: int, unit: int = PRECISE_UNIT) -> int:
    """`x*y/unit`, cut to a tenth of the last digit, then rounded half away from zero."""
    return _tenths_rounded(truncated(x * y, unit // 10))


def divide(x: int, y: int, unit: int = PRECISE_UNIT) -> int:
    """`x*unit/y`, cut to a tenth of the last digit, then rounded half away from zero; `y` > 0."""
    return _tenths_rounded(truncated(x * unit * 10, y))


def to_precise(value: int) -> int:
    """18 decimals as 27."""
    return value * _TO_PRECISE


def from_precise(value: int) -> int:
    """27 decimals as 18, rounded half away from zero."""
    return _tenths_rounded(truncated(value, _TO_PRECISE // 10))


def sqrt_precise(x: int) -> int:
    """The square root of a 27-decimal number, rounded down."""
    return isqrt(x * PRECISE_UNIT)


def ln_precise(x: int) -> int:
    """The natural logarithm of a 27-decimal number; the last 9 digits are lost.

    Raises ValueError below 1e-18, where the contract reverts.
    """
    return ln(truncated(x, _TO_PRECISE)) * _TO_PRECISE


def exp_precise(x: int) -> int:
    """e to a 27-decimal power; the last 9 digits are lost.

    Raises OverflowError from 135.3 on, where the contract reverts.
    """
    return exp(truncated(x, _TO_PRECISE)) * _TO_PRECISE
