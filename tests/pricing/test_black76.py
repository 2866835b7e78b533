"""Option maths against QuantLib's figures, its exact limits, and its own finite differences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.pricing import black76
from aggregator.pricing.blocks import BLOCK

# 59 cases computed with QuantLib 1.44 (BlackCalculator), cross-checked with py_vollib 1.0.12.
DATA = json.loads((Path(__file__).parent / "options_black.json").read_text())
NAMES = ("price", "delta", "gamma", "vega", "theta", "rho")
VECTORS: list[dict[str, Any]] = DATA["cases"]


def _sign(kind: str) -> float:
    return {"call": 1.0, "put": -1.0}[kind]


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['id']}-{case['tag']}")
def test_vectors(case: dict[str, Any]) -> None:
    """Price and every Greek of the reference, 2e-9 relative above 1 and absolute below.

    The widest difference is rho at a volatility of 1e-8, where the reference rounds its delta to 0.5.
    """
    ours = black76.greeks(
        spot=case["S"],
        strike=case["K"],
        years=case["T_years"],
        iv=case["sigma"],
        rate=case["r"],
        sign=_sign(case["type"]),
    )
    names = {"theta_year": "theta"}
    checked = 0
    for name, expected in case["expected"].items():
        if expected is None:
            continue
        value = float(getattr(ours, names.get(name, name)))
        assert value == pytest.approx(expected, rel=2e-9, abs=2e-9), name
        checked += 1
    assert checked >= 5


def test_no_volatility_left() -> None:
    """At iv*sqrt(T) = 0: discounted intrinsic value, delta 0, +-1 or +-0.5, all else 0."""
    spot, strike = np.array([110.0, 90.0, 100.0] * 2), 100.0
    sign = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    for years, iv in ((0.0, 0.7), (-0.1, 0.7), (0.5, 0.0)):
        value = black76.price(forward=spot, strike=strike, years=years, iv=iv, rate=0.0, sign=sign)
        assert value.tolist() == [10.0, 0.0, 0.0, 0.0, 10.0, 0.0]
        result = black76.greeks(spot=spot, strike=strike, years=years, iv=iv, rate=0.0, sign=sign)
        assert result.price.tolist() == [10.0, 0.0, 0.0, 0.0, 10.0, 0.0]
        assert result.delta.tolist() == [1.0, 0.0, 0.5, -0.0, -1.0, -0.5]
        for none in (result.gamma, result.vega, result.theta):
            assert not none.any()


def test_discounted_intrinsic_uses_the_forward() -> None:
    """Without volatility the forward decides, and the value is discounted."""
    value = black76.price(forward=120.0, strike=100.0, years=2.0, iv=0.0, rate=0.05, sign=1.0)
    assert float(value) == pytest.approx(20.0 * np.exp(-0.1), rel=1e-15)


def test_worthless_underlying() -> None:
    """At a price of zero a call is worth nothing and a put its discounted strike."""
    values = black76.price(forward=0.0, strike=100.0, years=1.0, iv=0.5, rate=0.0, sign=[1.0, -1.0])
    assert values.tolist() == [0.0, 100.0]


OPTIONS = {
    "spot": st.floats(100.0, 10_000.0),
    "ratio": st.floats(0.5, 2.0),
    "years": st.floats(0.01, 2.0),
    "iv": st.floats(0.1, 2.0),
    "rate": st.floats(-0.05, 0.1),
}


@given(**OPTIONS)
def test_put_call_parity(spot: float, ratio: float, years: float, iv: float, rate: float) -> None:
    """Call minus put is the discounted forward minus the discounted strike."""
    strike, forward = spot * ratio, spot * np.exp(rate * years)
    call, put = black76.price(forward=forward, strike=strike, years=years, iv=iv, rate=rate, sign=[1.0, -1.0])
    assert call - put == pytest.approx(np.exp(-rate * years) * (forward - strike), abs=1e-9 * spot)


@given(**OPTIONS, sign=st.sampled_from([1.0, -1.0]))
def test_greeks_are_the_slopes(
    spot: float, ratio: float, years: float, iv: float, rate: float, sign: float
) -> None:
    """Each closed form equals the central difference of the price."""

    def value(s: float, t: float, v: float, r: float) -> float:
        forward = s * np.exp(r * t)
        return float(black76.price(forward=forward, strike=spot * ratio, years=t, iv=v, rate=r, sign=sign))

    exact = black76.greeks(spot=spot, strike=spot * ratio, years=years, iv=iv, rate=rate, sign=sign)
    h, dt, dv, dr = 1e-4 * spot, 1e-5 * years, 1e-5, 1e-6
    up, mid, down = (value(spot + k * h, years, iv, rate) for k in (1, 0, -1))
    assert float(exact.delta) == pytest.approx((up - down) / (2 * h), abs=2e-6)
    assert float(exact.gamma) * spot == pytest.approx((up - 2 * mid + down) / h**2 * spot, abs=2e-3, rel=1e-3)
    vega = (value(spot, years, iv + dv, rate) - value(spot, years, iv - dv, rate)) / (2 * dv)
    assert float(exact.vega) == pytest.approx(vega, abs=1e-5 * spot)
    theta = (value(spot, years - dt, iv, rate) - value(spot, years + dt, iv, rate)) / (2 * dt)
    assert float(exact.theta) == pytest.approx(theta, abs=1e-4 * spot)
    rho = (value(spot, years, iv, rate + dr) - value(spot, years, iv, rate - dr)) / (2 * dr)
    assert float(exact.rho) == pytest.approx(rho, abs=1e-5 * spot)


def test_no_scipy() -> None:
    """Neither importing the module nor pricing imports scipy, which takes a fifth of a second."""
    code = (
        "import sys; from aggregator.pricing import black76;"
        "black76.greeks(spot=1.0, strike=1.0, years=1.0, iv=1.0, rate=0.0, sign=1.0);"
        "sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_option_does_not_depend_on_its_company() -> None:
    """Alone, among many of another shape, or on two threads: the same bits."""
    strikes = np.linspace(1.0, 20_000.0, 3 * BLOCK + 5)
    rates = np.array([[0.0], [0.05]])
    terms: dict[str, Any] = {"spot": 2_000.0, "years": 0.25, "iv": 0.8, "sign": -1.0}
    many = black76.greeks(strike=strikes, rate=rates, **terms)
    again = black76.greeks(strike=strikes, rate=rates, threads=2, **terms)
    for name in NAMES:
        values = getattr(many, name)
        assert values.shape == (2, len(strikes))
        np.testing.assert_array_equal(values, getattr(again, name))
        for at in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 7, len(strikes) - 1):
            alone = black76.greeks(strike=strikes[at], rate=0.05, **terms)
            assert float(getattr(alone, name)) == values[1, at]


def test_nothing_gives_nothing() -> None:
    """Empty arrays stay empty, and a single number has no dimensions."""
    terms: dict[str, Any] = {"forward": 1.0, "years": 1.0, "iv": 1.0, "rate": 0.0, "sign": 1.0}
    assert black76.price(strike=np.zeros((0, 3)), **terms).shape == (0, 3)
    assert black76.price(strike=1.0, **terms).shape == ()


def test_a_sign_is_one() -> None:
    """Anything else is no option."""
    for sign in (0.0, 2.0, np.nan):
        with pytest.raises(ValueError, match="sign"):
            black76.price(forward=1.0, strike=1.0, years=1.0, iv=1.0, rate=0.0, sign=sign)


@pytest.mark.parametrize("name", ["spot", "strike", "years", "iv", "rate"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_is_missing_is_never_a_number(name: str, sign: float) -> None:
    """NaN in one argument, a negative price or volatility: every figure is NaN."""
    good = {"spot": 100.0, "strike": 90.0, "years": 0.5, "iv": 0.4, "rate": 0.01}
    bad = [np.nan] if name in {"years", "rate"} else [np.nan, -1.0]
    for value in bad:
        terms: dict[str, Any] = {**good, name: value}
        result = black76.greeks(sign=sign, **terms)
        assert all(np.isnan(getattr(result, figure)) for figure in NAMES), (name, value)
