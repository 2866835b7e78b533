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

    Nothing moves it where there is no delta: then the distance is inf and the move 0. Where nothing is left
    both are 0.
    """
    if equity_usd <= 0.0:
        return np.zeros(len(delta_usd)), 0.0
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
    root: Floats = np.linalg.cholesky(covariance).astype(np.float64)
    today = float(gap(np.zeros((1, len(root))))[0])
    if today <= 0.0:
        return np.zeros(len(root)), 0.0
    _, axes = np.linalg.eigh(covariance)
    # To independent coordinates: y = root @ z.
    ways = np.linalg.solve(root, np.vstack([directions, axes.T, -axes.T]).T).T
    ways = ways[np.abs(ways).max(axis=1) > 0.0]

    def left(z: Floats) -> Floats:
        return gap(np.clip(z @ root.T, -FARTHEST, FARTHEST))  # a search may look beyond

    found = _crossings(left, ways, root)
    if not found:
        return None
    found.sort(key=lambda z: float(z @ z))
    for start in list(found[:STARTS]):
        found += _crossings(left, _improved(left, start, today)[None], root)
    best = min(found, key=lambda z: float(z @ z))
    return root @ best, float(np.sqrt(best @ best))


def _improved(left: Gap, start: Floats, scale: float) -> Floats:
    """Where SLSQP ends from a point on the boundary; the start where it gets nowhere.

    In units of the start's distance and of today's gap, so that tolerances mean the same for every book.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  # slow to import: for those who ask only

    size, unit = len(start), float(np.sqrt(start @ start))
    points = unit * _BUMP * np.vstack([np.zeros(size), np.eye(size), -np.eye(size)])
    seen: dict[bytes, tuple[float, Floats]] = {}

    def at(z: Floats) -> tuple[float, Floats]:
        """What is lost and its slope, in one evaluation."""
        key = z.tobytes()
        if key not in seen:
            values = left(unit * z + points) / -scale
            slopes: Floats = (values[1 : size + 1] - values[size + 1 :]) / (2.0 * _BUMP)
            seen[key] = float(values[0]), slopes
        return seen[key]

    def squared(z: Floats) -> float:
        return 0.5 * float(z @ z)

    def own(z: Floats) -> Floats:
        return z

    def lost(z: Floats) -> float:
        return at(z)[0]

    def slope(z: Floats) -> Floats:
        return at(z)[1]

    result = minimize(
        squared,
        start / unit,
        jac=own,
        method="SLSQP",
        constraints={"type": "ineq", "fun": lost, "jac": slope},
        options={"maxiter": 50, "ftol": 1e-10},
    )
    end: Floats = unit * np.asarray(result.x, dtype=np.float64)
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
