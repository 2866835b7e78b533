"""How much is possible, found by halving."""

from __future__ import annotations

from collections.abc import Callable


def largest(possible: Callable[[int], bool], wanted: int) -> int:
    """The most of `wanted` that is possible, by halving; what is possible is so for any less."""
    low, high = 0, wanted
    while high - low > max(1, wanted // 10**12):
        middle = (low + high) // 2
        low, high = (middle, high) if possible(middle) else (low, middle)
    return low


def least(possible: Callable[[int], bool], most: int) -> int | None:
    """The least up to `most` that is possible, by halving; what is possible is so for any more."""
    if not possible(most):
        return None
    low, high = 0, most
    while high - low > max(1, high // 10**6):
        middle = (low + high) // 2
        low, high = (low, middle) if possible(middle) else (middle, high)
    return high
