"""Scenarios from price history: what it changes, what it never lowers, and what a result says of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregator.pricing.covariance import estimate
from aggregator.pricing.returns import DailyReturns
from aggregator.risk.assess import assess
from aggregator.risk.inputs import NO_HISTORY
from aggregator.risk.scenarios import ScenarioSet, scenario_set
from tests.risk.builders import TOKENS, defaults, portfolio
from tests.risk.linear import FAMILIES, lending

NAMED = ("BTC", "ETH", "SOL", "BNB", "XRP")
LAST_DAY = 20_785


def history(seed: int, sigma: dict[str, float], days: int = 500, common: float = 0.8) -> DailyReturns:
    """Returns of these assets with a common factor."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((days, 1))
    own = rng.standard_normal((days, len(sigma)))
    values: NDArray[np.float64] = (math.sqrt(common) * factor + math.sqrt(1 - common) * own) * list(
        sigma.values()
    )
    return DailyReturns(tuple(sigma), values, LAST_DAY, ("Chainlink on ethereum",) * len(sigma))


def scenarios(found: DailyReturns | None, late: dict[str, float] | None = None) -> ScenarioSet:
    """The default scenarios with a history."""
    return scenario_set(defaults(), TOKENS, late, found)


def test_without_history_all_is_as_configured() -> None:
    """The same set, and the same hash, as where nobody speaks of history."""
    ours = scenarios(None)
    assert ours.hash == scenario_set(defaults(), TOKENS).hash
    assert ours.history is None
    np.testing.assert_array_equal(ours.correlations(), defaults().correlations())
    assert [ours.daily_volatility(u) for u in NAMED] == [defaults().assets[u].daily_volatility for u in NAMED]
    assert ours.daily_volatility("USD") == 0.0
    assert ours.daily_volatility("nobody knows it") == defaults().tail.daily_volatility


def test_a_feed_that_answered_nonsense_breaks_nothing() -> None:
    """Once, or every day from the lowest price to the highest: the widest range, and figures that add up."""
    loan = portfolio(lending("loan", {"ETH": 10.0, "USDC": -20_000.0}))
    once = history(1, {"ETH": 0.03}).values.copy()
    once[-1] = 60.0
    every = np.where(np.arange(500) % 2, 69.0, -69.0)[:, None]
    for values in (once, every):
        wild = scenarios(DailyReturns(("ETH",), values, LAST_DAY, ("test",)))
        assert (wild.daily_volatility("ETH"), wild.scan_range("ETH")) == (1.0, 0.6)
        risk = assess(loan, families=FAMILIES, scenarios=wild)
        assert math.isfinite(risk.requirement_usd)
        assert risk.requirement_usd >= 0.6 * 40_000.0


def test_a_price_that_falls_evenly_has_a_volatility() -> None:
    """Its deviation from the mean is nothing, EWMA is not; it correlates with nothing that history knows."""
    ours = scenarios(DailyReturns(("ETH",), np.full((400, 1), -0.08), LAST_DAY, ("test",)))
    assert ours.daily_volatility("ETH") == pytest.approx(0.08)
    np.testing.assert_array_equal(ours.correlations(), defaults().correlations())


def test_the_largest_of_three_volatilities() -> None:
    """EWMA after a wild month, the window after a calm one, 3/4 of the long run if all was calm."""
    calm, wild = 0.001, 0.2
    values = np.full((400, 3), 0.01) * np.random.default_rng(1).choice([-1.0, 1.0], (400, 3))
    values[-30:, 0] *= wild / 0.01
    values[-30:, 1] *= calm / 0.01
    values[:, 1] *= 5.0
    values[:, 2] *= calm / 0.01
    found = DailyReturns(("ETH", "BTC", "SOL"), values, LAST_DAY, ("test",) * 3)
    ours, raw = scenarios(found), estimate(found, defaults().history.estimation)
    assert raw.ewma[0] > raw.window[0]
    assert ours.daily_volatility("ETH") == raw.ewma[0]
    assert raw.window[1] > raw.ewma[1]
    assert ours.daily_volatility("BTC") == raw.window[1]
    assert ours.daily_volatility("SOL") == pytest.approx(0.75 * defaults().assets["SOL"].daily_volatility)
    assert ours.daily_volatility("XRP") == defaults().assets["XRP"].daily_volatility


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(0.0005, 0.4), st.floats(0.0, 9.0))
def test_scan_ranges_grow_only_and_are_capped(seed: int, sigma: float, late: float) -> None:
    """max(floor, 4*sigma*sqrt 2) up to .60, then the staleness on top; without history the floor."""
    ours = scenarios(history(seed, {"ETH": sigma, "LINK": sigma}))
    stale = scenarios(history(seed, {"ETH": sigma, "LINK": sigma}), {"ETH": late})
    for u, floor in (("ETH", 0.18), ("LINK", ours.asset_parameters("LINK").scan_range)):
        asked = 4.0 * ours.daily_volatility(u) * math.sqrt(2.0)
        assert ours.scan_range(u) == pytest.approx(max(floor, min(asked, 0.60)))
    assert ours.scan_range("BTC") == pytest.approx(0.16)
    widened = math.hypot(ours.scan_range("ETH"), 2.33 * ours.daily_volatility("ETH") * math.sqrt(late))
    assert stale.scan_range("ETH") == pytest.approx(min(0.95, widened))


def test_a_floor_above_the_cap_stays() -> None:
    """The cap limits what history asks for, never what the user configures."""
    known = defaults()
    assets = {**known.assets, "ETH": replace(known.assets["ETH"], scan_range=0.7)}
    ours = scenario_set(replace(known, assets=assets), TOKENS, None, history(1, {"ETH": 0.3}))
    assert ours.scan_range("ETH") == pytest.approx(0.7)


def test_correlations_of_history_and_of_the_defaults() -> None:
    """In the order of the configuration, whatever the history's; pairs without history keep theirs."""
    found = history(5, {"SOL": 0.05, "LINK": 0.06, "BTC": 0.03})
    ours, R = scenarios(found), defaults().correlations()
    mine = ours.correlations()
    b, s = NAMED.index("BTC"), NAMED.index("SOL")
    raw = estimate(found, defaults().history.estimation).correlation
    assert mine[b, s] == mine[s, b] == raw[2, 0] != R[b, s]
    changed = {(b, s), (s, b)}
    for i in range(len(NAMED)):
        for k in range(len(NAMED)):
            assert (i, k) in changed or mine[i, k] == R[i, k]
    assert ours.inputs.correlated == ("BTC", "SOL")


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 999), st.sets(st.sampled_from(NAMED), min_size=1), st.sampled_from([0.0, 0.5, 0.999, 1.0])
)
def test_every_mix_gives_rays(seed: int, names: set[str], common: float) -> None:
    """Positive definite with a unit diagonal; all rays are finite, even if assets are the same one."""
    ours = scenarios(history(seed, dict.fromkeys(sorted(names), 0.04), common=common))
    R = ours.correlations()
    np.testing.assert_array_equal(np.diag(R), 1.0)
    assert np.linalg.eigvalsh(R)[0] > 0.0
    assert np.abs(R).max() <= 1.0
    rays = ours.rays(
        ours.axes([ours.factor(token.asset.id, token.classification) for token in TOKENS]), options=True
    )
    assert np.isfinite(rays.base).all()


def test_the_hash_covers_the_history() -> None:
    """One return, one source, one day: another set. A history that nothing can use is none."""
    found = history(7, {"ETH": 0.04})
    values = found.values.copy()
    values[3, 0] += 1e-12
    sets = [
        scenarios(one).hash
        for one in (
            None,
            found,
            replace(found, values=values),
            replace(found, last_day=LAST_DAY + 1),
            replace(found, source=("elsewhere",)),
        )
    ]
    assert len(set(sets)) == 5
    assert scenarios(history(7, {"ETH": 0.04})).hash == sets[1]
    short = scenarios(replace(found, values=found.values[:20]))
    assert (short.hash, short.history) == (sets[0], None)


def test_a_result_says_what_it_rests_on() -> None:
    """The flag and the result name source, last day and hash; without history they say that."""
    book = portfolio(lending("aave", {"ETH": 10.0, "USDC": -20_000.0}))
    found = history(9, {"ETH": 0.3, "USD": 0.01})
    with_, without = (assess(book, families=FAMILIES, scenarios=scenarios(one)) for one in (found, None))
    assert without.history is None
    assert NO_HISTORY in without.flags
    assert with_.history is not None
    assert (with_.history.source, with_.history.last_day) == ("ETH: Chainlink on ethereum", "2026-11-28")
    assert with_.history.hash == found.hash
    [flag] = [flag for flag in with_.flags if "history" in flag]
    assert "to 2026-11-28" in flag
    assert "ETH: Chainlink on ethereum" in flag
    assert with_.requirement_usd > without.requirement_usd
