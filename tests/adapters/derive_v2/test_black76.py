"""The contracts' Black-76 beside ours in floats, which is another calculation altogether."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.derive_v2.black76 import annualised, normal_cdf, option_prices, prices_and_delta
from aggregator.model.rules import WAD
from aggregator.pricing.black76 import price
from tests.adapters.derive_v2.strategies import wad


@given(
    seconds=st.integers(3_600, 3 * 31_536_000),
    vol=st.floats(0.05, 3),
    forward=st.floats(0.01, 1e6),
    moneyness=st.floats(0.2, 5),
)
@settings(max_examples=200)
def test_prices_are_those_of_the_formula(seconds: int, vol: float, forward: float, moneyness: float) -> None:
    """To 1e-10 of the forward, which is what 18 decimals of moneyness and volatility leave."""
    strike = forward * moneyness
    call, put = option_prices(seconds, wad(vol), wad(forward), wad(strike))
    years = seconds / 31_536_000
    for sign, found in ((1, call), (-1, put)):
        [expected] = price(
            forward=[forward], strike=[strike], years=[years], iv=[vol], rate=[0.0], sign=[sign]
        )
        assert found / WAD == pytest.approx(expected, rel=1e-9, abs=1e-10 * forward)


@given(st.integers(0, 10**6), st.integers(0, 3 * WAD), st.integers(0, 10**24), st.integers(0, 10**24))
def test_bounds_hold_for_any_numbers(seconds: int, vol: int, forward: int, strike: int) -> None:
    """A call is worth the forward at most, a put the strike, and no delta is beyond one."""
    call, put, delta = prices_and_delta(seconds, vol, forward, strike, WAD)
    assert 0 <= call <= forward
    assert 0 <= put <= strike
    assert 0 <= delta <= WAD


@pytest.mark.parametrize(
    ("seconds", "vol", "expected"),
    [
        pytest.param(0, WAD, (WAD // 2, 0), id="over"),
        pytest.param(31_536_000, 0, (WAD // 2, 0), id="without volatility"),
        pytest.param(31_536_000, 24 * WAD, (3 * WAD // 2, WAD), id="with more than is told apart"),
    ],
)
def test_limits(seconds: int, vol: int, expected: tuple[int, int]) -> None:
    """At a forward of 1.5 and a strike of 1, to what a division cuts off."""
    assert option_prices(seconds, vol, 3 * WAD // 2, WAD) == pytest.approx(expected, abs=3)


def test_years_are_of_365_days() -> None:
    """Cut to 18 decimals."""
    assert annualised(31_536_000) == WAD
    assert annualised(1) == WAD // 31_536_000


def test_the_distribution_is_symmetric() -> None:
    """And as tables have it: 0.975002104851780 at 1.96."""
    assert normal_cdf(0) == pytest.approx(WAD // 2, abs=2)
    assert normal_cdf(wad(1.96)) / WAD == pytest.approx(0.975002104851780, abs=1e-15)
    assert normal_cdf(wad(-1.96)) + normal_cdf(wad(1.96)) == pytest.approx(WAD, abs=2)
