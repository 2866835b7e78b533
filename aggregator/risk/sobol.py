"""Scrambled Sobol points as exact integers, the same bytes on every machine and with every numpy.

Each dimension's digits are mixed by a random lower triangular binary matrix and shifted (J. Matousek, "On the
L2-discrepancy for anchored boxes", J. Complexity 14, 527 (1998)): every point is then uniform, and the points
are as evenly spread as before. The random bits are SHAKE-256 of the seed, not a generator of numpy, whose
streams may change between versions.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.direction_numbers import JOE_KUO

DIGITS = 32
DIMENSIONS = len(JOE_KUO) + 1


def random_bits(label: str, words: int) -> NDArray[np.uint64]:
    """Uniform 64-bit words, shape (words,), that depend on the label alone."""
    found = hashlib.shake_256(label.encode()).digest(8 * words)
    return np.frombuffer(found, dtype="<u8").astype(np.uint64)


def direction_numbers(dimension: int) -> NDArray[np.uint64]:
    """v_1, v_2, ... of a dimension, from 0, as fractions of 2**32, shape (32,).

    By the recurrence of Joe and Kuo's paper; the first dimension's are the powers of 1/2. Raises IndexError
    beyond `DIMENSIONS`.
    """
    if dimension == 0:
        return np.array([1 << (DIGITS - 1 - i) for i in range(DIGITS)], dtype=np.uint64)
    polynomial, first = JOE_KUO[dimension - 1]
    degree = polynomial.bit_length() - 1
    v = [m << (DIGITS - 1 - i) for i, m in enumerate(first)]
    for i in range(degree, DIGITS):
        value = v[i - degree] ^ (v[i - degree] >> degree)
        for k in range(1, degree):
            if polynomial >> (degree - k) & 1:
                value ^= v[i - k]
        v.append(value)
    return np.array(v, dtype=np.uint64)


def points(dimension: int, log2_count: int, label: str) -> NDArray[np.float64]:
    """2**log2_count scrambled points of one dimension in (0, 1), shape (2**log2_count,).

    Points of several dimensions with one label belong together. Each of the equal intervals that (0, 1) is
    cut into has exactly one point.
    """
    random = random_bits(f"{label}/{dimension}", DIGITS + 1)
    place = np.arange(DIGITS - 1, -1, -1, dtype=np.uint64)
    # Digit i of a scrambled number: its own and a random choice of those before it, added modulo 2.
    own = np.uint64(1) << place
    before = ~((own << np.uint64(1)) - np.uint64(1))
    rows = own | (random[:DIGITS] & before)
    mixed = np.bitwise_or.reduce(
        _parity(rows[:, None] & direction_numbers(dimension)[None, :log2_count]) << place[:, None], axis=0
    )
    found = random[DIGITS:] >> np.uint64(DIGITS)
    for number in mixed:
        found = np.concatenate([found, found ^ number])
    scaled: NDArray[np.float64] = (found.astype(np.float64) + 0.5) / 2.0**DIGITS
    return scaled


def _parity(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for step in (16, 8, 4, 2, 1):
        words = words ^ (words >> np.uint64(step))
    return words & np.uint64(1)
