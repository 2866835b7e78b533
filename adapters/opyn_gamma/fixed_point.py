"""Gamma's signed fixed-point numbers with 27 decimals, cut towards zero at every step.

Source: FixedPointInt256.sol in github opynfinance/GammaProtocol. The contracts revert where a product leaves
256 bits; here it does not.
"""

from __future__ import annotations

from aggregator.model.fixed_point import truncated

DECIMALS = 27
ONE = 10**DECIMALS
OPTION_DECIMALS = 8
"""Of oTokens, of strike prices, and of the oracle's prices."""


def from_scaled(raw: int, decimals: int = OPTION_DECIMALS) -> int:
    """An integer with at most 27 decimals as a fixed-point number."""
    return raw * _unit(decimals)


def to_scaled(value: int, decimals: int, *, up: bool = False) -> int:
    """The absolute value with fewer decimals, rounded to zero or away from it."""
    unit = _unit(decimals)
    return -(-abs(value) // unit) if up else abs(value) // unit


def multiply(a: int, b: int) -> int:
    """The product of two fixed-point numbers."""
    return truncated(a * b, ONE)


def divide(a: int, b: int) -> int:
    """The quotient of two fixed-point numbers, of which the second is > 0."""
    return truncated(a * ONE, b)


def _unit(decimals: int) -> int:
    unit: int = 10 ** (DECIMALS - decimals)
    return unit
