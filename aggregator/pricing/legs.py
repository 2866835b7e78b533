"""Black's formula in two legs: what is received and what is paid, each without cancellation.

With x = |ln(a/b)|, s the total volatility, h = x/s and t = s/2, the option that is out of the money is worth
the near leg less the far leg, and its counterpart the same plus |a-b|: so parity holds to the last bit.
V = sqrt(a*b)*n(h)*exp(-t^2/2) is common to all, a leg is V times Mills' ratio of h-t or h+t, and vega and
gamma are V times something. Compare P. Jaeckel, "Let's be rational" (2015), for the normalisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from aggregator.pricing.mills import DENSITY_AT_ZERO, FARTHEST, SERIES, difference, ratio, ratio_into

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

MOST = 1e3
"""Total volatility above it counts as this much: the density is 0 from 80 on."""

# Arrays without dimensions spare the conversion of a float in every call.
_ONE, _HALF, _MINUS_HALF, _NONE = (np.array(value) for value in (1.0, 0.5, -0.5, 0.0))
_LEAST, _APART, _DENSITY = (np.array(value) for value in (0.002, 600.0, DENSITY_AT_ZERO))
_NEAR_THE_MONEY = 0.25


class Legs:
    """The legs of up to `size` options, in buffers that the next call overwrites.

    Set by `set`, each of the length of its arguments: `common` (V), `near`, `far`, `apart` (near - far, the
    value of the option that is out of the money, >= 0), `above` (a > b). `special` are the places that took
    the exact way: hardly any volatility, or none (then the legs are 0, exactly at the money half of a each),
    prices of 0 or 600 e-folds apart. What is NaN or negative becomes NaN.
    """

    def __init__(self, size: int) -> None:
        # One after another, so that both legs' ratios are worked out in one go.
        self._buffers = np.empty(10 * size)
        self._above = np.empty(size, dtype=np.bool_)
        self._inside = np.empty(size, dtype=np.bool_)

    def set(self, a: Floats, b: Floats, s: Floats) -> None:
        """Set the legs for prices `a` (received by the call) and `b` (paid), at total volatility `s`."""
        count = len(a)
        buffers = self._buffers[: 10 * count]
        x, t, h, common, upper, lower, far, near, apart, _ = buffers.reshape(10, count)
        arguments, ratios, spare = (
            buffers[4 * count : 6 * count],
            buffers[6 * count : 8 * count],
            buffers[8 * count :],
        )
        above = self._above[:count]
        np.divide(a, b, out=common)
        np.log(common, out=x)
        np.abs(x, out=x)
        np.greater(a, b, out=above)
        np.divide(x, s, out=h)
        np.abs(h, out=h)
        # Otherwise near - far would lose more than three digits, or x some. A negative s is not regular.
        np.add(h, _ONE, out=t)
        np.multiply(t, _LEAST, out=t)
        regular = np.greater(s, t)
        regular &= np.less(x, _APART)
        np.multiply(s, _HALF, out=t)
        np.add(h, t, out=upper)
        np.subtract(h, t, out=lower)
        np.multiply(h, h, out=h)
        np.multiply(t, t, out=t)
        np.add(h, t, out=h)
        np.multiply(h, _MINUS_HALF, out=h)
        np.exp(h, out=h)
        np.sqrt(common, out=common)
        np.multiply(common, b, out=common)
        np.multiply(common, h, out=common)
        np.multiply(common, _DENSITY, out=common)
        np.less(lower, _NONE, out=self._inside[:count])
        np.copysign(common, lower, out=x)
        np.abs(lower, out=lower)
        ratio_into(arguments, ratios, spare)
        np.multiply(far, common, out=far)
        # Where h < t the leg is the lesser price less that: masks multiply, which is faster than choosing.
        np.multiply(near, x, out=near)
        np.minimum(a, b, out=x)
        np.multiply(x, self._inside[:count], out=x)
        np.add(near, x, out=near)
        np.subtract(near, far, out=apart)
        np.maximum(apart, _NONE, out=apart)
        self.common, self.near, self.far, self.apart, self.above = common, near, far, apart, above
        self.special = np.flatnonzero(~regular)
        if self.special.size:
            at = self.special
            common[at], near[at], far[at], apart[at] = exact(a[at], b[at], s[at])


def distance(a: Floats, b: Floats) -> Floats:
    """|ln(a/b)| to a few units of the last place of itself, also where a and b are nearly equal."""
    with np.errstate(all="ignore"):
        apart = (0.5 * a - 0.5 * b) / (0.5 * a + 0.5 * b)
        near = np.abs(apart) < _NEAR_THE_MONEY
        far: Floats = np.abs(np.where(near, 2.0 * np.arctanh(apart), np.log(a) - np.log(b)))
    return far


def exact(a: Floats, b: Floats, s: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """V, near, far and near - far for any a, b, s >= 0, where they are hard to get; NaN for all else."""
    middle = 0.5 * a + 0.5 * b
    x = distance(a, b)
    with np.errstate(all="ignore"):
        h, t = np.minimum(x / s, FARTHEST), 0.5 * s
        common = np.sqrt(a) * np.sqrt(b) * DENSITY_AT_ZERO * np.exp(-0.5 * (h * h + t * t))
        far = common * ratio(h + t)
        near = common * ratio(np.abs(h - t))
        near = np.where(h < t, np.minimum(a, b) - near, near)
        small = t <= SERIES
        value = np.where(small, common * difference(h, np.where(small, t, 0.0)), near - far)
    value = np.maximum(value, 0.0)
    none = (s == 0.0) | (np.minimum(a, b) == 0.0) | np.isinf(middle)
    half = np.where(none & (a == b) & (s == 0.0), 0.5 * a, 0.0)
    wrong = ~((a >= 0.0) & (b >= 0.0) & (s >= 0.0)) | np.isinf(np.minimum(a, b))
    legs = (
        np.where(none, 0.0, common),
        np.where(none, half, near),
        np.where(none, half, far),
        np.where(none, 0.0, value),
    )
    common, near, far, value = (np.where(wrong, np.nan, leg) for leg in legs)
    return common, near, far, value
