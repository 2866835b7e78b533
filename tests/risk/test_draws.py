"""Drawn returns: moments and quantiles that are known exactly, independence of what is held, the limits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats

from aggregator.model.errors import BadConfiguration
from aggregator.risk.covariance import covariance
from aggregator.risk.draws import Draws, draws
from aggregator.risk.parameters import parameters
from aggregator.risk.scenarios import ScenarioSet, scenario_set
from aggregator.risk.tail import tail_count, tail_mean
from tests.risk.builders import TOKENS, defaults, scenarios
from tests.risk.test_parameters import nested, shipped

NAMED = ("BTC", "ETH", "SOL", "BNB", "XRP")
OTHERS = ("LINK", "eip155:1/erc20:0xdead")
ALL = (*NAMED, *OTHERS)
T4 = stats.t(4, scale=math.sqrt(0.5))
CLIP = 6.0


def configured(path: str, value: object) -> ScenarioSet:
    return scenario_set(parameters(shipped(), nested(path, value)), TOKENS)


def standard(of: Draws, underlyings: tuple[str, ...] = ALL, days: int = 2) -> NDArray[np.float64]:
    """Returns in standard deviations."""
    sigma = np.array([scenarios().daily_volatility(u) for u in underlyings]) * math.sqrt(days)
    return of.returns / sigma[:, None]


def test_student_t() -> None:
    """Quantiles, variance and both tails of Student's t, cut at six deviations, of every named asset."""
    values = standard(draws(scenarios(), NAMED), NAMED)
    tail = tail_count(0.99, 16_384)
    cut, inner = T4.cdf(-CLIP), T4.ppf(0.01)
    variance = 2 * (integrate.quad(lambda y: y * y * T4.pdf(y), 0, CLIP)[0] + CLIP**2 * cut)
    shortfall = (CLIP * cut - integrate.quad(lambda y: y * T4.pdf(y), -CLIP, inner)[0]) / 0.01
    assert inner == pytest.approx(-2.6495, abs=1e-4)
    assert np.mean(values**2, axis=1) == pytest.approx(np.full(5, variance), rel=0.005)
    assert np.mean(values, axis=1) == pytest.approx(np.zeros(5), abs=1e-3)
    for side in (values, -values):
        assert -tail_mean(side, tail) == pytest.approx(np.full(5, shortfall), rel=0.02)
        assert np.quantile(side, 0.01, axis=1) == pytest.approx(np.full(5, inner), rel=0.02)
    assert np.abs(values).max() == pytest.approx(CLIP)


def test_correlations() -> None:
    """Those of the table, .6 with BTC for an asset outside of it, and .36 between two of these."""
    ours = scenarios()
    expected = covariance(ours, ALL)
    sigma = np.sqrt(np.diag(expected))
    assert sigma.tolist() == pytest.approx([ours.daily_volatility(u) for u in ALL])
    R = expected / np.outer(sigma, sigma)
    assert R[:5, :5] == pytest.approx(defaults().correlations())
    assert R[5, 0] == R[6, 0] == pytest.approx(0.6)
    assert R[5, 6] == pytest.approx(0.36)
    assert R[5, 1] == pytest.approx(0.6 * 0.84)
    assert np.corrcoef(draws(ours, ALL).returns) == pytest.approx(R, abs=0.03)


def test_volatility_moves_against_returns() -> None:
    """d ln IV = -.3 x + .10 sqrt(2) eps, eps normal, its own for every underlying."""
    found = draws(scenarios(), ALL)
    own = (found.log_iv + 0.3 * found.returns) / (0.10 * math.sqrt(2))
    assert np.mean(own, axis=1) == pytest.approx(np.zeros(7), abs=1e-3)
    assert np.var(own, axis=1) == pytest.approx(np.ones(7), rel=2e-3)
    assert np.corrcoef(own) == pytest.approx(np.eye(7), abs=0.02)


def test_draws_do_not_depend_on_what_else_is_drawn() -> None:
    """R0: an underlying has the same draws alone, in any order and beside any other one; USD has none."""
    ours = scenarios()
    wide = draws(ours, ALL)
    for row, underlying in enumerate(ALL):
        alone = draws(ours, ("USD", underlying))
        assert np.array_equal(alone.returns[1], wide.returns[row])
        assert np.array_equal(alone.log_iv[1], wide.log_iv[row])
        assert not alone.returns[0].any()
    assert not np.array_equal(wide.returns[5], wide.returns[6])


def test_seed_and_horizon() -> None:
    """Another seed is another sample; a day is the same sample, by the square root of time smaller."""
    two = draws(scenarios(), ("ETH",)).returns
    assert not np.array_equal(draws(configured("draws/seed", "x"), ("ETH",)).returns, two)
    one = draws(configured("draws/days", 1), ("ETH",)).returns
    assert one == pytest.approx(two / math.sqrt(2))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("draws/count", 10_000, "power of 2"),
        ("draws/count", 2048.5, "whole number"),
        ("draws/count", 512, "between 1024"),
        ("draws/degrees_of_freedom", 5, "must be even"),
        ("draws/market", "DOGE", "which .assets. does not name"),
        ("draws/confidence", 0.5, "between 0.9"),
    ],
)
def test_nonsense_is_refused(path: str, value: object, words: str) -> None:
    """By name, with what would be right."""
    with pytest.raises(BadConfiguration, match=words):
        configured(path, value)


def test_more_assets_than_dimensions() -> None:
    """Twenty can be drawn; of one more it is said."""

    def of(count: int) -> dict[str, Any]:
        names = [*NAMED, *(f"A{i}" for i in range(count - 5))]
        data = shipped()
        pairs = {f"{a}-{b}": 0.5 for i, a in enumerate(names) for b in names[i + 1 :]}
        asset = data["assets"]["ETH"]
        return {**data, "assets": dict.fromkeys(names, asset), "correlation": pairs}

    ours = parameters(of(20))
    found = draws(scenario_set(ours, TOKENS), tuple(ours.assets))
    assert np.corrcoef(found.returns) == pytest.approx(ours.correlations(), abs=0.03)
    with pytest.raises(BadConfiguration, match="names 21 assets; returns can be drawn for 20 at most"):
        parameters(of(21))


def test_fewer_draws() -> None:
    """The number is a parameter; the hash knows it."""
    fewer = replace(defaults(), draws=replace(defaults().draws, log2_count=10))
    assert draws(scenario_set(fewer, TOKENS), ("ETH",)).returns.shape == (1, 1_024)
    assert fewer.hash != defaults().hash
