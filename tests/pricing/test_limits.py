"""Black-76 to the last digits, and over the whole range of floats."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from aggregator.pricing import black76, mills

EXACT = json.loads((Path(__file__).parent / "exact.json").read_text())
ULP = 2.0**-52

prices = st.floats(1e-300, 1e300)
totals = st.one_of(st.floats(0.0, 1e3), st.floats(1e-12, 10.0))


def both(forward: float, strike: float, iv: float, **more: float) -> tuple[float, float]:
    """The undiscounted call and put over one year."""
    terms: dict[str, Any] = {"years": 1.0, "rate": 0.0, **more}
    call, put = black76.price(forward=forward, strike=strike, iv=iv, sign=[1.0, -1.0], **terms)
    return float(call), float(put)


def test_mills_ratio() -> None:
    """Within 1.2e-15 of itself from the middle to the last tail."""
    z, expected = np.array(EXACT["mills"]).T
    np.testing.assert_allclose(mills.ratio(z), expected, rtol=1.2e-15)


@pytest.mark.parametrize("h", [0.0, 0.3, 3.0, 12.0, 30.0])
def test_the_series_meets_the_quotients(h: float) -> None:
    """Where the series ends it agrees with the plain difference to the digits that the latter has."""
    at, step = np.array([h]), np.array([0.05])
    plain = mills.ratio(np.abs(at - step)) - mills.ratio(at + step)
    if h >= 0.05:
        lost = 4 * ULP * mills.ratio(at) / plain
        np.testing.assert_allclose(mills.difference(at, step), plain, rtol=float(lost[0]) + 1e-12)
    tiny = mills.difference(at, np.array([1e-9]))
    np.testing.assert_allclose(tiny, 2e-9 * (1.0 - at * mills.ratio(at)), rtol=1e-11)


@pytest.mark.parametrize("case", EXACT["options"], ids=lambda case: f"{case['strike']}-{case['iv']}")
def test_hard_options(case: dict[str, Any]) -> None:
    """Minutes to expiry, volatilities of 0.1% and 300%, strikes a hundred times away: 1e-11, and what
    rounding of the discounted strike does to an option of so little volatility."""
    terms = {name: value for name, value in case.items() if name != "expected"}
    ours = black76.greeks(**terms)
    total = case["iv"] * math.sqrt(case["years"])
    distance = abs(math.log(case["spot"] / case["strike"])) / total
    rounding = 4 * ULP * (1.0 + distance) / total if case["rate"] else 0.0
    for name, expected in case["expected"].items():
        assert float(getattr(ours, name)) == pytest.approx(expected, rel=1e-11 + rounding, abs=1e-250), name


@given(forward=prices, strike=prices, iv=totals)
@example(forward=1e300, strike=1e-300, iv=1e-8)
@example(forward=3.0, strike=3.0, iv=0.0)
@example(forward=1.0, strike=math.nextafter(1.0, 2.0), iv=1e-16)
def test_bounds_and_parity(forward: float, strike: float, iv: float) -> None:
    """Between intrinsic value and its bound; call and put differ by what forward and strike do."""
    call, put = both(forward, strike, iv)
    slack = 1.0 + 8 * ULP
    assert max(forward - strike, 0.0) <= call <= forward * slack
    assert max(strike - forward, 0.0) <= put <= strike * slack
    assert call - put == pytest.approx(forward - strike, rel=0.0, abs=4 * ULP * max(forward, strike))


@given(forward=prices, strike=prices, iv=totals, step=st.floats(1.0, 10.0))
def test_never_falls_with_volatility(forward: float, strike: float, iv: float, step: float) -> None:
    """More volatility never makes an option cheaper, to rounding."""
    few, many = both(forward, strike, iv), both(forward, strike, iv * step)
    for less, more in zip(few, many, strict=True):
        assert more >= less * (1.0 - 2e-12)


@given(
    forward=prices,
    strike=prices,
    ratio=st.one_of(st.floats(1.0, 1e6), st.floats(1.0, 1.0 + 1e-9)),
    iv=totals,
)
def test_monotone_in_the_strike(forward: float, strike: float, ratio: float, iv: float) -> None:
    """A higher strike never makes a call dearer or a put cheaper, nor by more than the strikes differ."""
    higher = strike * ratio
    assume(higher < 1e305)
    (call, put), (less, more) = both(forward, strike, iv), both(forward, higher, iv)
    noise = 1e-12 * max(call, put, more) + 4 * ULP * max(forward, higher)
    assert -noise <= call - less <= higher - strike + noise
    assert -noise <= more - put <= higher - strike + noise


@given(
    forward=st.floats(1e-100, 1e100),
    depth=st.floats(-20.0, 20.0),
    wide=st.floats(1e-4, 0.5),
    iv=totals,
)
def test_convex_in_the_strike(forward: float, depth: float, wide: float, iv: float) -> None:
    """A butterfly never costs less than nothing."""
    middle = forward * math.exp(depth)
    low, high = middle * (1.0 - wide), middle * (1.0 + wide)
    for sign in (0, 1):
        wings = 0.5 * (both(forward, low, iv)[sign] + both(forward, high, iv)[sign])
        assert wings - both(forward, middle, iv)[sign] >= -1e-12 * max(wings, 0.0) - 8 * ULP * max(
            forward, high
        )


@given(spot=prices, strike=prices, iv=totals, years=st.floats(0.0, 100.0), rate=st.floats(-0.5, 0.5))
def test_greeks_stay_within_theirs(spot: float, strike: float, iv: float, years: float, rate: float) -> None:
    """Deltas of call and put differ by one; none is NaN; gamma and vega are the same and not negative."""
    call, put = (
        black76.greeks(spot=spot, strike=strike, iv=iv, years=years, rate=rate, sign=sign)
        for sign in (1.0, -1.0)
    )
    assert float(call.delta - put.delta) == pytest.approx(1.0, abs=4 * ULP)
    assert -4 * ULP <= float(call.delta) <= 1.0 + 4 * ULP
    assert float(call.gamma) == float(put.gamma) >= 0.0
    assert float(call.vega) == float(put.vega) >= 0.0
    for one in (call, put):
        assert not any(math.isnan(float(getattr(one, name))) for name in ("price", "theta", "rho"))


@pytest.mark.parametrize("iv", [50.0, 1e3, 1e200, math.inf])
def test_boundless_volatility(iv: float) -> None:
    """A call is worth its forward and a put its strike."""
    assert both(120.0, 100.0, iv) == (120.0, 100.0)
