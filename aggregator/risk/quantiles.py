"""Quantiles of the normal and of the chi-square distribution, vectorised, in numpy alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37,
# 477 (1988), PPND16: numerators and denominators near the middle, in the tail, and far out.
_MIDDLE = (
    (
        3.3871328727963666080,
        133.14166789178437745,
        1971.5909503065514427,
        13731.693765509461125,
        45921.953931549871457,
        67265.770927008700853,
        33430.575583588128105,
        2509.0809287301226727,
    ),
    (
        1.0,
        42.313330701600911252,
        687.18700749205790830,
        5394.1960214247511077,
        21213.794301586595867,
        39307.895800092710610,
        28729.085735721942674,
        5226.4952788528545610,
    ),
)
_TAIL = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        0.241780725177450611770,
        0.0227238449892691845833,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        0.689767334985100004550,
        0.148103976427480074590,
        0.0151986665636164571966,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_FAR = (
    (
        6.65790464350110377720,
        5.46378491116411436990,
        1.78482653991729133580,
        0.296560571828504891230,
        0.0265321895265761230930,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ),
    (
        1.0,
        0.599832206555887937690,
        0.136929880922735805310,
        0.0148753612908506148525,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)

_NEWTON_STEPS = 12
"""Twice what the slowest point needs."""


def normal(p: Floats) -> Floats:
    """The standard normal quantile of probabilities inside (0, 1), of the same shape, to 1e-15 of itself."""
    centred = p - 0.5
    near = 0.180625 - centred * centred
    distance = np.sqrt(-np.log(np.minimum(p, 1.0 - p)))
    outside = np.where(
        distance <= 5.0, _ratio(_TAIL, distance - 1.6), _ratio(_FAR, np.maximum(distance, 5.0) - 5.0)
    )
    return np.where(near >= 0.0, centred * _ratio(_MIDDLE, near), np.copysign(outside, centred))


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: Floats) -> Floats:
    top, bottom = (np.full_like(x, coefficients[-1]) for coefficients in polynomials)
    for over, under in zip(reversed(polynomials[0][:-1]), reversed(polynomials[1][:-1]), strict=True):
        top = top * x + over
        bottom = bottom * x + under
    return top / bottom


def chi_square(p: Floats, degrees: int) -> Floats:
    """The chi-square quantile of probabilities inside (0, 1), for an even number of degrees of freedom.

    With v = w/2 and k = degrees/2 what lies above is exp(-v) * sum of v^j/j! for j < k, what lies below the
    same sum for j >= k. Newton on the logarithm of the smaller of the two, which is concave (in the
    logarithm of v below, in v above), so that neither cancels. Raises ValueError where `degrees` is odd.
    """
    if degrees % 2 or degrees < 2:
        raise ValueError(f"chi-square with {degrees} degrees of freedom has no closed form")
    k = degrees // 2
    below = p < 0.5
    wanted = np.log(np.where(below, p, 1.0 - p))
    # Wilson and Hilferty's cube; where it fails, near nothing, the first term of the series.
    cube = (1.0 - 1.0 / (9.0 * k) + normal(p) / (3.0 * math.sqrt(k))) ** 3
    v = np.maximum(k * cube, np.exp((np.log(p) + math.lgamma(k + 1)) / k))
    for _ in range(_NEWTON_STEPS):
        log_density = (k - 1) * np.log(v) - v - math.lgamma(k)
        lower = log_density + np.log(v / k) + np.log(_series(v, k))
        upper = -v + np.log(sum(v**j / math.factorial(j) for j in range(k)))
        rises = np.exp(log_density - lower) * v
        down = v * np.exp((wanted - lower) / rises)
        up = v + (upper - wanted) * np.exp(upper - log_density)
        v = np.where(below, down, up)
    return 2.0 * v


def _series(v: Floats, k: int) -> Floats:
    """The sum of v^j * k!/(k+j)! for j >= 0."""
    total = term = np.ones_like(v)
    j = 0
    while float(term.max(initial=0.0)) > 1e-17 * k:
        j += 1
        term = term * v / (k + j)
        total = total + term
    return total
