"""Square root, logarithm and exponential with 18 decimals, to the last digit of what contracts compute.

`ln` and `exp` are the rational approximations of solexp (Remco Bloemen), which several option protocols use;
coefficients in base 2**96.
"""

from __future__ import annotations

from math import isqrt

from aggregator.model.fixed_point import truncated
from aggregator.model.rules import WAD

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


def sqrt(x: int) -> int:
    """The square root of a number >= 0 with 18 decimals, rounded down."""
    return isqrt(x * WAD)


def ln(x: int) -> int:
    """The natural logarithm of a number with 18 decimals.

    Raises ValueError below 1e-18, where contracts revert.
    """
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


def exp(x: int) -> int:
    """e to the power of a number with 18 decimals; 0 below -42.1.

    Raises OverflowError from 135.3 on, where contracts revert.
    """
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
