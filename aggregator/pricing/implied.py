"""Implied volatility of European options: the inverse of Black-76, by a safeguarded solver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from aggregator.pricing.legs import MOST, distance
from aggregator.pricing.mills import DENSITY_AT_ZERO, FARTHEST, SERIES, difference, ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = "NDArray[np.float64]"

_ULP = 2.0**-52
_CLOSE = 4e-15
_TRIES = 100
_LOG_DENSITY = math.log(DENSITY_AT_ZERO)


@dataclass(frozen=True, eq=False, slots=True)
class ImpliedVolatility:
    """`iv` per year, and the `error` in it that rounding of the price (and of what it exceeds intrinsic value
    by) alone can make; both NaN where no volatility gives the price, or the error is no less than it."""

    iv: Floats
    error: Floats


def implied_volatility(
    *,
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    sign: ArrayLike,
) -> ImpliedVolatility:
    """The volatility at which `black76.price` of the same arguments gives `price`; they broadcast.

    NaN where there is none: a price at or below discounted intrinsic value, or at or above its upper bound
    (the discounted forward of a call, strike of a put), an expired option, no positive forward and strike.
    Raises ValueError on a sign other than +-1.

    Halley's method on the logarithm of the time value or, above half of its bound, of what it lacks of that;
    a step that leaves the bracket is replaced by a geometric middle. Ends when a step is below 4e-15 of the
    total volatility; NaN where a hundred steps do not get there.
    """
    arrays = (np.asarray(values, dtype=np.float64) for values in (price, forward, strike, years, rate, sign))
    p, F, K, T, r, w = np.broadcast_arrays(*arrays)
    if not np.all(np.abs(w) == 1.0):
        raise ValueError("a sign is +1 for a call or -1 for a put")
    with np.errstate(all="ignore"):
        discount = np.exp(-r * T)
        intrinsic = np.maximum(w * (F - K), 0.0)
        time_value, bound = p / discount - intrinsic, np.minimum(F, K)
        sound = (time_value > 0.0) & (time_value < bound) & (bound > 0.0) & (T > 0.0)
        sound &= np.isfinite(np.maximum(F, K)) & np.isfinite(T)
    iv, error = np.full(p.shape, np.nan), np.full(p.shape, np.nan)
    F, K, T, time_value, discount, inside, p = (
        values[sound] for values in (F, K, T, time_value, discount, intrinsic > 0.0, p)
    )
    if not len(p):
        return ImpliedVolatility(iv, error)
    x = distance(F, K)
    scale = np.sqrt(F) * np.sqrt(K)
    total = _total_volatility(x, np.log(time_value) - np.log(scale), np.minimum(F, K), time_value)
    root = np.sqrt(T)
    found = total / root
    with np.errstate(all="ignore"):
        vega = scale * discount * DENSITY_AT_ZERO * np.exp(-0.5 * ((x / total) ** 2 + 0.25 * total**2)) * root
        lost = np.spacing(p) + np.where(inside, _ULP * np.maximum(F, K) * discount, 0.0)
        unsure = lost / vega + found * _CLOSE
        known = unsure < found
    iv[sound] = np.where(known, found, np.nan)
    error[sound] = np.where(known, unsure, np.nan)
    return ImpliedVolatility(iv, error)


def _total_volatility(x: Floats, log_value: Floats, bound: Floats, time_value: Floats) -> Floats:
    """s such that the normalised option x e-folds out of the money is worth exp(log_value).

    `bound` and `time_value` in money, for what the value lacks of its bound.
    """
    upper = time_value > 0.5 * bound
    lacking = np.log(np.where(upper, bound - time_value, 1.0)) - np.log(bound) - 0.5 * x
    wanted = np.where(upper, lacking, log_value)
    s = np.where(upper, np.sqrt(2.0 * x - 8.0 * np.minimum(lacking + 0.5 * x, 0.0)), _first(x, log_value))
    low, high = np.zeros_like(s), np.full_like(s, MOST)
    result = np.full_like(s, np.nan)
    at = np.arange(len(s))
    for _ in range(_TRIES):
        newton, curve = _step(x[at], s[at], wanted[at], upper[at])
        with np.errstate(all="ignore"):
            halley = newton / np.maximum(1.0 - 0.5 * newton * curve, 0.5)
        # Values rise with the volatility, so the sign of Newton's step tells on which side the root is.
        low[at] = np.where(newton <= 0.0, s[at], low[at])
        high[at] = np.where(newton >= 0.0, s[at], high[at])
        following = s[at] - halley
        outside = ~((following > low[at]) & (following < high[at]))
        middle = np.where(
            low[at] == 0.0,
            0.5 * high[at],
            np.where(high[at] == MOST, 2.0 * low[at], np.sqrt(low[at]) * np.sqrt(high[at])),
        )
        done = np.abs(halley) <= _CLOSE * s[at]
        result[at[done]] = s[at[done]]
        s[at] = np.where(outside, np.minimum(middle, MOST), following)
        at = at[~done]
        if not at.size:
            break
    return result


def _first(x: Floats, log_value: Floats) -> Floats:
    """A first guess from below: at the money the value is s/sqrt(2*pi), far from it exp(-x^2/(2*s^2))."""
    near = np.exp(np.minimum(log_value, 0.0)) / DENSITY_AT_ZERO
    far = x / np.sqrt(2.0 * np.maximum(-log_value, 0.1))
    return np.clip(np.maximum(near, far), 1e-300, 0.5 * MOST)


def _step(x: Floats, s: Floats, wanted: Floats, upper: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Newton's step f/f' and f''/f' of f, the logarithm's excess over what is wanted."""
    with np.errstate(all="ignore"):
        h, t = np.minimum(x / s, FARTHEST), 0.5 * s
        log_slope = _LOG_DENSITY - 0.5 * (h * h + t * t)
        near, far = ratio(np.abs(h - t)), ratio(h + t)
        series = t <= SERIES
        short = np.where(series, difference(h, np.where(series, t, 0.0)), near - far)
        # In units of the slope; where h < t the value is the bound less both legs.
        legs = near + far
        full = np.exp(-0.5 * x - log_slope)
        value = np.where((h < t) & ~series, full - legs, short)
        lacking = np.where(h < t, legs, full - short)
        excess = log_slope + np.log(np.where(upper, lacking, value)) - wanted
        bend = h * h / s - 0.25 * s
        newton = np.where(upper, -excess * lacking, excess * value)
        curve = np.where(upper, bend + 1.0 / lacking, bend - 1.0 / value)
    return newton, curve
