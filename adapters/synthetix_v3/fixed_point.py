"""Arithmetic of numbers with 18 decimals, as DecimalMath does it: every quotient is cut towards zero."""

from __future__ import annotations

from aggregator.model.rules import WAD


def multiply(x: int, y: int) -> int:
    """`x * y` (`mulDecimal`)."""
    return truncated(x * y, WAD)


def divide(x: int, y: int) -> int:
    """`x / y` for `y` > 0 (`divDecimal`)."""
    return truncated(x * WAD, y)


def truncated(numerator: int, denominator: int) -> int:
    """The quotient cut towards zero, as Solidity divides; `denominator` > 0."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def factor_of(product: int, other: int) -> int:
    """A number, nearest to zero, that gives `product` when multiplied by `other` != 0."""
    size = -(-abs(product) * WAD // abs(other))
    return size if (product >= 0) == (other > 0) else -size
