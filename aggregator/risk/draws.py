"""Drawn log returns: they depend on the configuration and the market snapshot, never on a portfolio (R0).

Sobol dimensions: the chi-square first, then the named assets' returns in the order of the configuration, then
(from a fixed place on) their volatilities. An asset without a name has draws of its own that its name alone
decides, spread evenly as one dimension and in random order against all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD
from aggregator.risk import quantiles, sobol
from aggregator.risk.draw_parameters import MOST_ASSETS, DrawParameters
from aggregator.risk.scenarios import ScenarioSet

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Draws:
    """Log returns and changes of ln IV over the horizon of the parameters, each (underlyings, draws)."""

    returns: Floats
    log_iv: Floats


@dataclass(frozen=True, eq=False, slots=True)
class _Named:
    """Standard normals of the named assets: `moves` correlated, `vols` not, (assets, draws); and what a
    normal is multiplied with to become Student's t of variance 1, (draws,)."""

    moves: Floats
    vols: Floats
    scale: Floats


def draws(scenarios: ScenarioSet, underlyings: Sequence[str]) -> Draws:
    """The draws of these underlyings; USD does not move.

    RISK.md section 3: x = sigma * sqrt(days) * t, cut at `clip` times sigma * sqrt(days); d ln IV =
    iv_beta * x + iv_volatility * sqrt(days) * eps.
    """
    size = scenarios.parameters.draws
    correlation = tuple(tuple(row) for row in scenarios.correlations().tolist())
    named = _named(size, correlation)
    at = {name: i for i, name in enumerate(scenarios.parameters.assets)}
    returns, log_iv = np.zeros((2, len(underlyings), size.count))
    root = float(np.sqrt(size.days))
    for row, underlying in enumerate(underlyings):
        if underlying in at:
            move, vol = named.moves[at[underlying]], named.vols[at[underlying]]
        else:
            alone, vol = _unnamed(size, underlying)
            rest = float(np.sqrt(1.0 - size.market_loading**2))
            move = size.market_loading * named.moves[at[size.market]] + rest * alone
        deviation = 0.0 if underlying == USD else scenarios.daily_volatility(underlying) * root
        returns[row] = deviation * np.clip(named.scale * move, -size.clip, size.clip)
        log_iv[row] = size.iv_beta * returns[row] + size.iv_volatility * root * vol
    return Draws(returns, log_iv)


@lru_cache(maxsize=4)
def _named(size: DrawParameters, correlation: tuple[tuple[float, ...], ...]) -> _Named:
    count = len(correlation)

    def points(dimension: int) -> Floats:
        return sobol.points(dimension, size.log2_count, size.seed)

    degrees = size.degrees_of_freedom
    scale = np.sqrt((degrees - 2) / quantiles.chi_square(points(0), degrees))
    independent = quantiles.normal(np.array([points(1 + i) for i in range(count)]))
    vols = quantiles.normal(np.array([points(1 + MOST_ASSETS + i) for i in range(count)]))
    return _frozen(_Named(np.linalg.cholesky(np.array(correlation)) @ independent, vols, scale))


@lru_cache(maxsize=64)
def _unnamed(size: DrawParameters, name: str) -> tuple[Floats, Floats]:
    moves, vols = (
        quantiles.normal((np.argsort(random, kind="stable") + 0.5) / size.count)
        for random in sobol.random_bits(f"{size.seed}/{name}", 2 * size.count).reshape(2, size.count)
    )
    for values in (moves, vols):
        values.flags.writeable = False
    return moves, vols


def _frozen(named: _Named) -> _Named:
    for values in (named.moves, named.vols, named.scale):
        values.flags.writeable = False
    return named
