"""Volatility smiles as SVI parameters: total variance, its slopes, and Derive's reading of them.

Source: J. Gatheral and A. Jacquier, "Arbitrage-free SVI volatility surfaces" (2014), the raw form:
w(k) = a + b*(rho*(k-m) + sqrt((k-m)^2 + sigma^2)) with k = ln(strike/forward) and w = iv^2*years.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = "NDArray[np.float64]"

MOST_VARIANCE = 144.0
"""Derive's contract refuses a total variance above it, and one below 0."""

_CLAMP = 4.0


@dataclass(frozen=True, slots=True)
class Svi:
    """The smile of one expiry. Raises ValueError unless b >= 0, |rho| < 1, sigma > 0 and all are finite."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (self.a, self.b, self.rho, self.m, self.sigma)))
        if not (finite and self.b >= 0.0 and abs(self.rho) < 1.0 and self.sigma > 0.0):
            raise ValueError(f"no SVI smile has the parameters {self}")

    @property
    def least(self) -> float:
        """The least total variance over all strikes; below 0 no smile has these parameters everywhere."""
        return self.a + self.b * self.sigma * math.sqrt(1.0 - self.rho * self.rho)

    @property
    def steepest(self) -> float:
        """The steepest wing, as a slope of total variance; above 2 no martingale has it (R. Lee, 2004)."""
        return self.b * (1.0 + abs(self.rho))

    def total_variance(self, k: ArrayLike) -> Floats:
        """w at log-moneyness k, of its shape; not refused where it is negative."""
        shifted = np.asarray(k, dtype=np.float64) - self.m
        w: Floats = self.a + self.b * (self.rho * shifted + np.hypot(shifted, self.sigma))
        return w

    def slopes(self, k: ArrayLike) -> tuple[Floats, Floats]:
        """The first and the second derivative of w to k."""
        shifted = np.asarray(k, dtype=np.float64) - self.m
        root = np.hypot(shifted, self.sigma)
        return self.b * (self.rho + shifted / root), self.b * self.sigma**2 / root**3


def volatility(smile: Svi, *, strike: ArrayLike, forward: ArrayLike, years: ArrayLike) -> Floats:
    """The implied volatility of a strike; NaN where w is negative or a price or time is not positive."""
    K, F, T = (np.asarray(values, dtype=np.float64) for values in (strike, forward, years))
    with np.errstate(all="ignore"):
        w = smile.total_variance(np.log(K / F))
        usable = (w >= 0.0) & (K > 0.0) & (F > 0.0) & (T > 0.0)
        found: Floats = np.sqrt(np.where(usable, w / T, np.nan))
    return found


def derive_volatility(
    smile: Svi, *, strike: ArrayLike, forward: ArrayLike, reference_years: ArrayLike
) -> Floats:
    """The volatility as Derive's feed gives it; NaN where its contract refuses.

    `forward` and `reference_years` are those stored with the parameters, not today's. k is held within four
    times sqrt(a + b*sigma) of the money; a strike of 0 has no volatility. Source: SVI.sol of
    derivexyz/lyra-utils, as PROTOCOLS.md has it.
    """
    K, F, T = (np.asarray(values, dtype=np.float64) for values in (strike, forward, reference_years))
    center = smile.a + smile.b * smile.sigma
    if center < 0.0:
        return np.full(np.broadcast_shapes(K.shape, F.shape, T.shape), np.nan)
    bound = _CLAMP * math.sqrt(center)
    with np.errstate(all="ignore"):
        w = smile.total_variance(np.clip(np.log(K / F), -bound, bound))
        usable = (w >= 0.0) & (w <= MOST_VARIANCE) & (K > 0.0) & (F > 0.0) & (T > 0.0)
        found: Floats = np.sqrt(np.where(usable, w / T, np.nan))
    return np.where((K == 0.0) & (F > 0.0) & (T > 0.0), 0.0, found)
