"""Factors of 30 decimals, and powers as the contracts compute them.

Source: Precision.sol and Calc.sol of github gmx-io/gmx-synthetics, and the published algorithms of npm
`prb-math` 2.4.3 (`PRBMathUD60x18.pow`), which they raise to powers with.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

from aggregator.model.rules import WAD

FLOAT = 10**30
FLOAT_ROOT = 10**15
_TO_WAD = 10**12
_FRACTION_BITS = 64
_MOST_EXPONENT = 192 * WAD


def apply_factor(value: int, factor: int) -> int:
    """`value * factor`, the factor with 30 decimals, rounded down; both >= 0."""
    return value * factor // FLOAT


def to_factor(value: int, divisor: int) -> int:
    """`value / divisor` with 30 decimals, rounded down; 0 of nothing, whatever the divisor."""
    return value * FLOAT // divisor if value else 0


def round_up(numerator: int, denominator: int) -> int:
    """The quotient rounded up; both >= 0."""
    return -(-numerator // denominator)


@lru_cache(maxsize=4096)
def apply_exponent(value: int, exponent: int) -> int:
    """A value in USD to a power, both with 30 decimals; 0 below one dollar.

    Raises OverflowError where the contract would revert: a result of 2^192 or more.
    """
    if value < FLOAT:
        return 0
    if exponent == FLOAT:
        return value
    return _exp2(_multiply(_log2(value // _TO_WAD), exponent // _TO_WAD)) * _TO_WAD


def _multiply(x: int, y: int) -> int:
    """The product of two numbers with 18 decimals, half rounded up."""
    return (x * y + WAD // 2) // WAD


def _log2(x: int) -> int:
    """The binary logarithm of a number >= 1 with 18 decimals, bit after bit of the fraction."""
    whole = (x // WAD).bit_length() - 1
    result, y = whole * WAD, x >> whole
    if y == WAD:
        return result
    bit = WAD // 2
    while bit:
        y = y * y // WAD
        if y >= 2 * WAD:
            result += bit
            y >>= 1
        bit >>= 1
    return result


def _exp2(x: int) -> int:
    """Two to the power of a number with 18 decimals."""
    if x >= _MOST_EXPONENT:
        raise OverflowError(f"a power of two of {x / WAD:.0f}")
    binary = (x << _FRACTION_BITS) // WAD
    result = 1 << 191
    for place, root in enumerate(_roots(), start=1):
        if binary >> (_FRACTION_BITS - place) & 1:
            result = result * root >> _FRACTION_BITS
    return result * WAD >> (191 - (binary >> _FRACTION_BITS))


@lru_cache(maxsize=1)
def _roots() -> tuple[int, ...]:
    """2^(1/2), 2^(1/4), ... 2^(2^-64), each rounded to 64 binary places."""
    spare = 192
    root, found = 2 << (_FRACTION_BITS + spare), []
    for _ in range(_FRACTION_BITS):
        root = isqrt(root << (_FRACTION_BITS + spare))
        found.append((root + (1 << (spare - 1))) >> spare)
    return tuple(found)
