"""American options against QuantLib's figures, the limits of exercise, and the European option below."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aggregator.pricing import american, black76

DATA = json.loads((Path(__file__).parent / "american.json").read_text())["options"]
NAMES = ("price", "delta", "gamma", "vega", "theta", "rho")


def european(spot: Any, strike: Any, years: Any, iv: Any, rate: Any, sign: Any) -> Any:
    forward = np.asarray(spot) * np.exp(np.asarray(rate) * years)
    return black76.price(forward=forward, strike=strike, years=years, iv=iv, rate=rate, sign=sign)


def test_against_quantlib() -> None:
    """Half of all within 1e-10 of spot or strike, and every one within 2e-7: what the module states."""
    columns: dict[str, Any] = {name: np.array([row[name] for row in DATA]) for name in DATA[0]}
    expected = columns.pop("price")
    error = np.abs(american.price(**columns) - expected) / np.maximum(columns["spot"], columns["strike"])
    assert error.max() < 2e-7
    assert np.median(error) < 1e-10
    assert (expected - european(**columns) > 0.1).sum() >= 20
    assert (columns["sign"] > 0.0).sum() >= 15


EARLY: dict[str, Any] = {
    "depth": st.floats(-1.5, 1.5),
    "years": st.floats(0.003, 3.0),
    "iv": st.floats(0.02, 3.0),
    "rate": st.floats(1e-4, 0.5),
    "sign": st.sampled_from([1.0, -1.0]),
}


def terms(depth: float, years: float, iv: float, rate: float, sign: float) -> dict[str, Any]:
    """An option that may be exercised early: a put at this rate, a call at its negative."""
    strike = 100.0 * math.exp(depth)
    return {"spot": 100.0, "strike": strike, "years": years, "iv": iv, "rate": -sign * rate, "sign": sign}


@settings(max_examples=60)
@given(**EARLY)
def test_bounds(depth: float, years: float, iv: float, rate: float, sign: float) -> None:
    """At least intrinsic value and the European option, at most one without interest on the strike."""
    given_terms = terms(depth, years, iv, rate, sign)
    value = float(american.price(**given_terms))
    unit = given_terms["strike"] if sign < 0.0 else 100.0
    low = max(float(european(**given_terms)), sign * (100.0 - given_terms["strike"]), 0.0)
    assert low <= value <= low + unit * math.expm1(rate * years)


@settings(max_examples=60)
@given(**EARLY)
def test_moves_as_it_must(depth: float, years: float, iv: float, rate: float, sign: float) -> None:
    """More time, volatility or depth in the money is never worth less; twice the money is worth twice."""
    given_terms = terms(depth, years, iv, rate, sign)
    slack = 2e-7 * max(100.0, given_terms["strike"])
    # At once: options of one time and about one volatility share the boundary, which is what takes long.
    before, longer, wilder, deeper, double = american.price(
        spot=100.0 * np.array([1.0, 1.0, 1.0, 1.0, 2.0]),
        strike=given_terms["strike"] * np.array([1.0, 1.0, 1.0, math.exp(-0.01 * sign), 2.0]),
        years=years * np.array([1.0, 1.5, 1.0, 1.0, 1.0]),
        iv=iv * np.array([1.0, 1.0, 1.2, 1.0, 1.0]),
        rate=given_terms["rate"],
        sign=sign,
    )
    assert min(longer, wilder, deeper) >= before - slack
    assert double == pytest.approx(2.0 * before, rel=1e-9, abs=1e-9)


@settings(max_examples=40)
@given(**EARLY)
def test_convex_in_the_spot(depth: float, years: float, iv: float, rate: float, sign: float) -> None:
    """Along many spots at once, through the boundary: convex, and no steeper than the payoff."""
    given_terms = {**terms(depth, years, iv, rate, sign), "spot": np.linspace(20.0, 400.0, 39)}
    values = american.price(**given_terms)
    slack = 4e-7 * max(400.0, given_terms["strike"])
    slopes = np.diff(values) / 10.0
    assert (np.diff(values, 2) >= -slack).all()
    assert (sign * slopes >= -slack).all()
    assert (np.abs(slopes) <= 1.0 + slack).all()
    alone = american.price(**{**given_terms, "spot": given_terms["spot"][7]})
    assert values[7] == pytest.approx(float(alone), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_everywhere_a_boundary_is_found(sign: float) -> None:
    """From hours at 2% of volatility to the widest, at hardly any interest and at 3 in all: a figure."""
    iv, rate = np.meshgrid(np.geomspace(0.002, 20.0, 12), np.geomspace(1e-8, 3.0, 12))
    values = american.price(spot=100.0, strike=100.0, years=1.0, iv=iv, rate=-sign * rate, sign=sign)
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=1) >= -2e-5).all()


@pytest.mark.parametrize(("rate", "sign"), [(0.05, 1.0), (0.0, 1.0), (0.0, -1.0), (-0.05, -1.0)])
def test_never_exercised_early(rate: float, sign: float) -> None:
    """Calls at interest and puts without are the European ones, to the bit, Greeks included."""
    given_terms: dict[str, Any] = {
        "spot": 100.0, "strike": [80.0, 100.0, 130.0], "years": 0.7, "iv": 0.6, "rate": rate, "sign": sign
    }  # fmt: skip
    np.testing.assert_array_equal(american.price(**given_terms), european(**given_terms))
    ours, exact = american.greeks(**given_terms), black76.greeks(**given_terms)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(ours, name), getattr(exact, name))


@settings(max_examples=40)
@given(**EARLY)
def test_greeks_are_slopes(depth: float, years: float, iv: float, rate: float, sign: float) -> None:
    """Bumps of other sizes agree, where the option is kept and no bump crosses the boundary."""
    assume(iv * math.sqrt(years) > 0.05)
    given_terms = terms(depth, years, iv, rate, sign)
    steps = {"spot": 0.3, "iv": 0.004 * iv, "years": 0.003 * years, "rate": 0.05 * rate}
    # At once, as above: the option, then each of these up and down.
    bumps = {name: np.zeros(1 + 2 * len(steps)) for name in steps}
    for place, (name, step) in enumerate(steps.items()):
        bumps[name][1 + 2 * place : 3 + 2 * place] = step, -step
    value, *moved = american.price(
        **{**given_terms, **{name: given_terms[name] + bump for name, bump in bumps.items()}}
    )
    assume(value > sign * (100.0 - given_terms["strike"]) + 0.5)
    slopes = {
        name: (moved[2 * place] - moved[2 * place + 1]) / (2.0 * step)
        for place, (name, step) in enumerate(steps.items())
    }
    found = american.greeks(**given_terms)
    assert float(found.price) == pytest.approx(value, rel=1e-9)
    assert float(found.delta) == pytest.approx(slopes["spot"], abs=5e-3)
    assert float(found.vega) == pytest.approx(slopes["iv"], rel=0.02, abs=0.05)
    assert -float(found.theta) == pytest.approx(slopes["years"], rel=0.02, abs=0.05)
    assert float(found.rho) == pytest.approx(slopes["rate"], rel=0.03, abs=0.2)
    assert float(found.gamma) >= -1e-6


def test_greeks_where_exercise_is_due() -> None:
    """Deep in the money the option is its payoff: delta is +-1 and nothing else moves it."""
    found = american.greeks(
        spot=[50.0, 300.0], strike=100.0, years=1.0, iv=0.3, rate=[0.1, -0.1], sign=[-1.0, 1.0]
    )
    assert found.price.tolist() == [50.0, 200.0]
    assert found.delta.tolist() == pytest.approx([-1.0, 1.0], abs=1e-9)
    for name in ("gamma", "vega", "theta", "rho"):
        assert np.abs(getattr(found, name)).max() < 1e-9


def test_without_volatility() -> None:
    """At once: waiting only costs interest."""
    given_terms: dict[str, Any] = {"years": 1.0, "iv": 0.0}
    assert float(american.price(spot=80.0, strike=100.0, rate=0.1, sign=-1.0, **given_terms)) == 20.0
    assert float(american.price(spot=120.0, strike=100.0, rate=-0.1, sign=1.0, **given_terms)) == 20.0
    assert float(american.price(spot=80.0, strike=100.0, rate=-0.1, sign=1.0, **given_terms)) == 0.0


def test_greeks_without_volatility() -> None:
    """A missing volatility is 0: in the money the option is its payoff at once, whatever its forward does."""
    given_terms: dict[str, Any] = {"years": 1.0, "iv": 0.0, "strike": 100.0}
    found = american.greeks(
        spot=[95.0, 105.0, 95.0, 100.0],
        rate=[0.1, -0.1, -0.1, 0.1],
        sign=[-1.0, 1.0, 1.0, -1.0],
        **given_terms,
    )
    assert found.price.tolist() == [5.0, 5.0, 0.0, 0.0]
    assert found.delta.tolist() == [-1.0, 1.0, 0.0, -0.5]
    for name in ("gamma", "vega", "theta", "rho"):
        assert not getattr(found, name).any()


@pytest.mark.parametrize(("sign", "spot", "strike"), [(-1.0, 0.0, 100.0), (1.0, 100.0, 0.0), (1.0, 0.0, 9.0)])
def test_worthless_underlying(sign: float, spot: float, strike: float) -> None:
    """At a spot or a strike of 0 exercise is due at once, or never."""
    found = american.greeks(spot=spot, strike=strike, years=1.0, iv=0.5, rate=-0.1 * sign, sign=sign)
    worth = max(sign * (spot - strike), 0.0)
    assert [float(getattr(found, name)) for name in NAMES] == [
        worth,
        sign * (worth > 0.0),
        0.0,
        0.0,
        0.0,
        0.0,
    ]


def perpetual(spot: float, strike: float, iv: float, rate: float) -> float:
    """R. Merton's (1973) put that never expires: what no other is worth more than."""
    power = 2.0 * rate / iv / iv
    boundary = strike * power / (1.0 + power)
    if spot <= boundary:
        return strike - spot
    return (strike - boundary) * (spot / boundary) ** -power if boundary else strike


@pytest.mark.parametrize("strike", [20.0, 100.0, 500.0])
@pytest.mark.parametrize(("years", "rate"), [(3.0, 0.3), (1.0, 0.05), (0.1, 0.3), (30.0, 0.05)])
def test_wider_than_the_widest(years: float, rate: float, strike: float) -> None:
    """As volatility outgrows everything the put is worth the perpetual one, and in the end its strike."""
    iv = np.array([16.0, 30.0, 1e3, 1e200, math.inf]) / math.sqrt(years)
    values = american.price(spot=100.0, strike=strike, years=years, iv=iv, rate=rate, sign=-1.0)
    expected = [perpetual(100.0, strike, one, rate) for one in iv]
    np.testing.assert_allclose(values, expected, rtol=0.0, atol=1e-4 * max(100.0, strike))
    call = american.price(spot=strike, strike=100.0, years=years, iv=iv, rate=-rate, sign=1.0)
    assert (call <= strike).all()


def test_narrower_than_anything() -> None:
    """Next to no volatility is none, down to the least there is."""
    iv = np.array([1e-9, 1e-12, 1e-30, 1e-100, 5e-324])[:, None]
    values = american.price(spot=100.0, strike=[90.0, 100.0, 110.0], years=0.1, iv=iv, rate=0.05, sign=-1.0)
    np.testing.assert_allclose(values, np.broadcast_to([0.0, 0.0, 10.0], values.shape), atol=1e-6)


def test_expired_and_missing() -> None:
    """Intrinsic value after expiry; NaN for what is missing."""
    given_terms: dict[str, Any] = {"spot": 90.0, "strike": 100.0, "rate": 0.05, "sign": -1.0}
    assert american.price(years=[0.0, -1.0], iv=0.5, **given_terms).tolist() == [10.0, 10.0]
    for name in ("spot", "strike", "rate"):
        assert np.isnan(american.price(years=1.0, iv=0.5, **{**given_terms, name: math.nan}))
    for wrong in (-0.5, math.nan):
        assert np.isnan(american.price(years=1.0, iv=wrong, **given_terms))
    with pytest.raises(ValueError, match="sign"):
        american.price(years=1.0, iv=0.5, **{**given_terms, "sign": 0.5})
