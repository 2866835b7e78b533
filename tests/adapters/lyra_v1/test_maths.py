"""The contracts' arithmetic in exact integers, against the contracts' figures and the real functions.

`vectors.json` was made by calling TestBlackScholes and OptionGreekCache of npm @lyrafinance/protocol
0.1.3-alpha on a local node; its numbers have float64's digits.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.lyra_v1.black_scholes import normal_cdf, option_prices, vega
from adapters.lyra_v1.collateral import CollateralParameters, OptionType, min_collateral
from adapters.lyra_v1.fixed_point import (
    PRECISE_UNIT,
    divide,
    exp_precise,
    from_precise,
    ln_precise,
    multiply,
    sqrt_precise,
)

WAD = 10**18
UNIT = PRECISE_UNIT


@cache
def vectors() -> Any:
    return json.loads((Path(__file__).parent / "vectors.json").read_text())


def wad(value: float) -> int:
    """The decimal that is written, with 18 decimals."""
    return int(Decimal(str(value)).scaleb(18))


def vector_parameters() -> CollateralParameters:
    given_ = vectors()["params"]
    return CollateralParameters(
        static_quote=wad(given_["minStaticQuote"]),
        static_base=wad(given_["minStaticBase"]),
        vol_a=wad(given_["shockVolA"]),
        point_a=given_["pointA"],
        vol_b=wad(given_["shockVolB"]),
        point_b=given_["pointB"],
        call_spot_shock=wad(given_["callShock"]),
        put_spot_shock=wad(given_["putShock"]),
        rate=wad(given_["rate"]),
    )


def test_option_prices_are_the_contracts() -> None:
    """All 37 prices and vegas to float64's precision."""
    cases = vectors()["prices"]
    assert len(cases) == 37
    for case in cases:
        inputs = (wad(case[name]) for name in ("vol", "spot", "strike", "rate"))
        call, put = option_prices(case["sec"], *inputs)
        assert call / WAD == pytest.approx(case["call"], rel=1e-15, abs=1e-15)
        assert put / WAD == pytest.approx(case["put"], rel=1e-15, abs=1e-15)
        inputs = (wad(case[name]) for name in ("vol", "spot", "strike", "rate"))
        found = vega(case["sec"], *inputs)
        assert found / WAD == pytest.approx(case["vega"], rel=1e-15, abs=1e-15)


def test_minimum_collateral_is_the_contracts() -> None:
    """All 144 figures to float64's precision, each kind of short among them."""
    cases = vectors()["minCollateral"]
    assert len(cases) == 144
    assert {case["type"] for case in cases} == {kind.name for kind in OptionType if kind.is_short}
    for case in cases:
        kind, amount = OptionType[case["type"]], wad(case["amount"])
        found = min_collateral(
            vector_parameters(), kind, wad(case["strike"]), case["sec"], wad(case["spot"]), amount
        )
        assert found / WAD == pytest.approx(case["minCollateral"], rel=1e-15)


def test_shock_volatility_is_the_contracts() -> None:
    """Flat, sloping and flat again."""
    for case in vectors()["shockVol"]:
        assert vector_parameters().shock_vol(case["sec"]) / WAD == pytest.approx(case["shockVol"], rel=1e-15)


@given(st.integers(-12 * UNIT, 12 * UNIT))
def test_normal_distribution_is_close_to_the_error_function(x: int) -> None:
    """Both branches, within what Hart's approximation promises; the two tails add up to one exactly."""
    assert normal_cdf(x) / UNIT == pytest.approx(0.5 * math.erfc(-x / UNIT / math.sqrt(2)), abs=1e-14)
    assert normal_cdf(x) + normal_cdf(-x) == UNIT or x == 0


@given(st.integers(-40 * UNIT, 130 * UNIT))
def test_exponential_is_close(x: int) -> None:
    """Relative to e**x, down to the last digit that it has."""
    assert exp_precise(x) / UNIT == pytest.approx(math.exp(x / UNIT), rel=1e-13, abs=2e-18)


@given(st.integers(10**9, 10**40))
def test_logarithm_is_close(x: int) -> None:
    """The input is cut to 18 decimals first."""
    assert ln_precise(x) / UNIT == pytest.approx(math.log(x // 10**9) - math.log(WAD), abs=1e-13)


def test_limits_of_exponential_and_logarithm() -> None:
    """Where the contract reverts we raise, where it gives nothing so do we."""
    assert exp_precise(-43 * UNIT) == 0
    with pytest.raises(OverflowError):
        exp_precise(136 * UNIT)
    with pytest.raises(ValueError, match="ln"):
        ln_precise(10**9 - 1)


def test_rounding_is_half_away_from_zero_after_a_cut() -> None:
    """As the contract's signed and unsigned forms do it."""
    assert [multiply(value, UNIT // 10) for value in (4, 5, 14, 15, -5, -4)] == [0, 1, 1, 2, -1, 0]
    # 0.2449… of the last digit is cut to 0.2 and 0.5 before anything is rounded.
    assert (divide(1, 2 * UNIT), divide(-1, 2 * UNIT), divide(1, 2 * UNIT + 1)) == (1, -1, 0)
    assert (from_precise(1_499_999_999), from_precise(1_500_000_000)) == (1, 2)
    assert sqrt_precise(2 * UNIT) == math.isqrt(2 * UNIT * UNIT)


@given(
    seconds=st.integers(0, 400 * 86_400),
    vol=st.integers(0, 5 * WAD),
    spot=st.integers(WAD, 10**5 * WAD),
    strike=st.integers(WAD, 10**5 * WAD),
)
def test_put_call_parity_without_interest(seconds: int, vol: int, spot: int, strike: int) -> None:
    """call - put = spot - strike wherever the put is not clamped; neither is negative.

    The contract's e**0 is a last digit below one, which discounts the strike.
    """
    call, put = option_prices(seconds, vol, spot, strike, 0)
    assert call >= 0
    assert put >= 0
    assert put == 0 or abs(call - put - (spot - strike)) <= 2 + 2 * strike // WAD


@pytest.mark.parametrize("kind", [kind for kind in OptionType if kind.is_short])
def test_static_minimum_is_per_position(kind: OptionType) -> None:
    """A tiny far out-of-the-money short is asked the static minimum, but never more than full collateral."""
    strike = 10_000 * WAD if kind.is_call else 100 * WAD
    asked = min_collateral(vector_parameters(), kind, strike, 86_400, 2_000 * WAD, WAD // 10)
    full = {OptionType.SHORT_CALL_BASE: WAD // 10, OptionType.SHORT_PUT_QUOTE: 10 * WAD}
    assert asked == full.get(kind, 200 * WAD)


def test_nothing_is_asked_of_nothing() -> None:
    """An empty position has no static minimum either."""
    assert min_collateral(vector_parameters(), OptionType.SHORT_CALL_QUOTE, WAD, 0, WAD, 0) == 0
