"""Volatilities and correlations from daily returns (RISK.md section 3), for assets with and without history.

EWMA is about zero, as RiskMetrics has it (Technical Document, 4th edition, 1996, section 5.2). The shrinkage
is that of Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal
of Multivariate Analysis 88 (2004), pages 365 to 411, of returns in units of their own volatility: what is
wanted is a correlation, and so neither units nor the most volatile asset decide how much is shrunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.pricing.returns import DailyReturns

SMALLEST_EIGENVALUE = 1e-8
_STILL = 1e-9
"""A price whose daily returns are below this does not move; whose volatility is, correlates with nothing."""


@dataclass(frozen=True, slots=True)
class Estimation:
    """How history is used: the decay of weights per day, the days of the window, and shares.

    Volatility is never below `long_run_share` of the configured one; `ewma_share` of a correlation is EWMA,
    the rest shrunk. An asset has history with `least_days` returns in the window, one of them among the last
    `latest_days` days.
    """

    ewma_lambda: float
    window_days: int
    long_run_share: float
    ewma_share: float
    least_days: int
    latest_days: int


@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """What the history of each asset says; all arrays are in the order of its assets.

    `days` (assets,) returns within the window; `ewma`, `window` (assets,) daily volatilities, NaN without
    history; `correlated` the positions of the assets in `correlation`, which is positive semidefinite.
    """

    days: NDArray[np.intp]
    ewma: NDArray[np.float64]
    window: NDArray[np.float64]
    correlated: NDArray[np.intp]
    correlation: NDArray[np.float64]


def estimate(returns: DailyReturns, how: Estimation) -> Estimate:
    """Volatilities of all assets that have history, correlations of those that have enough of it together.

    Of assets whose days have too few in common, those with the fewest days are left out first. A price that
    does not move has no history.
    """
    values = returns.values
    recent = values[-how.window_days :]
    days = np.isfinite(recent).sum(axis=0)
    fresh = np.isfinite(values[-how.latest_days :]).any(axis=0)
    known = fresh & (days >= how.least_days)
    ewma, window = np.full((2, len(returns.assets)), np.nan)
    for i in np.flatnonzero(known):
        mine = recent[np.isfinite(recent[:, i]), i]
        if np.abs(mine).max() > _STILL:  # a price that falls evenly moves, and has no deviation
            ewma[i] = np.sqrt(ewma_covariance(values[:, [i]], how.ewma_lambda)[0, 0])
            window[i] = mine.std(ddof=1)
    chosen = _together(recent, [int(i) for i in np.flatnonzero(np.isfinite(ewma))], days, how.least_days)
    correlation = np.eye(len(chosen))
    if len(chosen) > 1:
        fast = _correlation(ewma_covariance(values[:, chosen], how.ewma_lambda))
        correlation = how.ewma_share * fast + (1.0 - how.ewma_share) * shrunk_correlation(recent[:, chosen])
    return Estimate(days, ewma, window, np.array(chosen, dtype=np.intp), correlation)


def ewma_covariance(values: NDArray[np.float64], decay: float) -> NDArray[np.float64]:
    """The second moments about zero of returns (days, assets), weights decay^age, of the complete days.

    A day that is missing still makes those before it older. Shape (assets, assets).
    """
    complete = np.isfinite(values).all(axis=1)
    weights = decay ** np.arange(len(values) - 1, -1, -1.0)[complete]
    found = values[complete]
    moments: NDArray[np.float64] = (found * weights[:, None]).T @ found / weights.sum()
    return moments


def shrunk_correlation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation of returns (days, assets), of the complete days, shrunk towards none.

    With x_t the standardised returns of day t and S their correlation, n days, p assets:
    d^2 = |S - I|^2 / p, b^2 = min(d^2, sum_t |x_t x_t' - S|^2 / (n^2 p)) in squared Frobenius norms, and the
    result is (1 - b^2/d^2) S + (b^2/d^2) I (Ledoit and Wolf 2004, section 3.2; the mean variance is 1).
    """
    found = values[np.isfinite(values).all(axis=1)]
    n, p = found.shape
    X = (found - found.mean(axis=0)) / found.std(axis=0)
    S = X.T @ X / n
    np.fill_diagonal(S, 1.0)
    away = float(np.square(S - np.eye(p)).sum()) / p
    # The sum over all days of |x x' - S|^2, without a matrix for every day: S is the mean of x x'.
    squares = np.square(np.square(X).sum(axis=1)).sum() - n * np.square(S).sum()
    noise = float(squares) / (n * n * p)
    intensity = min(noise, away) / away if away > 0.0 else 0.0
    shrunk: NDArray[np.float64] = (1.0 - intensity) * S + intensity * np.eye(p)
    return shrunk


def mixed(
    defaults: NDArray[np.float64], named: Sequence[str], returns: DailyReturns, found: Estimate
) -> NDArray[np.float64]:
    """The correlations of the named assets: of history between those that have it, else the defaults.

    Positive definite with a unit diagonal, whatever the two say of each other.
    """
    R = defaults.copy()
    places = {returns.assets[i]: k for k, i in enumerate(found.correlated)}
    for i, one in enumerate(named):
        for j, other in enumerate(named):
            if i != j and one in places and other in places:
                R[i, j] = found.correlation[places[one], places[other]]
    return clipped(R)


def clipped(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A correlation matrix whose eigenvalues are at least 1e-8, its diagonal restored to 1.

    One that has only larger ones is returned as it is.
    """
    eigenvalues, vectors = np.linalg.eigh(matrix)
    if eigenvalues[0] >= SMALLEST_EIGENVALUE:
        return matrix
    raised = (vectors * np.maximum(eigenvalues, SMALLEST_EIGENVALUE)) @ vectors.T
    return _correlation((raised + raised.T) / 2.0)


def _correlation(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    deviations = np.sqrt(np.diag(covariance))
    found: NDArray[np.float64] = np.clip(covariance / np.outer(deviations, deviations), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def _together(
    recent: NDArray[np.float64], chosen: list[int], days: NDArray[np.intp], least: int
) -> list[int]:
    """Assets that have enough days in common, on which each of them moves."""
    while len(chosen) > 1:
        common = recent[np.isfinite(recent[:, chosen]).all(axis=1)][:, chosen]
        if len(common) < least:
            chosen = [i for i in chosen if i != min(reversed(chosen), key=lambda i: days[i])]
            continue
        moving = common.std(axis=0) > _STILL
        if moving.all():
            return chosen
        chosen = [i for i, moves in zip(chosen, moving, strict=True) if moves]
    return []
