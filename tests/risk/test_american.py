"""American options in a book: value, scenarios and Greeks are theirs, and European ones keep their bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.positions import Option
from aggregator.pricing import american, black76
from aggregator.risk.book import Book, book
from aggregator.risk.rays import Vol
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import CustomScenario
from tests.risk.builders import account, option, portfolio, scenarios

YEARS = 0.5
RATE = 0.08


def put(
    style: Literal["european", "american"], strike: float = 5_000.0, rate: float = RATE, **rest: Any
) -> Option:
    return replace(
        option("ETH", 1.0, "put", strike, years=YEARS, iv=rest.pop("iv", 0.5), rate=rate, **rest), style=style
    )


def of(*options: Option) -> Book:
    return book([portfolio(account("o", *options, kind="option"))], scenarios())


def model(spot: float, strike: float, iv: float, rate: float = RATE) -> float:
    return float(american.price(spot=spot, strike=strike, years=YEARS, iv=iv, rate=rate, sign=-1.0))


def value(ours: Book, move: float, vol: Vol = Vol.NONE) -> float:
    rays = scenarios().custom([CustomScenario("s", {"ETH": move}, vol)], ours.axes)
    return float(Revaluation.of(ours, rays).values(np.array([1.0]))[0, 0, 0])


def test_value_and_scenarios() -> None:
    """At 4,000 and wherever a scenario takes it, with the volatility there; never below the payoff."""
    ours = of(put("american"))
    assert ours.equity_usd().tolist() == pytest.approx([model(4_000.0, 5_000.0, 0.5)])
    assert ours.equity_usd()[0] > of(put("european")).equity_usd()[0] + 10.0
    for move in (-0.5, -0.1, 0.2):
        assert value(ours, move) == pytest.approx(model(4_000.0 * (1.0 + move), 5_000.0, 0.5))
    factor = np.exp(ours.contracts.log_iv_factors(ours.scenarios.parameters.volatility)[0, Vol.DOWN])
    assert value(ours, -0.1, Vol.DOWN) == pytest.approx(model(3_600.0, 5_000.0, 0.5 * float(factor)))
    assert not any("European" in flag for flags in ours.flags for flag in flags)


def test_mark() -> None:
    """Worth its mark today; what moves it is the American model's change."""
    ours = of(put("american", mark=1_200.0))
    change = model(3_000.0, 5_000.0, 0.5) - model(4_000.0, 5_000.0, 0.5)
    assert value(ours, 0.0) == pytest.approx(1_200.0)
    assert value(ours, -0.25) == pytest.approx(1_200.0 + change)


def test_missing_volatility() -> None:
    """A long counts at what exercise pays at once, not at that amount's present value."""
    assert of(put("american", iv=None)).equity_usd().tolist() == [1_000.0]


@settings(max_examples=20)
@given(st.floats(-0.9, 1.0), st.floats(0.1, 2.0), st.sampled_from([0.0, -0.05]))
def test_never_exercised_early(move: float, iv: float, rate: float) -> None:
    """A put without interest is European, to the bit, alone and beside one that is not."""
    early, late = (put(style, rate=rate, iv=iv) for style in ("american", "european"))
    assert value(of(early), move) == value(of(late), move)
    mixed = of(late, put("american", strike=4_500.0)).contracts
    factors, moved = np.full(len(of(late).factors), 1.0 + move), np.ones(2)
    expected = black76.price(
        forward=np.array([4_000.0 * np.exp(rate * mixed.years[0])]) * factors[0],
        strike=5_000.0,
        years=mixed.years[0],
        iv=iv,
        rate=rate,
        sign=-1.0,
    )
    assert mixed.values(factors, moved)[0] == expected[0] * factors[0]


def test_greeks() -> None:
    """Those of the American option; beside it a European one keeps its own, to the bit."""
    contracts = of(put("american"), put("european")).contracts
    found = contracts.greeks()
    terms: dict[str, Any] = {
        "spot": 4_000.0, "strike": 5_000.0, "years": contracts.years[0], "iv": 0.5, "rate": RATE, "sign": -1.0
    }  # fmt: skip
    ours, exact = american.greeks(**terms), black76.greeks(**terms)
    for name in ("price", "delta", "gamma", "vega", "theta", "rho"):
        both = getattr(found, name)
        assert both[0] == pytest.approx(float(getattr(ours, name)), rel=1e-9)
        assert both[1] == float(getattr(exact, name))
        assert both[0] != both[1]
