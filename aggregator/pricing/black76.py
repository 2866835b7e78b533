"""European options by Black-76, vectorised: prices on the forward, Greeks on the spot, exact limits.

Reference: F. Black, "The pricing of commodity contracts" (1976); with F = S*exp(rT) it equals Black-Scholes
without dividends. Every argument broadcasts; `sign` is +1 for a call and -1 for a put. What is NaN, a
negative price or a negative volatility gives NaN. Each option is worked out by itself: its figures do not
depend on which others are priced with it, or on `threads`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from aggregator.pricing.blocks import in_blocks
from aggregator.pricing.legs import MOST, Legs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True, eq=False, slots=True)
class OptionGreeks:
    """Sensitivities of one unit: `delta` and `gamma` to the spot, `vega` per 1.00 of volatility, `theta` per
    year that passes, `rho` per 1.00 of the rate (which moves the forward as well)."""

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    rho: Floats


def price(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    rate: ArrayLike,
    sign: ArrayLike,
    threads: int = 1,
) -> Floats:
    """The value of one unit, in the currency of the strike.

    `years` to expiry (negative counts as expired), `iv` and `rate` annualised, the rate continuous.
    Where iv*sqrt(years) is 0 the value is the discounted intrinsic one. Never below that; a call less a put
    is the discounted difference of forward and strike. Raises ValueError on a sign other than +-1.
    """
    (value,) = in_blocks(_Pricing, (forward, strike, years, iv, rate, sign), outputs=1, threads=threads)
    return value


def greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    rate: ArrayLike,
    sign: ArrayLike,
    threads: int = 1,
) -> OptionGreeks:
    """Value and sensitivities of one unit of spot, with F = S*exp(rT).

    Where iv*sqrt(years) is 0: gamma, vega and theta are 0, delta is 0 or +-1, and +-0.5 exactly at the
    money; rho is that of the discounted strike where the option is in the money. Raises ValueError on a sign
    other than +-1.
    """
    return OptionGreeks(
        *in_blocks(_Sensing, (spot, strike, years, iv, rate, sign), outputs=6, threads=threads)
    )


class _Pricing:
    """Prices a block."""

    def __init__(self, size: int) -> None:
        self._legs, self._buffers = Legs(size), np.empty((2, size))

    def __call__(self, given: tuple[Floats, ...], out: tuple[Floats, ...]) -> None:
        forward, strike, years, iv, rate, sign = given
        (value,) = out
        total, spare = self._buffers[:, : len(value)]
        np.maximum(years, 0.0, out=spare)
        np.sqrt(spare, out=total)
        np.multiply(total, iv, out=total)
        np.minimum(total, MOST, out=total)
        self._legs.set(forward, strike, total)
        _intrinsic(forward, strike, sign, value)
        np.add(value, self._legs.apart, out=value)
        np.multiply(spare, rate, out=spare)
        np.exp(spare, out=spare)
        np.divide(value, spare, out=value)


class _Sensing:
    """Prices a block with its Greeks; spot and discounted strike are the legs."""

    def __init__(self, size: int) -> None:
        self._legs, self._buffers = Legs(size), np.empty((5, size))

    def __call__(self, given: tuple[Floats, ...], out: tuple[Floats, ...]) -> None:
        spot, strike, years, iv, rate, sign = given
        price, delta, gamma, vega, theta, rho = out
        time, root, total, paid, inside = self._buffers[:, : len(price)]
        np.maximum(years, 0.0, out=time)
        np.sqrt(time, out=root)
        np.multiply(root, iv, out=total)
        np.minimum(total, MOST, out=total)
        np.multiply(time, rate, out=paid)
        np.exp(paid, out=paid)
        np.divide(strike, paid, out=paid)
        legs = self._legs
        legs.set(spot, paid, total)
        _intrinsic(spot, paid, sign, price)
        np.add(price, legs.apart, out=price)
        # +-1 where the option is in the money; a put also exactly at the money, as its legs are told.
        np.multiply(sign, np.equal(legs.above, np.greater(sign, 0.0)), out=inside)
        below = np.logical_not(legs.above)
        np.multiply(legs.near, below, out=delta)
        np.multiply(legs.far, legs.above, out=rho)
        np.subtract(delta, rho, out=delta)
        np.divide(delta, spot, out=delta)
        np.add(delta, inside, out=delta)
        np.multiply(legs.far, below, out=rho)
        np.multiply(legs.near, legs.above, out=vega)
        np.subtract(rho, vega, out=rho)
        np.multiply(inside, paid, out=paid)
        np.add(rho, paid, out=rho)
        np.multiply(rho, rate, out=theta)
        np.multiply(rho, time, out=rho)
        np.multiply(legs.common, root, out=vega)
        np.multiply(spot, total, out=gamma)
        np.divide(legs.common, gamma, out=gamma)
        np.divide(gamma, spot, out=gamma)
        np.multiply(legs.common, iv, out=paid)
        np.divide(paid, root, out=paid)
        np.multiply(paid, 0.5, out=paid)
        np.add(theta, paid, out=theta)
        np.negative(theta, out=theta)
        at = legs.special
        if at.size:
            _limits(at, out, (spot, total, legs.common, inside))


def _intrinsic(a: Floats, b: Floats, sign: Floats, out: Floats) -> None:
    np.subtract(a, b, out=out)
    np.multiply(out, sign, out=out)
    np.maximum(out, 0.0, out=out)


def _limits(at: NDArray[np.intp], out: tuple[Floats, ...], given: tuple[Floats, ...]) -> None:
    """Where a quotient of nothing by nothing stands: no volatility, or a worthless underlying."""
    _, delta, gamma, vega, theta, rho = out
    spot, total, common, inside = (values[at] for values in given)
    delta[at] = np.where(spot == 0.0, inside, delta[at])
    gamma[at] = np.where(common == 0.0, 0.0, gamma[at])
    vega[at] = np.where(common == 0.0, 0.0, vega[at])
    theta[at] = np.where(total == 0.0, 0.0, theta[at])
    rho[at] = np.where(np.isnan(common), np.nan, rho[at])
