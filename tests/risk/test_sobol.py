"""Points and quantiles against scipy, and what makes the points the same everywhere."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri
from scipy.stats import qmc

from aggregator.risk import quantiles
from aggregator.risk.sobol import DIGITS, DIMENSIONS, direction_numbers, points, random_bits

LOG2 = 10
PROBABILITIES = np.concatenate(
    [np.logspace(-12, -2, 500), np.linspace(0.01, 0.99, 501), 1.0 - np.logspace(-2, -12, 500)]
)


def test_direction_numbers() -> None:
    """All dimensions without a scramble are scipy's, which goes through them in the order of a Gray code."""
    theirs = qmc.Sobol(DIMENSIONS, scramble=False, bits=DIGITS).random_base2(LOG2)
    gray = np.arange(1 << LOG2)
    gray ^= gray >> 1
    for dimension in range(DIMENSIONS):
        numbers = direction_numbers(dimension)
        ours = np.zeros(1 << LOG2, dtype=np.uint64)
        for bit in range(LOG2):
            ours ^= np.where(gray >> bit & 1, numbers[bit], np.uint64(0))
        assert np.array_equal(ours / 2.0**DIGITS, theirs[:, dimension])
    with pytest.raises(IndexError):
        direction_numbers(DIMENSIONS)


def test_points_are_spread_evenly() -> None:
    """A point in each of n intervals, and in two dimensions in each cell of the nets that Sobol's are."""
    n = 1 << LOG2
    x, y = points(0, LOG2, "a"), points(1, LOG2, "a")
    for values in (x, y, points(DIMENSIONS - 1, LOG2, "a")):
        assert np.array_equal(np.sort((values * n).astype(int)), np.arange(n))
    for columns in (4, 32, 256):
        cells = (x * columns).astype(int) * (n // columns) + (y * (n // columns)).astype(int)
        assert len(set(cells.tolist())) == n


def test_scrambles_differ() -> None:
    """Another label, or dimension, is another scramble: no two put a point at the same place."""
    one, two = points(3, LOG2, "a"), points(3, LOG2, "b")
    assert not np.any(one == two)
    assert not np.array_equal(random_bits("a/3", 4), random_bits("a/4", 4))


def test_points_are_the_same_bytes_everywhere() -> None:
    """Integers and one exact division: what numpy does in another version or processor can't show."""
    found = b"".join(points(d, LOG2, "crossmargin 1").astype("<f8").tobytes() for d in (0, 1, 40))
    assert (
        hashlib.sha256(found).hexdigest()
        == "1d6db3124ce98523caa321084823ccd0638b8da8cc7b70c8183aa2fedd87915c"
    )


def test_normal_quantile() -> None:
    """To 1e-15 of itself, far out as well."""
    p = np.concatenate([PROBABILITIES, np.logspace(-300, -12, 200)])
    assert quantiles.normal(p) == pytest.approx(ndtri(p), rel=2e-15, abs=1e-16)
    assert quantiles.normal(np.array([0.5])) == 0.0


@pytest.mark.parametrize("degrees", [2, 4, 6, 10, 30])
def test_chi_square_quantile(degrees: int) -> None:
    """What lies below and above the quantile is what was asked for, in either tail."""
    w = quantiles.chi_square(PROBABILITIES, degrees)
    assert stats.chi2.cdf(w, degrees) == pytest.approx(PROBABILITIES, rel=3e-14)
    assert stats.chi2.sf(w, degrees) == pytest.approx(1.0 - PROBABILITIES, rel=3e-14)


@pytest.mark.parametrize("degrees", [0, 3])
def test_chi_square_needs_an_even_number(degrees: int) -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        quantiles.chi_square(PROBABILITIES, degrees)
