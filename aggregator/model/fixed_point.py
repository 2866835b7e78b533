"""Arithmetic of numbers with 18 decimals as Solidity does it: products and quotients are cut towards zero."""

from __future__ import annotations

from aggregator.model.rules import WAD


def multiply(x: int, y: int) -> int:
    """`x * y`, both with 18 decimals."""
    return truncated(x * y, WAD)


def divide(x: int, y: int) -> int:
    """`x / y` for `y` > 0, both with 18 decimals."""
    return truncated(x * WAD, y)


def truncated(numerator: int, denominator: int) -> int:
    """The quotient cut towards zero, as Solidity divides; `denominator` > 0."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient
