"""Black-Scholes prices as the protocol's library computes them, to the last digit.

Source: BlackScholes.sol of @lyrafinance/protocol 0.1.3-alpha. The normal distribution is Hart's rational
approximation below 7.07 standard deviations and a continued fraction beyond.
"""

from __future__ import annotations

from adapters.lyra_v1.fixed_point import (
    PRECISE_UNIT,
    divide,
    exp_precise,
    from_precise,
    ln_precise,
    multiply,
    sqrt_precise,
    to_precise,
)
from aggregator.model.fixed_point import truncated

SECONDS_PER_YEAR = 31_536_000
MIN_SECONDS = 1
MIN_VOL_PRECISE = PRECISE_UNIT // 10_000

_MIN_YEARS = PRECISE_UNIT // SECONDS_PER_YEAR
_SQRT_TWO_PI = 2506628274631000502415765285
_CUTOFF = 37 * PRECISE_UNIT
_SPLIT = 7071067811865470000000000000
_NUMERATOR = (
    35262496599891100000000000,
    700383064443688000000000000,
    6373962203531650000000000000,
    33912866078383000000000000000,
    112079291497871000000000000000,
    221213596169931000000000000000,
    220206867912376000000000000000,
)
_DENOMINATOR = (
    88388347648318400000000000,
    1755667163182640000000000000,
    16064177579207000000000000000,
    86780732202946100000000000000,
    296564248779674000000000000000,
    637333633378831000000000000000,
    793826512519948000000000000000,
    440413735824752000000000000000,
)


def option_prices(seconds: int, vol: int, spot: int, strike: int, rate: int) -> tuple[int, int]:
    """(call, put) per unit; all with 18 decimals but the whole `seconds` to expiry.

    Time below one second and volatility below 0.01% count as those in d1 and d2. Raises ValueError where
    spot/strike is below 1e-18: the contract reverts there.
    """
    years = divide(seconds, SECONDS_PER_YEAR)
    spot, strike, rate = to_precise(spot), to_precise(strike), to_precise(rate)
    d1, d2 = _d1_d2(years, to_precise(vol), spot, strike, rate)
    strike_pv = multiply(strike, exp_precise(-multiply(rate, years)))
    spot_part = multiply(spot, normal_cdf(d1))
    strike_part = multiply(strike_pv, normal_cdf(d2))
    call = max(spot_part - strike_part, 0)
    put = max(call + strike_pv - spot, 0)
    return from_precise(call), from_precise(put)


def vega(seconds: int, vol: int, spot: int, strike: int, rate: int) -> int:
    """What one option gains per 1.0 of volatility; 18 decimals. Arguments and errors as of option_prices."""
    years = divide(seconds, SECONDS_PER_YEAR)
    spot, strike, rate = to_precise(spot), to_precise(strike), to_precise(rate)
    d1, _ = _d1_d2(years, to_precise(vol), spot, strike, rate)
    density = divide(exp_precise(-multiply(d1, truncated(d1, 2))), _SQRT_TWO_PI)
    return from_precise(multiply(sqrt_precise(years), multiply(density, spot)))


def call_delta(seconds: int, vol: int, spot: int, strike: int, rate: int) -> int:
    """What a call gains per 1.0 of the spot price; 18 decimals. Arguments and errors as of option_prices."""
    years = divide(seconds, SECONDS_PER_YEAR)
    d1, _ = _d1_d2(years, to_precise(vol), to_precise(spot), to_precise(strike), to_precise(rate))
    return from_precise(normal_cdf(d1))


def _d1_d2(years: int, vol: int, spot: int, strike: int, rate: int) -> tuple[int, int]:
    years, vol = max(years, _MIN_YEARS), max(vol, MIN_VOL_PRECISE)
    deviation = multiply(vol, sqrt_precise(years))
    drift = multiply(multiply(vol, vol) // 2 + rate, years)
    d1 = divide(ln_precise(divide(spot, strike)) + drift, deviation)
    return d1, d1 - deviation


def normal_cdf(x: int) -> int:
    """The standard normal distribution function; 27 decimals in and out."""
    z, tail = abs(x), 0
    if z <= _CUTOFF:
        density = exp_precise(-multiply(z, z // 2))
        if z < _SPLIT:
            tail = multiply(divide(_polynomial(_NUMERATOR, z), _polynomial(_DENOMINATOR, z)), density)
        else:
            fraction = z + PRECISE_UNIT * 13 // 20
            for n in (4, 3, 2, 1):
                fraction = z + divide(n * PRECISE_UNIT, fraction)
            tail = divide(density, multiply(fraction, _SQRT_TWO_PI))
    return tail if x <= 0 else PRECISE_UNIT - tail


def _polynomial(coefficients: tuple[int, ...], z: int) -> int:
    """Horner's scheme, highest power first, rounded down at each step."""
    value = 0
    for coefficient in coefficients:
        value = value * z // PRECISE_UNIT + coefficient
    return value
