"""Volatilities and correlations: known ones are found again, and no data give an impossible matrix."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregator.pricing.covariance import (
    Estimation,
    clipped,
    estimate,
    ewma_covariance,
    mixed,
    shrunk_correlation,
)
from aggregator.pricing.returns import DailyReturns

Array = NDArray[np.float64]

HOW = Estimation(0.97, 365, 0.75, 0.5, 90, 7)
NAMES = ("A", "B", "C")
SEEDS = st.integers(0, 2**32 - 1)


def returns(values: Array, names: tuple[str, ...] | None = None) -> DailyReturns:
    """Returns of as many assets as there are columns."""
    assets = names or tuple(f"asset {i}" for i in range(values.shape[1]))
    return DailyReturns(assets, values, 20_000, ("test",) * len(assets))


def drawn(seed: int, days: int, R: Array, sigma: Array) -> Array:
    """Normal returns with these correlations and volatilities."""
    normal = np.random.default_rng(seed).standard_normal((days, len(R)))
    found: Array = normal @ np.linalg.cholesky(R).T * sigma
    return found


def by_definition(values: Array) -> Array:
    """The shrunk correlation as its authors write it: a matrix for every day, norms by loops."""
    n, p = (int(size) for size in values.shape)
    X = np.array([[(x - column.mean()) / column.std() for x in column] for column in values.T]).T
    S: Array = np.array(sum(np.outer(x, x) for x in X)) / n
    m = float(np.trace(S)) / p

    def norm(A: Array) -> float:
        return math.fsum(float(A[i, j]) ** 2 for i in range(p) for j in range(p)) / float(p)

    d2 = norm(S - m * np.eye(p))
    b2 = min(d2, sum(norm(np.outer(x, x) - S) for x in X) / n**2)
    found: Array = b2 / d2 * m * np.eye(p) + (d2 - b2) / d2 * S
    return found


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 5), st.integers(3, 60))
def test_shrinkage_is_that_of_its_authors(seed: int, p: int, n: int) -> None:
    """Few days, for which everything is shrunk, up to many."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, p)) @ rng.standard_normal((p, p)) + rng.standard_normal(p)
    np.testing.assert_allclose(shrunk_correlation(values), by_definition(values), rtol=1e-9, atol=1e-12)


def test_shrinkage_by_hand() -> None:
    """Two assets, four days: x = (3, 1, -1, -3) and y = (1, 3, -3, -1), each of variance 5.

    S12 = (3 + 3 + 3 + 3)/20 = .6, so |S|^2 = 2 + 2*.36 = 2.72 and d^2 = .72/2 = .36. Standardised, every
    day's vector has the square 10/5 = 2, so that b^2 = (4*2^2 - 4*2.72)/(4^2*2) = .16, and 1 - .16/.36 = 5/9
    of .6 is left.
    """
    found = shrunk_correlation(np.array([[3.0, 1.0], [1.0, 3.0], [-1.0, -3.0], [-3.0, -1.0]]))
    np.testing.assert_allclose(found, [[1.0, 1.0 / 3.0], [1.0 / 3.0, 1.0]], rtol=1e-12)


def test_ewma_by_hand() -> None:
    """Weights 1, 1/2 and 1/8 of today, yesterday and three days ago; the day between is incomplete."""
    values = np.array([[4.0, 1.0], [math.nan, 9.0], [2.0, 2.0], [1.0, -1.0]])
    found = ewma_covariance(values, 0.5)
    total = 1.0 + 0.5 + 0.125
    expected = [
        [(1 + 2 + 2) / total, (-1 + 2 + 0.5) / total],
        [(-1 + 2 + 0.5) / total, (1 + 2 + 0.125) / total],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_known_covariance_is_found_again() -> None:
    """Within four standard errors of samples of an effective 65 (EWMA) and 365 days, over 40 seeds."""
    R = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, -0.2], [0.3, -0.2, 1.0]])
    sigma = np.array([0.02, 0.04, 0.1])
    effective = (1 + 0.97) / (1 - 0.97)
    found = [estimate(returns(drawn(seed, 1_000, R, sigma)), HOW) for seed in range(40)]
    for one in found:
        np.testing.assert_allclose(one.window, sigma, rtol=4 / math.sqrt(2 * 365))
        np.testing.assert_allclose(one.ewma, sigma, rtol=4 / math.sqrt(2 * effective))
    mean = np.mean([one.correlation for one in found], axis=0)
    np.testing.assert_allclose(mean, R, atol=0.03)
    spread = np.std([one.correlation[0, 1] for one in found])
    assert 0.0 < spread < (1 - 0.8**2) / math.sqrt(effective)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 6), st.floats(0.0, 0.6), st.integers(1, 400))
def test_any_history_gives_a_possible_matrix(seed: int, p: int, gaps: float, days: int) -> None:
    """Unit diagonal, symmetric, positive semidefinite, whatever is missing; twins and mirrors included."""
    rng = np.random.default_rng(seed)
    values = rng.standard_t(3, (days, p)) * rng.uniform(0.001, 0.2, p)
    if p > 2:
        values[:, 1], values[:, 2] = values[:, 0], -values[:, 0]
    values[rng.random((days, p)) < gaps] = math.nan
    found = estimate(returns(values), HOW)
    R = found.correlation
    assert R.shape == (len(found.correlated),) * 2
    np.testing.assert_array_equal(np.diag(R), 1.0)
    np.testing.assert_allclose(R, R.T, atol=1e-15)
    assert np.abs(R).max(initial=0.0) <= 1.0
    assert len(R) == 0 or np.linalg.eigvalsh(R)[0] >= -1e-12
    assert (np.isfinite(found.ewma) == np.isfinite(found.window)).all()
    assert np.isfinite(found.ewma[found.correlated]).all()
    assert (found.days == np.isfinite(values[-365:]).sum(axis=0)).all()


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.permutations(range(4)))
def test_scale_and_order_change_nothing_else(seed: int, order: list[int]) -> None:
    """Volatilities scale with returns, correlations don't; a permuted history gives the permuted matrix."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((200, 4)) @ rng.standard_normal((4, 4))
    factors = rng.uniform(0.01, 100.0, 4)
    plain, scaled = estimate(returns(values), HOW), estimate(returns(values * factors), HOW)
    np.testing.assert_allclose(scaled.correlation, plain.correlation, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scaled.ewma, plain.ewma * factors, rtol=1e-12)
    np.testing.assert_allclose(scaled.window, plain.window * factors, rtol=1e-12)
    turned = estimate(returns(values[:, order]), HOW)
    np.testing.assert_allclose(turned.correlation, plain.correlation[np.ix_(order, order)], rtol=1e-9)
    np.testing.assert_allclose(turned.ewma, plain.ewma[order], rtol=1e-12)


def test_who_has_no_history() -> None:
    """Too few days, none of late, a price that stands still; a single row makes the difference."""
    rng = np.random.default_rng(1)
    values = rng.standard_normal((365, 5)) * 0.03
    values[: 365 - 89, 0] = math.nan
    values[: 365 - 90, 1] = math.nan
    values[-7:, 2] = math.nan
    values[:, 3] = 0.0
    found = estimate(returns(values), HOW)
    assert list(np.isfinite(found.ewma)) == [False, True, False, False, True]
    assert list(found.correlated) == [1, 4]
    values[-7, 2] = 0.01
    assert np.isfinite(estimate(returns(values), HOW).ewma[2])


def test_assets_without_days_in_common_do_not_correlate() -> None:
    """The one with the fewest days is left out; its volatility stays."""
    rng = np.random.default_rng(2)
    values = rng.standard_normal((365, 3)) * 0.03
    values[::2, 2] = math.nan
    values[1::2, 1] = math.nan
    found = estimate(returns(values), HOW)
    assert np.isfinite(found.ewma).all()
    assert list(found.correlated) == [0, 1]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 6))
def test_clipping_repairs_what_is_impossible(seed: int, p: int) -> None:
    """Eigenvalues stay above zero with the diagonal restored, and a possible matrix is left alone."""
    rng = np.random.default_rng(seed)
    A = rng.uniform(-1.0, 1.0, (p, p))
    A = (A + A.T) / 2.0
    np.fill_diagonal(A, 1.0)
    R = clipped(A)
    np.testing.assert_array_equal(np.diag(R), 1.0)
    assert np.linalg.eigvalsh(R)[0] > 1e-10
    assert np.abs(R).max() <= 1.0
    assert np.isfinite(np.linalg.inv(R)).all()
    if np.linalg.eigvalsh(A)[0] >= 1e-8:
        assert R is A


def test_a_mix_of_history_and_defaults() -> None:
    """Pairs of history where both have it, in any order; a contradiction with the defaults is repaired."""
    defaults = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, 0.9], [0.9, 0.9, 1.0]])
    history = returns(np.zeros((1, 2)), ("C", "A"))
    found = estimate(returns(np.random.default_rng(3).standard_normal((365, 2))), HOW)
    gentle = mixed(defaults, NAMES, history, replace(found, correlation=np.array([[1.0, 0.7], [0.7, 1.0]])))
    np.testing.assert_array_equal(gentle, [[1.0, 0.9, 0.7], [0.9, 1.0, 0.9], [0.7, 0.9, 1.0]])
    harsh = mixed(defaults, NAMES, history, replace(found, correlation=np.array([[1.0, -0.9], [-0.9, 1.0]])))
    assert np.linalg.eigvalsh(harsh)[0] > 0.0
    assert harsh[0, 2] < -0.1 < 0.1 < harsh[0, 1] < 0.9
    assert harsh[0, 1] == pytest.approx(harsh[1, 2])
