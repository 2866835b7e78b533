"""SVI smiles against hand-worked figures and their own differences, and what contradicts itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.pricing import arbitrage, black76
from aggregator.pricing.svi import Svi, derive_volatility, volatility

GOOD = Svi(a=0.04, b=0.1, rho=-0.3, m=0.0, sigma=0.2)
# A. Vogt's smile, which Gatheral and Jacquier (2014) show to have negative densities near k = 0.8 to 1.
VOGT = Svi(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)

smiles = st.builds(
    Svi,
    a=st.floats(0.001, 1.0),
    b=st.floats(0.0, 2.0),
    rho=st.floats(-0.99, 0.99),
    m=st.floats(-1.0, 1.0),
    sigma=st.floats(0.01, 2.0),
)


def test_total_variance_by_hand() -> None:
    """0.04 + 0.1*(-0.3*0.15 + sqrt(0.15^2 + 0.2^2)) = 0.0605; its least is 0.04 + 0.1*0.2*sqrt(0.91)."""
    assert float(GOOD.total_variance(0.15)) == pytest.approx(0.0605, rel=1e-15)
    assert pytest.approx(0.04 + 0.02 * math.sqrt(0.91), rel=1e-15) == GOOD.least
    assert pytest.approx(0.13, rel=1e-15) == GOOD.steepest


@given(smile=smiles, k=st.floats(-3.0, 3.0))
def test_slopes_are_the_slopes(smile: Svi, k: float) -> None:
    """Both derivatives equal central differences."""
    h = 1e-4 * smile.sigma
    low, middle, high = smile.total_variance([k - h, k, k + h])
    first, second = smile.slopes(k)
    assert float(first) == pytest.approx((high - low) / (2 * h), abs=1e-6 * (1 + smile.b))
    bend = smile.b / smile.sigma
    assert float(second) == pytest.approx(
        (high - 2 * middle + low) / h**2, abs=1e-5 * bend + 1e-14 / h**2 * 10
    )


@given(smile=smiles, k=st.floats(-3.0, 3.0))
def test_never_below_its_least(smile: Svi, k: float) -> None:
    """The least total variance is one, and the wings are no steeper than told."""
    assert float(smile.total_variance(k)) >= smile.least * (1 - 1e-12) - 1e-15
    assert abs(float(smile.slopes(k)[0])) <= smile.steepest * (1 + 1e-12)


@pytest.mark.parametrize(
    "wrong",
    [{"b": -0.1}, {"rho": 1.0}, {"rho": -1.2}, {"sigma": 0.0}, {"a": math.nan}, {"m": math.inf}],
    ids=str,
)
def test_no_smile(wrong: dict[str, float]) -> None:
    """Parameters of no smile are refused."""
    good = {"a": 0.04, "b": 0.1, "rho": -0.3, "m": 0.0, "sigma": 0.2}
    with pytest.raises(ValueError, match="no SVI smile"):
        Svi(**{**good, **wrong})


def test_volatility_is_the_root_of_variance_over_time() -> None:
    """At the money, and none where variance, price or time are none."""
    iv = volatility(GOOD, strike=[100.0, 0.0, 100.0], forward=100.0, years=[0.25, 0.25, 0.0])
    assert float(iv[0]) == pytest.approx(math.sqrt(0.06 / 0.25), rel=1e-15)
    assert np.isnan(iv[1:]).all()
    below = Svi(a=-0.1, b=0.1, rho=0.0, m=0.0, sigma=0.2)
    assert np.isnan(volatility(below, strike=100.0, forward=100.0, years=1.0))


def test_derive_holds_the_strike_near_the_money() -> None:
    """Beyond four times sqrt(a + b*sigma) the smile is flat; within, it is plain SVI."""
    bound = 4.0 * math.sqrt(0.06)
    terms: dict[str, Any] = {"forward": 100.0, "reference_years": 0.5}
    k = np.array([-3.0, -bound, -0.2, 0.0, 0.2, bound, 3.0])
    iv = derive_volatility(GOOD, strike=100.0 * np.exp(k), **terms)
    plain = volatility(GOOD, strike=100.0 * np.exp(np.clip(k, -bound, bound)), forward=100.0, years=0.5)
    np.testing.assert_allclose(iv, plain, rtol=1e-14)
    assert iv[0] == pytest.approx(iv[1], rel=1e-14)


def test_derive_refuses() -> None:
    """What its contract reverts on has no volatility; a strike of 0 has the volatility 0."""

    def of(smile: Svi, **more: float) -> float:
        terms = {"strike": 100.0, "forward": 100.0, "reference_years": 1.0, **more}
        return float(derive_volatility(smile, **terms))

    assert of(GOOD, strike=0.0) == 0.0
    assert math.isnan(of(GOOD, forward=0.0))
    assert math.isnan(of(GOOD, strike=0.0, forward=0.0))
    assert math.isnan(of(GOOD, reference_years=0.0))
    assert math.isnan(of(Svi(a=-0.1, b=0.1, rho=0.0, m=0.0, sigma=0.2)))
    assert of(Svi(a=143.0, b=1.0, rho=0.0, m=0.0, sigma=0.9)) == pytest.approx(math.sqrt(143.9))
    assert math.isnan(of(Svi(a=144.0, b=1.0, rho=0.0, m=0.0, sigma=0.9)))


def test_a_sound_surface_has_no_findings() -> None:
    """Smiles that rise with time and have a density."""
    surface = [(t, Svi(a=0.04 * t, b=0.1 * t, rho=-0.3, m=0.0, sigma=0.2)) for t in (2.0, 0.5, 1.0)]
    assert arbitrage.check_surface(surface) == ()


def test_vogts_smile() -> None:
    """Positive variance, modest wings, and yet a negative density where the paper shows it."""
    (finding,) = arbitrage.check_smile(VOGT, 1.0)
    assert finding.kind == "butterfly"
    assert 0.7 < finding.k < 1.1
    assert finding.by > 0.0
    assert "butterfly" in str(finding)


@given(k=st.floats(-1.0, 1.0), smile=st.sampled_from([GOOD, VOGT]))
def test_the_density_is_that_of_prices(k: float, smile: Svi) -> None:
    """g has the sign and size of the second difference of calls in the strike."""
    h = 1e-3 * math.exp(k)
    strikes = np.array([math.exp(k) - h, math.exp(k), math.exp(k) + h])
    iv = volatility(smile, strike=strikes, forward=1.0, years=1.0)
    low, middle, high = black76.price(forward=1.0, strike=strikes, years=1.0, iv=iv, rate=0.0, sign=1.0)
    w = float(smile.total_variance(k))
    d2 = -k / math.sqrt(w) - 0.5 * math.sqrt(w)
    factor = math.exp(-0.5 * d2 * d2) / math.sqrt(2 * math.pi * w) / math.exp(k)
    g = float(arbitrage.density(smile, k)) * factor
    assert (high - 2 * middle + low) / h**2 == pytest.approx(g, abs=1e-4)


def test_what_a_surface_is_told() -> None:
    """Each kind of contradiction at its place."""
    steep = arbitrage.check_smile(Svi(a=0.04, b=1.5, rho=0.5, m=0.0, sigma=0.2), 1.0)
    assert [f.kind for f in steep if f.kind == "wing"] == ["wing"]
    assert steep[0].k == math.inf
    assert steep[0].by == pytest.approx(0.25)
    negative = arbitrage.check_smile(Svi(a=-0.1, b=0.1, rho=0.0, m=0.1, sigma=0.2), 1.0)
    assert (negative[0].kind, negative[0].k) == ("variance", 0.1)
    assert negative[0].by == pytest.approx(0.08)
    falling = arbitrage.check_surface([(1.0, GOOD), (0.5, Svi(0.05, 0.1, -0.3, 0.0, 0.2))])
    assert [(f.kind, f.years) for f in falling] == [("calendar", 1.0)]
    assert falling[0].by == pytest.approx(0.01)
    twice = arbitrage.check_surface([(1.0, GOOD), (1.0, Svi(0.05, 0.1, -0.3, 0.0, 0.2))])
    assert [f.kind for f in twice] == ["calendar"]
    assert [f.kind for f in arbitrage.check_smile(GOOD, 0.0)] == ["unusable"]


def test_quotes() -> None:
    """Volatilities of a sound smile pass in any order; one that stands out is found beside its strike."""
    strikes = np.linspace(500.0, 8_000.0, 30)
    iv = volatility(GOOD, strike=strikes, forward=2_000.0, years=1.0)
    terms: dict[str, Any] = {"forward": 2_000.0, "years": 1.0}
    assert arbitrage.check_quotes(strikes=strikes[::-1], iv=iv[::-1], **terms) == ()
    iv[9] *= 1.5
    (finding,) = arbitrage.check_quotes(strikes=strikes, iv=iv, **terms)
    assert finding.kind == "butterfly"
    assert finding.k == pytest.approx(math.log(strikes[9] / 2_000.0))
    both = arbitrage.check_quotes(strikes=[2_000.0, 2_000.0], iv=[0.5, 0.6], **terms)
    assert [f.kind for f in both] == ["butterfly"]
    for bad in ({"iv": [math.nan]}, {"iv": [-0.1]}, {"strikes": [0.0]}, {"forward": 0.0}, {"years": 0.0}):
        given_terms: dict[str, Any] = {**terms, "strikes": [2_000.0], "iv": [0.5], **bad}
        assert [f.kind for f in arbitrage.check_quotes(**given_terms)] == ["unusable"]


@given(
    strikes=st.lists(st.floats(1.0, 1e5), min_size=1, max_size=12),
    iv=st.floats(0.0, 3.0),
    years=st.floats(1e-3, 3.0),
)
def test_one_volatility_contradicts_nothing(strikes: list[float], iv: float, years: float) -> None:
    """A flat smile has no findings, whatever strikes are quoted."""
    quotes = {"strikes": strikes, "iv": [iv] * len(strikes)}
    assert arbitrage.check_quotes(forward=1_000.0, years=years, **quotes) == ()
