"""American options against QuantLib's figures, the limits of exercise, and the European option below."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.pricing import american, black76

DATA = json.loads((Path(__file__).parent / "american.json").read_text())["options"]


def test_against_quantlib() -> None:
    """Half of all within 1e-7 of the spot, and every one within 4e-5: what the module's record states."""
    columns: dict[str, Any] = {name: np.array([row[name] for row in DATA]) for name in DATA[0]}
    expected = columns.pop("price")
    error = np.abs(american.price(**columns) - expected) / columns["spot"]
    assert error.max() < 4e-5
    assert np.median(error) < 1e-7
    european = black76.price(
        forward=columns["spot"] * np.exp(columns["carry"] * columns["years"]),
        **{name: columns[name] for name in ("strike", "years", "iv", "rate", "sign")},
    )
    assert (expected - european > 1e-3).sum() >= 15


OPTIONS: dict[str, Any] = {
    "depth": st.floats(-2.0, 2.0),
    "years": st.floats(0.01, 2.0),
    "iv": st.floats(0.05, 2.0),
    "rate": st.floats(-0.1, 0.2),
    "carry": st.floats(-0.2, 0.2),
}


@settings(max_examples=40)
@given(**OPTIONS)
def test_symmetry(depth: float, years: float, iv: float, rate: float, carry: float) -> None:
    """A put is a call with spot and strike, and rate and yield, exchanged (McDonald and Schroder, 1998)."""
    strike = 100.0 * math.exp(depth)
    put = american.price(
        spot=100.0, strike=strike, years=years, iv=iv, rate=rate, carry=carry, sign=-1.0, steps=63
    )
    call = american.price(
        spot=strike, strike=100.0, years=years, iv=iv, rate=rate - carry, carry=-carry, sign=1.0, steps=63
    )
    assert float(put) == pytest.approx(float(call), abs=1e-3 * max(100.0, strike))


@settings(max_examples=40)
@given(**OPTIONS, sign=st.sampled_from([1.0, -1.0]))
def test_bounds(depth: float, years: float, iv: float, rate: float, carry: float, sign: float) -> None:
    """Not below intrinsic value or the European option; more time never makes it cheaper."""
    strike = 100.0 * math.exp(depth)
    terms: dict[str, Any] = {"spot": 100.0, "strike": strike, "iv": iv, "rate": rate, "sign": sign}
    value = american.price(years=[years, 2.0 * years], carry=carry, steps=63, **terms)
    forward = 100.0 * np.exp(carry * years)
    terms.pop("spot")
    european = float(black76.price(forward=forward, years=years, **terms))
    assert value[0] >= max(european, sign * (100.0 - strike), 0.0)
    assert value[1] >= value[0] - 1e-3 * max(100.0, strike)


def test_never_exercised_early() -> None:
    """A call on what pays nothing is the European call, to the bit; so is a put without interest."""
    terms: dict[str, Any] = {"strike": [80.0, 100.0, 130.0], "years": 0.7, "iv": 0.6}
    call = american.price(spot=100.0, rate=0.05, carry=0.05, sign=1.0, **terms)
    european = black76.price(forward=100.0 * np.exp(0.05 * 0.7), rate=0.05, sign=1.0, **terms)
    np.testing.assert_array_equal(call, european)
    put = american.price(spot=100.0, rate=0.0, carry=0.0, sign=-1.0, **terms)
    np.testing.assert_array_equal(put, black76.price(forward=100.0, rate=0.0, sign=-1.0, **terms))


def test_without_volatility_the_best_moment_counts() -> None:
    """At once, at the end, or between: the payoff grows until the interest on the strike outweighs it."""
    terms: dict[str, Any] = {"years": 1.0, "iv": 0.0}
    put = american.price(spot=80.0, strike=100.0, rate=0.1, carry=0.1, sign=-1.0, **terms)
    assert float(put) == 20.0
    call = american.price(spot=120.0, strike=100.0, rate=0.1, carry=0.1, sign=1.0, **terms)
    assert float(call) == pytest.approx(120.0 - 100.0 * math.exp(-0.1), rel=1e-14)
    rate, carry = 0.1, 0.05
    times = np.linspace(0.0, 40.0, 400_001)
    best = float((70.0 * np.exp((carry - rate) * times) - 100.0 * np.exp(-rate * times)).max())
    late = american.price(spot=70.0, strike=100.0, years=40.0, iv=0.0, rate=rate, carry=carry, sign=1.0)
    assert float(late) == pytest.approx(best, rel=1e-9)
    assert best > 70.0 * math.exp(-2.0) - 100.0 * math.exp(-4.0) > 0.0


def test_wide_volatility() -> None:
    """At iv*sqrt(T) = 8 still 1e-5 of the spot; beyond, none, unless exercise early never pays."""
    # QuantLib 1.44, QdFpAmericanEngine, high precision: a call with a yield of 5%, and a put.
    terms: dict[str, Any] = {"spot": 100.0, "strike": 100.0, "years": 1.0, "rate": 0.05}
    known = american.price(iv=8.0, carry=[0.0, 0.05], sign=[1.0, -1.0], **terms)
    assert known.tolist() == pytest.approx([98.83838860999494, 98.8367336502689], abs=1e-3)
    assert np.isnan(american.price(iv=8.01, carry=[0.0, 0.05], sign=[1.0, -1.0], **terms)).all()
    assert float(american.price(iv=80.0, carry=0.05, sign=1.0, **terms)) == pytest.approx(100.0)


def test_expired_and_missing() -> None:
    """Intrinsic value after expiry; NaN for what is missing; no tree without steps."""
    terms: dict[str, Any] = {"spot": 90.0, "strike": 100.0, "rate": 0.05, "carry": 0.05, "sign": -1.0}
    assert american.price(years=[0.0, -1.0], iv=0.5, **terms).tolist() == [10.0, 10.0]
    for name in ("spot", "strike", "rate", "carry"):
        assert np.isnan(american.price(years=1.0, iv=0.5, **{**terms, name: math.nan}))
    for wrong in (-0.5, math.nan):
        assert np.isnan(american.price(years=1.0, iv=wrong, **terms))
    with pytest.raises(ValueError, match="steps"):
        american.price(years=1.0, iv=0.5, steps=1, **terms)
