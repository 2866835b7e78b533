"""American options on what pays nothing: the European option, and what the right to exercise early adds.

With F = S*exp(rT) as everywhere here, early exercise only ever pays for puts at a rate above zero and for
calls at one below: all others are European, to the bit. What it adds is an integral along the boundary of
exercise (I. J. Kim, "The analytic valuation of American options", 1990), which `boundary` finds once for all
spots and strikes, and for the volatilities of an octave. Error against 4,000 options of QuantLib 1.44 (QdFp,
high precision): at most 2e-7 of spot or strike, half of all within 1e-10; the worst of 5,000 more 3.4e-7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from aggregator.pricing import black76
from aggregator.pricing.black76 import OptionGreeks
from aggregator.pricing.boundary import WIDEST, Scheme, boundaries, distribution, scheme

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = "NDArray[np.float64]"

NEGLIGIBLE = 1e-8
"""Early exercise adds less than |rate|*years of the strike (of the spot to a call), and than half the total
volatility of that: where either is below it, nothing."""

_TOGETHER = 4_096
_STEP = 1e-3


def price(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    rate: ArrayLike,
    sign: ArrayLike,
) -> Floats:
    """The value of one unit that may be exercised at any time until expiry, in the currency of the strike.

    All broadcast; as for `black76.greeks`, the rate discounts and is what the spot grows by. Never below
    intrinsic value or the European option. Without volatility exact. At a total volatility above
    `boundary.WIDEST` the time from which on it is that wide counts for nothing: that hides less than 1e-4 of
    spot or strike where the rate is below a hundredth of the variance. NaN where `black76.price` is,
    where the rate is not finite, and where no boundary is found: never seen up to |rate|*years = 10. Raises
    ValueError on a sign other than +-1.
    """
    terms = _broadcast(spot, strike, years, iv, rate, sign)
    return _price(*terms).reshape(terms[0].shape)


def is_early(rate: ArrayLike, sign: ArrayLike) -> NDArray[np.bool_]:
    """Whether early exercise may pay: for puts at a rate above zero, and for calls below."""
    early: NDArray[np.bool_] = np.asarray(rate, dtype=np.float64) * np.asarray(sign) < 0.0
    return early


def greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    rate: ArrayLike,
    sign: ArrayLike,
) -> OptionGreeks:
    """Value and sensitivities of one unit, in `black76.greeks`' units.

    Of options that are never exercised early they are its own. Otherwise by central differences: of 0.1% of
    the spot, of the volatility, and of the rate (at least 1e-5 of it); theta follows from the equation that
    price, delta and gamma obey while the option is kept, and is 0 where it is exercised at once, where delta
    is +-1. Gamma leaps at the boundary: there it is between. Without volatility, or where spot or strike is
    0, it is exercised at once or never. Raises as `price`.
    """
    terms = _broadcast(spot, strike, years, iv, rate, sign)
    shape = terms[0].shape
    S, K, T, vol, r, w = (values.ravel() for values in terms)
    early = is_early(r, w) & (T > 0.0)
    now = early & ((vol == 0.0) | (S == 0.0) | (K == 0.0))
    exact = black76.greeks(spot=S, strike=K, years=np.where(now, 0.0, T), iv=vol, rate=r, sign=w)
    figures = [exact.price, exact.delta, exact.gamma, exact.vega, exact.theta, exact.rho]
    early &= (vol > 0.0) & (S > 0.0) & (K > 0.0)
    if early.any():
        sensed = _sensed(*(values[early] for values in (S, K, T, vol, r, w)))
        for figure, found in zip(figures, sensed, strict=True):
            figure[early] = found
    return OptionGreeks(*(figure.reshape(shape) for figure in figures))


def _sensed(S: Floats, K: Floats, T: Floats, vol: Floats, r: Floats, w: Floats) -> tuple[Floats, ...]:
    """The six figures of options that may be exercised early."""
    move, wider, more = S * _STEP, vol * _STEP, np.maximum(np.abs(r) * _STEP, 1e-5)
    # All in one go, so that what differs by the spot alone shares boundaries.
    spots = np.stack([S, S + move, S - move, S, S, S, S])
    ivs = np.stack([vol, vol, vol, vol + wider, vol - wider, vol, vol])
    rates = np.stack([r, r, r, r, r, r + more, r - more])
    terms = np.broadcast_arrays(spots, K, T, ivs, rates, w)
    value, up, down, wide, narrow, dear, cheap = _price(*terms).reshape(spots.shape)
    with np.errstate(all="ignore"):
        delta = (up - down) / (2.0 * move)
        kept = value > w * (S - K)
        gamma = np.where(kept, (up - 2.0 * value + down) / (move * move), 0.0)
        vega, rho = (wide - narrow) / (2.0 * wider), (dear - cheap) / (2.0 * more)
        theta = np.where(kept, r * value - r * S * delta - 0.5 * (vol * S) ** 2 * gamma, 0.0)
    return value, delta, gamma, vega, theta, rho


def _broadcast(*given: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.broadcast_arrays(*(np.asarray(values, dtype=np.float64) for values in given)))


def _price(*terms: Floats) -> Floats:
    """The prices of options in one dimension or more, as one row."""
    S, K, T, vol, r, w = (values.ravel() for values in terms)
    T = np.maximum(T, 0.0)
    with np.errstate(all="ignore"):
        forward = S * np.exp(r * T)
        value = black76.price(forward=forward, strike=K, years=T, iv=vol, rate=r, sign=w)
        value = np.where(np.isfinite(r), value, np.nan)
        early = is_early(r, w) & ~np.isnan(value)
        # Without volatility the best moment is now: interest only ever makes these worth less.
        value[early] = np.maximum(value, w * (S - K))[early]
        s, rho = vol * np.sqrt(T), np.abs(r) * T
        wanted = np.flatnonzero(early & (rho >= NEGLIGIBLE) & (s >= NEGLIGIBLE) & (S > 0.0) & (K > 0.0))
        if wanted.size:
            S, K, s, rho, w = (values[wanted] for values in (S, K, s, rho, w))
            value[wanted] = np.maximum(value[wanted], _kept(S, K, s, rho, w))
    return value


def _kept(S: Floats, K: Floats, s: Floats, rho: Floats, w: Floats) -> Floats:
    """Options that may be worth keeping, at total volatility s and interest rho: the European, and more."""
    # Time is cut, not volatility alone: the rate beside the variance decides when to exercise.
    rho = np.maximum(rho * np.minimum(1.0, WIDEST / s) ** 2, NEGLIGIBLE)
    s, rate = np.minimum(s, WIDEST), -w * rho
    european = black76.price(forward=S * np.exp(rate), strike=K, years=1.0, iv=s, rate=rate, sign=w)
    # A call is worth as many spots as a put on K with the strike S is worth strikes.
    unit = np.where(w < 0.0, K, S)
    value: Floats = np.minimum(european + unit * _added((np.log(S) - np.log(K)) * -w, s, rho, -w), unit)
    return value


def _added(depth: Floats, s: Floats, rho: Floats, kind: Floats) -> Floats:
    """What early exercise adds to a put with strike 1 at exp(depth): one boundary for all with its terms."""
    using = scheme()
    rows, which = np.unique(np.stack([s, rho, kind]), axis=1, return_inverse=True)
    y, total, interest = boundaries(rows[0], rows[1], rows[2], using)
    across = np.sqrt(np.maximum(using.across @ (y * y), 0.0))
    added = np.empty_like(depth)
    for start in range(0, len(depth), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        added[part] = _integral(depth[part], which[part], (y[0], across, total, interest, rows[2]), using)
    return added


def _integral(depth: Floats, which: NDArray[np.intp], rows: tuple[Floats, ...], using: Scheme) -> Floats:
    """Interest saved below the boundary, for as long as it lasts, shape (options,).

    0 where exercise is due at once: intrinsic value is all there is then, and the caller takes the greater.
    `which` of the `rows` (y today and along the time, s, rho, kind) each option has.
    """
    first, across, s, rho, kind = (values[..., which] for values in rows)
    past = using.outer_sine[:, None] ** 2
    spread = s * using.outer_sine[:, None]
    with np.errstate(all="ignore"):
        d = (depth + across + rho * past) / spread - 0.5 * kind * spread
        _, below = distribution(-d)
        discounted = rho * np.exp(-kind * rho * past) * using.outer_weight[:, None]
        extra: Floats = (discounted * below).sum(axis=0) * np.where(kind > 0.0, 1.0, np.exp(depth))
    return np.where(np.isnan(first), np.nan, np.where(depth <= -first, 0.0, extra))
