"""Covariance of daily log returns of any underlyings, those outside the configuration included."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.scenarios import ScenarioSet

Floats = NDArray[np.float64]


def correlation(scenarios: ScenarioSet, underlyings: Sequence[str]) -> Floats:
    """Correlations of daily log returns, before the cut of the draws, shape (underlyings, underlyings).

    An underlying without a name moves with its share of the market's asset and else on its own (RISK.md
    section 3).
    """
    names, R, size = tuple(scenarios.parameters.assets), scenarios.correlations(), scenarios.parameters.draws
    load = np.zeros((len(underlyings), len(names)))
    for row, u in enumerate(underlyings):
        named = u in names
        load[row, names.index(u if named else size.market)] = 1.0 if named else size.market_loading
    result: Floats = load @ R @ load.T
    np.fill_diagonal(result, 1.0)
    return result


def covariance(scenarios: ScenarioSet, underlyings: Sequence[str]) -> Floats:
    """Covariances of daily log returns, shape (underlyings, underlyings)."""
    sigma = np.array([scenarios.daily_volatility(u) for u in underlyings])
    result: Floats = correlation(scenarios, underlyings) * np.outer(sigma, sigma)
    return result


def betas(covariances: Floats) -> Floats:
    """Sigma_ju/Sigma_uu in row u and column j: how others move on average where u moves.

    Where u itself never moves nothing moves with it.
    """
    own = np.diag(covariances)[:, None]
    result: Floats = np.divide(covariances, own, out=np.eye(len(covariances)), where=own > 0.0)
    return result
