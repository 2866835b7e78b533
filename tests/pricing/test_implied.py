"""Implied volatility is what the price was made with, wherever the price tells it; else there is none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from aggregator.pricing import black76
from aggregator.pricing.implied import implied_volatility


@given(
    forward=st.floats(1e-12, 1e12),
    depth=st.one_of(st.floats(-30.0, 30.0), st.floats(-1e-3, 1e-3), st.just(0.0)),
    years=st.floats(1e-6, 50.0),
    iv=st.floats(1e-4, 50.0),
    rate=st.floats(-0.2, 0.3),
    sign=st.sampled_from([1.0, -1.0]),
)
@example(forward=2000.0, depth=0.0, years=1 / 365, iv=0.65, rate=0.0, sign=1.0)
@example(forward=2000.0, depth=3.0, years=0.1, iv=0.4, rate=0.0, sign=1.0)
@example(forward=2000.0, depth=0.1, years=5.0, iv=5.0, rate=0.0, sign=-1.0)
def test_inverts_the_price(
    forward: float, depth: float, years: float, iv: float, rate: float, sign: float
) -> None:
    """To 1e-8 wherever rounding of the price moves it by less than a tenth of that."""
    strike = forward * math.exp(depth)
    terms: dict[str, Any] = {"forward": forward, "strike": strike, "years": years, "rate": rate, "sign": sign}
    price = black76.price(iv=iv, **terms)
    found = implied_volatility(price=price, **terms)
    # The steps of price() itself lose up to 1e-12 of the time value.
    vega = float(black76.greeks(spot=forward * math.exp(-rate * years), iv=iv, **_spot(terms)).vega)
    time_value = float(price) - math.exp(-rate * years) * max(sign * (forward - strike), 0.0)
    lost = 2.0**-50 * max(
        float(price), math.exp(-rate * years) * max(forward, strike) * (time_value < float(price))
    )
    assume(vega > 0.0 and (lost + 1e-12 * time_value + 5e-324) / vega < 1e-9 * min(1.0, iv))
    assert float(found.iv) == pytest.approx(iv, abs=1e-8, rel=0.0)
    assert float(found.error) < 1e-8


def _spot(terms: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in terms.items() if name != "forward"}


@given(
    price=st.floats(1e-250, 1e3),
    strike=st.floats(1e-3, 1e6),
    sign=st.sampled_from([1.0, -1.0]),
)
def test_the_price_comes_back(price: float, strike: float, sign: float) -> None:
    """Whatever is found gives the price again, within the error it admits; where none is, none could."""
    terms: dict[str, Any] = {"forward": 100.0, "strike": strike, "years": 1.0, "rate": 0.0, "sign": sign}
    found = implied_volatility(price=price, **terms)
    iv, error = float(found.iv), float(found.error)
    low, high = max(sign * (100.0 - strike), 0.0), 100.0 if sign > 0 else strike
    assert math.isnan(iv) == math.isnan(error)
    if math.isnan(iv):
        rest = min(price - low, high - price)
        assert rest <= 1e-9 * max(100.0, strike)
        return
    assert low < price < high
    above, below = (float(black76.price(iv=iv + way * error, **terms)) for way in (1.0, -1.0))
    assert below * (1.0 - 1e-11) - 1e-300 <= price <= above * (1.0 + 1e-11) + 1e-300


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": 10.0},  # intrinsic value alone
        {"price": 9.0},  # below it
        {"price": 110.0},  # the forward itself
        {"price": 1e9},
        {"price": 0.0, "forward": 90.0},
        {"price": -1.0},
        {"price": math.nan},
        {"price": math.inf},
        {"years": 0.0},
        {"years": -1.0},
        {"years": math.inf},
        {"forward": 0.0},
        {"strike": 0.0},
        {"forward": -1.0},
        {"strike": math.inf},
        {"rate": math.nan},
    ],
    ids=str,
)
def test_no_volatility_gives_that(wrong: dict[str, float]) -> None:
    """NaN, never a number, and others in the same array are not touched."""
    good: dict[str, Any] = {"price": 14.0, "forward": 110.0, "strike": 100.0, "years": 1.0, "rate": 0.0}
    terms = {name: [value, wrong.get(name, value)] for name, value in good.items()}
    found = implied_volatility(**terms, sign=1.0)
    assert np.isnan(found.iv[1])
    assert np.isnan(found.error[1])
    assert float(black76.price(**_price_terms(good), iv=found.iv[0], sign=1.0)) == pytest.approx(14.0)


def _price_terms(terms: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in terms.items() if name != "price"}


def test_shapes_and_signs() -> None:
    """Arguments broadcast; a sign other than +-1 is refused; nothing is something empty."""
    terms: dict[str, Any] = {"forward": 100.0, "years": 1.0, "rate": 0.0}
    found = implied_volatility(price=[[9.0], [12.0]], strike=[100.0, 101.0, 102.0], sign=1.0, **terms)
    assert found.iv.shape == found.error.shape == (2, 3)
    assert not np.isnan(found.iv).any()
    with pytest.raises(ValueError, match="sign"):
        implied_volatility(price=9.0, strike=100.0, sign=0.0, **terms)
    assert implied_volatility(price=[], strike=100.0, sign=1.0, **terms).iv.shape == (0,)
