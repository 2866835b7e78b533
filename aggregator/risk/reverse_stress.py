"""The most likely joint move that ruins a book: the least Mahalanobis distance at which E <= A.

Moves are log returns y of all underlyings, prices exp(y): section 3's distribution, under which no price
turns negative. To first order they are the x of RISK.md section 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Gap: TypeAlias = Callable[[Floats], Floats]
"""What is left, E - A in USD, at log returns of shape (points, underlyings); shape (points,)."""

FARTHEST = float(np.log(100.0))
"""Prices from a hundredth to a hundredfold."""

STARTS = 8
"""The nearest crossings along fixed directions from which the search starts, beside the linear one."""

_STEPS = np.linspace(0.0, 1.0, 129)
_HALVINGS = 60
_BUMP = 1e-5


def linear(equity_usd: float, delta_usd: Floats, covariance: Floats) -> tuple[Floats, float]:
    """The nearest ruin of a linear book: the move -(E0/D'SD)*S*D and its distance E0/sqrt(D'SD).

    Nothing moves it where there is no delta: then the distance is inf and the move 0.
    """
    loading = covariance @ delta_usd
    variance = float(delta_usd @ loading)
    if variance <= 0.0:
        return np.zeros(len(delta_usd)), float("inf")
    return -equity_usd / variance * loading, equity_usd / variance**0.5


def nearest_ruin(gap: Gap, covariance: Floats, directions: Floats) -> tuple[Floats, float] | None:
    """The log returns nearest to today at which nothing is left, and their Mahalanobis distance.

    SLSQP in coordinates in which all underlyings are independent and of unit variance, from the nearest
    crossings along `directions` (any, underlyings), plus and minus the principal components among them; so
    the result is never farther than any of them. Pulled back onto gap = 0 along its own ray. None where
    nothing is found within FARTHEST. The covariance must be positive definite.
    """
    root = np.linalg.cholesky(covariance)
    _, axes = np.linalg.eigh(covariance)
    # To independent coordinates: y = root @ z.
    ways = np.linalg.solve(root, np.vstack([directions, axes.T, -axes.T]).T).T
    ways = ways[np.abs(ways).max(axis=1) > 0.0]

    def left(z: Floats) -> Floats:
        return gap(z @ root.T)

    found = _crossings(left, ways, root)
    if not found:
        return None
    found.sort(key=lambda z: float(z @ z))
    scale = max(1.0, abs(float(left(np.zeros((1, len(root))))[0])))
    for start in list(found[:STARTS]):
        found += _crossings(left, _improved(left, start, scale)[None], root)
    best = min(found, key=lambda z: float(z @ z))
    return root @ best, float(np.sqrt(best @ best))


def _improved(left: Gap, start: Floats, scale: float) -> Floats:
    """Where SLSQP ends from a point on the boundary; the start where it gets nowhere."""
    from scipy.optimize import minimize  # noqa: PLC0415  # slow to import: for those who ask only

    size = len(start)
    bumps = _BUMP * np.vstack([np.eye(size), -np.eye(size)])

    def slope(z: Floats) -> Floats:
        values = left(z + bumps)
        slopes: Floats = (values[size:] - values[:size]) / (2.0 * _BUMP * scale)
        return slopes

    result = minimize(
        lambda z: 0.5 * float(z @ z),
        start,
        jac=lambda z: z,
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda z: -float(left(z[None])[0]) / scale, "jac": slope},
        options={"maxiter": 100, "ftol": 1e-12},
    )
    end: Floats = np.asarray(result.x, dtype=np.float64)
    return end if np.isfinite(end).all() and end.any() else start


def _crossings(left: Gap, ways: Floats, root: Floats) -> list[Floats]:
    """The first point of each ray at which nothing is left, as far as prices may go; rays without are left
    out."""
    reach = FARTHEST / np.abs(ways @ root.T).max(axis=1)
    ends = ways * reach[:, None]
    values = left((ends[:, None, :] * _STEPS[:, None]).reshape(-1, ways.shape[1]))
    broken = values.reshape(len(ways), len(_STEPS)) <= 0.0
    hit = np.flatnonzero(broken.any(axis=1))
    if not hit.size:
        return []
    first = broken[hit].argmax(axis=1)
    low, high = _STEPS[np.maximum(first - 1, 0)], _STEPS[first]
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        fails = left(ends[hit] * middle[:, None]) <= 0.0
        low, high = np.where(fails, low, middle), np.where(fails, middle, high)
    return list(ends[hit] * high[:, None])
