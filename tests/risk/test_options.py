"""How options are valued: marks, missing volatility, expiry, and the volatility shocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.positions import Option
from aggregator.pricing import black76
from aggregator.risk.book import Book, book
from aggregator.risk.contracts import Contracts
from aggregator.risk.rays import Vol
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import CustomScenario
from tests.risk.builders import account, defaults, option, portfolio, scenarios

MONTH = 30 / 365


def of(*options: Option) -> Book:
    return book([portfolio(account("o", *options, kind="option"))], scenarios())


def black(spot: float, strike: float, iv: float, sign: float = 1.0) -> float:
    return float(black76.price(forward=spot, strike=strike, years=MONTH, iv=iv, rate=0.0, sign=sign))


def value(ours: Book, moves: dict[str, float], vol: Vol = Vol.NONE) -> float:
    rays = scenarios().custom([CustomScenario("s", moves, vol)], ours.axes)
    return float(Revaluation.of(ours, rays).values(np.array([1.0]))[0, 0, 0])


def contracts(*options: Option) -> Contracts:
    return of(*options).contracts


def test_marks_and_model_changes() -> None:
    """Worth the mark today; what moves it is the model's change."""
    ours = of(option("ETH", 2.0, "call", 4_400.0, years=MONTH, iv=0.7, mark=200.0))
    assert ours.equity_usd().tolist() == pytest.approx([400.0])
    change = black(4_400.0, 4_400.0, 0.7) - black(4_000.0, 4_400.0, 0.7)
    assert value(ours, {"ETH": 0.1}) == pytest.approx(2.0 * (200.0 + change))


def test_never_below_nothing() -> None:
    """A mark below the model does not make a worthless option a liability, nor a written one an asset."""
    cheap = black(4_000.0, 4_400.0, 0.7) - 50.0
    for size in (1.0, -1.0):
        ours = of(option("ETH", size, "call", 4_400.0, years=MONTH, iv=0.7, mark=cheap))
        assert value(ours, {"ETH": -0.9}) == 0.0


def test_perpetual() -> None:
    """Worth its mark; its intrinsic value moves and what the mark has above it stays; both are said."""
    usual = option("ETH", 2.0, "call", 3_500.0, years=MONTH, iv=0.7, mark=800.0)
    ours = of(replace(usual, style="perpetual", expiry=None, iv=None))
    assert ours.equity_usd().tolist() == [1_600.0]
    assert value(ours, {"ETH": 0.1}) == pytest.approx(2.0 * (900.0 + 300.0))
    assert value(ours, {"ETH": 0.0}, Vol.UP) == pytest.approx(1_600.0)
    assert any("has no expiry: worth its mark" in flag for flags in ours.flags for flag in flags)
    bare = of(replace(usual, style="perpetual", expiry=None, iv=None, mark_raw=None))
    assert bare.equity_usd().tolist() == [1_000.0]
    assert any("for want of a mark" in flag for flags in bare.flags for flag in flags)


def test_settled_in_a_stablecoin() -> None:
    """The peg of what it pays in counts for the option as for any dollar claim."""
    ours = of(option("ETH", 1.0, "call", 4_000.0, years=MONTH, iv=0.7, settlement="sUSD"))
    today = value(ours, {})
    assert value(ours, {"synthetic_usd": -0.1}) == pytest.approx(0.9 * today)


def test_missing_iv() -> None:
    """Longs at intrinsic whatever their mark; shorts at the class IV or the highest known one; both said."""
    long_call = option("ETH", 1.0, "call", 3_500.0, years=MONTH, iv=None, mark=900.0)
    ours = of(long_call)
    assert ours.equity_usd().tolist() == [500.0]
    assert value(ours, {}, Vol.UP) == 500.0
    short = option("ETH", -1.0, "call", 3_500.0, years=MONTH, iv=None)
    assert of(short).equity_usd()[0] == pytest.approx(-black(4_000.0, 3_500.0, 0.75))
    known = option("ETH", 1.0, "put", 3_000.0, years=MONTH, iv=1.2)
    both = contracts(known, short)
    assert both.iv.tolist() == [1.2, 1.2]
    elsewhere = option("BTC", 1.0, "put", 90_000.0, years=MONTH, iv=2.0)
    assert contracts(elsewhere, short).iv.tolist() == [2.0, 0.75]
    assert [flag for (flag,) in (ours.flags, of(short).flags)] == [
        (f"no implied volatility for {long_call.instrument}: valued at intrinsic value",),
        (f"no implied volatility for {short.instrument}: valued at the highest known or its class's",),
    ]


def test_missing_iv_of_a_marked_short() -> None:
    """A written option counts at the higher of its mark and the guessed model."""
    model = black(4_000.0, 3_500.0, 0.75)
    for mark in (model - 100.0, model + 100.0):
        ours = of(option("ETH", -1.0, "call", 3_500.0, years=MONTH, iv=None, mark=mark))
        assert ours.equity_usd()[0] == pytest.approx(-max(mark, model))


@pytest.mark.parametrize("size", [1.0, -1.0])
def test_expired(size: float) -> None:
    """Unsettled: intrinsic value that moves with the price, no volatility needed, nothing to say."""
    ours = of(option("ETH", size, "call", 3_900.0, years=-0.01, iv=None, mark=100.0))
    assert ours.flags == ((),)
    assert ours.equity_usd().tolist() == pytest.approx([100.0 * size])
    assert value(ours, {"ETH": 0.1}, Vol.UP) == pytest.approx(500.0 * size)
    assert value(ours, {"ETH": -0.1}) == 0.0


def test_one_contract_is_priced_once() -> None:
    """Holders of one instrument share its row; a guessed writer's view is another."""
    same = option("ETH", 1.0, "call", 4_400.0, years=MONTH, iv=0.7)
    short = option("ETH", -3.0, "call", 4_400.0, years=MONTH, iv=0.7)
    assert len(contracts(same, short, same)) == 1
    assert of(same, short, same).holdings().tolist() == [[-1.0]]


@pytest.mark.parametrize(
    ("days", "g"), [(30.0, 1.0), (7.5, 4.0**0.3), (120.0, 0.25**0.13), (0.5, 30.0**0.3), (1.0, 30.0**0.3)]
)
def test_volatility_shocks(days: float, g: float) -> None:
    """Up 1 + .5g, down max(.1, 1 - .3g), twists with g halved and opposite signs at 30 days."""
    one = contracts(option("ETH", 1.0, "call", 4_000.0, years=days / 365, iv=0.7))
    factor = np.exp(one.log_iv_factors(defaults().volatility))[0]
    assert factor[Vol.NONE] == 1.0
    assert factor[Vol.UP] == pytest.approx(1 + 0.5 * g)
    assert factor[Vol.DOWN] == pytest.approx(max(0.1, 1 - 0.3 * g))
    half = (1 + 0.25 * g, max(0.1, 1 - 0.15 * g))
    near, far = half if days <= 30 else half[::-1]
    assert factor[Vol.SHORT_UP] == pytest.approx(near)
    assert factor[Vol.SHORT_DOWN] == pytest.approx(far)
    assert factor[Vol.TILT_UP] == factor[Vol.TILT_DOWN] == 1.0


def test_volatility_never_falls_below_its_least() -> None:
    """Where the downward shock of a configuration would take all of it."""
    size = replace(defaults().volatility, down=0.6)
    one = contracts(option("ETH", 1.0, "call", 4_000.0, years=1 / 365, iv=0.7))
    factor = np.exp(one.log_iv_factors(size))[0]
    assert factor[Vol.DOWN] == pytest.approx(0.1)
    assert factor[Vol.SHORT_DOWN] == pytest.approx(1 - 0.3 * 30.0**0.3)


@pytest.mark.parametrize(("strike", "steps"), [(4_400.0, 0.4748), (3_600.0, -0.5250), (400.0, -1e9)])
def test_skew_tilts(strike: float, steps: float) -> None:
    """IV * (1 +- .15 tanh(ln(K/F) / (iv sqrt T))): high strikes up, low down, and the reverse."""
    iv = 0.7 if strike > 1_000.0 else 1e-6
    one = contracts(option("ETH", 1.0, "call", strike, years=MONTH, iv=iv))
    factor = np.exp(one.log_iv_factors(defaults().volatility))[0]
    assert factor[Vol.TILT_UP] == pytest.approx(1 + 0.15 * np.tanh(steps), abs=1e-4)
    assert factor[Vol.TILT_DOWN] == pytest.approx(1 - 0.15 * np.tanh(steps), abs=1e-4)


@given(st.floats(0.0, 20.0))
def test_factors_are_raised_to_the_stress_multiple(level: float) -> None:
    """At multiple L every price and volatility factor is its power L: prices never go negative."""
    ours = of(option("ETH", 1.0, "put", 4_000.0, years=MONTH, iv=0.7))
    rays = scenarios().custom([CustomScenario("s", {"ETH": -0.18}, Vol.UP)], ours.axes)
    got = float(Revaluation.of(ours, rays).values(np.array([level]))[0, 0, 0])
    expected = black(4_000.0 * 0.82**level, 4_000.0, 0.7 * 1.5**level, -1.0)
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)
