"""The fixed-point arithmetic of the option contracts: 27 decimals, with 18 inside of ln and exp.

Every function rounds as the contract does, so that results are equal to the last digit. `ln` and `exp` are
the rational approximations of solexp (Remco Bloemen), which the contracts use; coefficients in base 2**96.
"""

from __future__ import annotations

from math import isqrt

from aggregator.model.fixed_point import truncated

UNIT = 10**18
PRECISE_UNIT = 10**27
_TO_PRECISE = 10**9

_LN2_BASE96 = 54916777467707473351141471128
_EXP_UNDERFLOW = -42139678854452767551
_EXP_OVERFLOW = 135305999368893231589
_EXP_P = (
    2772001395605857295435445496992,
    44335888930127919016834873520032,
    398888492587501845352592340339721,
    1993839819670624470859228494792842,
)
_EXP_P_LAST = 4385272521454847904632057985693276
_EXP_SCALE = 3822833074963236453042738258902158003155416615667

_LN_P = (
    3273285459638523848632254066296,
    24828157081833163892658089445524,
    43456485725739037958740375743393,
    -11111509109440967052023855526967,
    -45023709667254063763336534515857,
    -14706773417378608786704636184526,
)
_LN_P_LAST = -795164235651350426258249787498
_LN_Q = (
    5573035233440673466300451813936,
    71694874799317883764090561454958,
    283447036172924575727196451306956,
    401686690394027663651624208769553,
    204048457590392012362485061816622,
    31853899698501571402653359427138,
    909429971244387300277376558375,
)
_LN_SCALE = 1677202110996718588342820967067443963516166
_LN_PER_BIT = 16597577552685614221487285958193947469193820559219878177908093499208371
_LN_OFFSET = 600920179829731861736702779321621459595472258049074101567377883020018308


def _tenths_rounded(value_times_ten: int) -> int:
    """A tenth, rounded half away from zero."""
    rounded = (abs(value_times_ten) + 5) // 10
    return rounded if value_times_ten >= 0 else -rounded


def multiply(x: int, y: int, unit: int = PRECISE_UNIT) -> int:
    """`x*y/unit`, cut to a tenth of the last digit, then rounded half away from zero."""
    return _tenths_rounded(truncated(x * y, unit // 10))


def divide(x: int, y: int, unit: int = PRECISE_UNIT) -> int:
    """`x*unit/y`, cut to a tenth of the last digit, then rounded half away from zero; `y` > 0."""
    return _tenths_rounded(truncated(x * unit * 10, y))


def to_precise(value: int) -> int:
    """18 decimals as 27."""
    return value * _TO_PRECISE


def from_precise(value: int) -> int:
    """27 decimals as 18, rounded half away from zero."""
    return _tenths_rounded(truncated(value, _TO_PRECISE // 10))


def sqrt_precise(x: int) -> int:
    """The square root of a 27-decimal number, rounded down."""
    return isqrt(x * PRECISE_UNIT)


def ln_precise(x: int) -> int:
    """The natural logarithm of a 27-decimal number; the last 9 digits are lost.

    Raises ValueError below 1e-18, where the contract reverts.
    """
    return _ln(truncated(x, _TO_PRECISE)) * _TO_PRECISE


def exp_precise(x: int) -> int:
    """e to a 27-decimal power; the last 9 digits are lost.

    Raises OverflowError from 135.3 on, where the contract reverts.
    """
    return _exp(truncated(x, _TO_PRECISE)) * _TO_PRECISE


def _ln(x: int) -> int:
    if x < 1:
        raise ValueError(f"ln of {x}e-18")
    k = x.bit_length() - 1 - 96
    x = (x << (159 - k)) >> 159
    p = q = 0
    for i, (a, b) in enumerate(zip(_LN_P, _LN_Q, strict=False)):
        p = (x if i == 0 else (p * x) >> 96) + a
        q = (x if i == 0 else (q * x) >> 96) + b
    q = ((q * x) >> 96) + _LN_Q[-1]
    p = p * x + (_LN_P_LAST << 96)
    scaled = truncated(p, q) * _LN_SCALE + _LN_PER_BIT * k + _LN_OFFSET
    return scaled >> 174


def _exp(x: int) -> int:
    if x <= _EXP_UNDERFLOW:
        return 0
    if x >= _EXP_OVERFLOW:
        raise OverflowError(f"exp of {x}e-18")
    x = truncated(x << 78, 5**18)
    k = (truncated(x << 96, _LN2_BASE96) + 2**95) >> 96
    x -= k * _LN2_BASE96
    p = x + _EXP_P[0]
    for a in _EXP_P[1:]:
        p = ((p * x) >> 96) + a
    p = p * x + (_EXP_P_LAST << 96)
    # Knuth's preconditioned form of the denominator, of degree six in x.
    z = x + 750530180792738023273180420736
    z = ((z * x) >> 96) + 32788456221302202726307501949080
    w = x - 2218138959503481824038194425854
    w = ((w * z) >> 96) + 892943633302991980437332862907700
    q = z + w - 78174809823045304726920794422040
    q = ((q * w) >> 96) + 4203224763890128580604056984195872
    return (truncated(p, q) * _EXP_SCALE) >> (195 - k)
