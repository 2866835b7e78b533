"""Black-76 prices as the contracts compute them, to the last digit.

Source: Black76.sol and FixedPointMathLib.sol of lyra-finance/lyra-utils 759e962. The normal distribution is
Hart's rational approximation below 7.07 standard deviations and a continued fraction beyond, in base 2**64.
"""

from __future__ import annotations

from aggregator.model.fixed_point import truncated
from aggregator.model.rules import WAD
from aggregator.pricing.exponentials import exp, ln, sqrt

YEAR_SECONDS = 31_536_000

_MAX_TOTAL_VOL = 24 * WAD
_CUTOFF = 37 * WAD
_SPLIT = 130438178253327725388
_NUMERATOR = (
    650478250178244362,
    12919787143353136591,
    117578849504046139487,
    625581961353917287603,
    2067498006223917203771,
    4080670594171652639712,
    4062099735652764000328,
)
_DENOMINATOR = (
    1630477228166597028,
    32386342837845824709,
    296331772558254578451,
    1600821957476871612085,
    5470644798650576484341,
    11756730424506726822413,
    14643514515380871948050,
    8124199471305528000657,
)
_FRACTION = 11990383647911208550
_SQRT_TWO_PI = 46239130270042206915


def annualised(seconds: int) -> int:
    """Seconds >= 0 as years with 18 decimals."""
    return seconds * WAD // YEAR_SECONDS


def option_prices(seconds: int, vol: int, forward: int, strike: int, discount: int = WAD) -> tuple[int, int]:
    """(call, put) per unit; all >= 0 with 18 decimals but the whole `seconds` to expiry."""
    call, put, _ = prices_and_delta(seconds, vol, forward, strike, discount)
    return call, put


def prices_and_delta(
    seconds: int, vol: int, forward: int, strike: int, discount: int
) -> tuple[int, int, int]:
    """(call, put, delta of the call), as `option_prices`; the delta is discounted as well."""
    discounted, strike_pv = forward * discount // WAD, strike * discount // WAD
    if strike == 0:
        return discounted, 0, discount
    if forward == 0:
        return 0, strike_pv, 0
    moneyness = strike * WAD // forward
    call, delta = _standard_call(moneyness, vol * sqrt(annualised(seconds)) // WAD)
    put = max(call + moneyness - WAD, 0)
    return (
        min(call * discounted // WAD, discounted),
        min(put * discounted // WAD, strike_pv),
        delta * discount // WAD,
    )


def _standard_call(moneyness: int, total_vol: int) -> tuple[int, int]:
    """A call on a forward of 1, and its delta."""
    if total_vol >= _MAX_TOTAL_VOL:
        return WAD, WAD
    total_vol, moneyness = max(total_vol, 1), max(moneyness, 1)
    half_variance = (total_vol >> 1) * total_vol // WAD
    d1 = truncated((half_variance - ln(moneyness)) * WAD, total_vol)
    delta = normal_cdf(d1)
    return max(delta - moneyness * normal_cdf(d1 - total_vol) // WAD, 0), delta


def normal_cdf(x: int) -> int:
    """The standard normal distribution function; 18 decimals in and out."""
    tail, z = 0, abs(x)
    if z <= _CUTOFF:
        density = exp(-((z >> 1) * z // WAD))
        z, density = (z << 46) // 5**18, (density << 46) // 5**18
        if z < _SPLIT:
            tail = _polynomial(_NUMERATOR, z) * density // _polynomial(_DENOMINATOR, z)
        else:
            fraction = _FRACTION
            for n in (4, 3, 2, 1):
                fraction = (n << 128) // (z + fraction)
            tail = (density << 64) // ((fraction + z) * _SQRT_TWO_PI >> 64)
    tail = tail * 5**18 >> 46
    return tail if x <= 0 else WAD - tail


def _polynomial(coefficients: tuple[int, ...], z: int) -> int:
    """Horner's scheme in base 2**64, highest power first, rounded down at each step."""
    value = 0
    for coefficient in coefficients:
        value = (value * z >> 64) + coefficient
    return value
