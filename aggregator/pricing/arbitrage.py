"""Prices that nobody could quote at once: checks of volatility surfaces, told as data quality.

A finding never changes a figure. It says that a source's volatilities contradict each other, and by how much.
Source of the conditions: J. Gatheral and A. Jacquier, "Arbitrage-free SVI volatility surfaces" (2014).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from aggregator.pricing import black76
from aggregator.pricing.svi import Svi

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Kind: TypeAlias = Literal["variance", "wing", "butterfly", "calendar", "unusable"]

DEVIATIONS = 5.0
"""How many standard deviations of each side of the money a smile is looked at, on POINTS strikes."""

POINTS = 1_001
_NOISE = 1e-12


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction at its worst place.

    `years` of the (later) expiry, `k` the log-moneyness, `by` how far beyond the limit: total variance
    (variance, calendar), slope (wing), density (butterfly of a smile); among quotes the slope of calls
    (butterfly) or forwards (calendar).
    """

    kind: Kind
    years: float
    k: float
    by: float

    def __str__(self) -> str:
        """A sentence for people."""
        what = {
            "variance": "a variance below nothing",
            "wing": "a wing that is too steep",
            "butterfly": "a butterfly that costs less than nothing",
            "calendar": "a later expiry that is worth less than an earlier one",
            "unusable": "a volatility, strike or time that is none",
        }[self.kind]
        return f"{what}: {self.years:.4f} years, log-moneyness {self.k:+.3f}, by {self.by:.3g}"


def density(smile: Svi, k: ArrayLike) -> Floats:
    """Durrleman's g: the risk-neutral density of ln(S/F) but for a positive factor; below 0 is arbitrage."""
    w = smile.total_variance(k)
    first, second = smile.slopes(k)
    with np.errstate(all="ignore"):
        g: Floats = (
            (1.0 - 0.5 * np.asarray(k) * first / w) ** 2 - 0.25 * first**2 * (1.0 / w + 0.25) + 0.5 * second
        )
    return g


def check_smile(smile: Svi, years: float) -> tuple[Finding, ...]:
    """Contradictions within one expiry: variance, wings, butterflies; at most one of each kind."""
    if not years > 0.0:
        return (Finding("unusable", years, 0.0, 0.0),)
    found = []
    if smile.least < 0.0:
        at = smile.m - smile.sigma * smile.rho / math.sqrt(1.0 - smile.rho**2)
        found.append(Finding("variance", years, at, -smile.least))
    if smile.steepest > 2.0:
        found.append(Finding("wing", years, math.copysign(math.inf, smile.rho), smile.steepest - 2.0))
    k = _grid([smile])
    g = np.where(smile.total_variance(k) > 0.0, density(smile, k), np.inf)
    worst = int(np.argmin(g))
    if g[worst] < -_NOISE:
        found.append(Finding("butterfly", years, float(k[worst]), -float(g[worst])))
    return tuple(found)


def check_surface(smiles: Sequence[tuple[float, Svi]]) -> tuple[Finding, ...]:
    """Contradictions within and between expiries, given as (years, smile) in any order.

    Each is compared with the next one later, on the strikes of both; two of one time must be equal.
    """
    ordered = sorted(smiles, key=lambda pair: pair[0])
    found = [finding for years, smile in ordered for finding in check_smile(smile, years)]
    for (early, first), (late, second) in pairwise(ordered):
        k = _grid([first, second])
        gap = second.total_variance(k) - first.total_variance(k)
        gap = -np.abs(gap) if early == late else gap
        worst = int(np.argmin(gap))
        if gap[worst] < -_NOISE:
            found.append(Finding("calendar", late, float(k[worst]), -float(gap[worst])))
    return tuple(found)


def check_quotes(*, forward: float, years: float, strikes: ArrayLike, iv: ArrayLike) -> tuple[Finding, ...]:
    """Contradictions among quoted volatilities of one expiry: calls must fall and be convex in the strike.

    `strikes` and `iv` of shape (quotes,), in any order. Slopes of undiscounted calls from strike to strike,
    in units of the forward, have to lie in [-1, 0] and rise; the first slope starts at strike 0.
    """
    K, vol = np.asarray(strikes, dtype=np.float64), np.asarray(iv, dtype=np.float64)
    wrong = ~((K > 0.0) & (vol >= 0.0) & np.isfinite(K) & np.isfinite(vol))
    if wrong.any() or not (np.isfinite(forward) and forward > 0.0 and years > 0.0) or not len(K):
        return (Finding("unusable", years, 0.0, float(wrong.sum())),)
    order = np.argsort(K, kind="stable")
    K, vol = K[order], vol[order]
    calls = black76.price(forward=forward, strike=K, years=years, iv=vol, rate=0.0, sign=1.0) / forward
    K = K / forward
    if np.any((np.diff(K) == 0.0) & (np.diff(calls) != 0.0)):
        at = int(np.argmax((np.diff(K) == 0.0) * np.abs(np.diff(calls))))
        return (Finding("butterfly", years, float(np.log(K[at])), float(abs(calls[at + 1] - calls[at]))),)
    K, kept = np.unique(K, return_index=True)
    edges, values = np.concatenate([[0.0], K]), np.concatenate([[1.0], calls[kept]])
    slopes = np.diff(values) / np.diff(edges)
    rises = np.diff(np.concatenate([[-1.0], slopes, [0.0]]))
    # A slope is known to the rounding of two prices over their distance.
    noise = 1e-14 / np.diff(edges)
    allowed = np.concatenate([noise[:1], noise[1:] + noise[:-1], noise[-1:]])
    excess = -rises - allowed
    worst = int(np.argmax(excess))
    if excess[worst] <= 0.0:
        return ()
    at = min(max(worst - 1, 0), len(K) - 1)
    return (Finding("butterfly", years, float(np.log(K[at])), -float(rises[worst])),)


@dataclass(frozen=True, eq=False, slots=True)
class Quotes:
    """Volatilities of one expiry: `strikes` and `iv` of shape (quotes,), in any order."""

    forward: float
    years: float
    strikes: Floats
    iv: Floats


def check_board(expiries: Sequence[Quotes]) -> tuple[Finding, ...]:
    """Contradictions among quotes of several expiries, in any order: within each, and of each with the next.

    No smile is assumed. Between quoted strikes a later call is worth at most what lies on the chord of its
    neighbours, and beyond the last one no more than that: an earlier call of the same moneyness that is
    worth more, in units of the forward, contradicts it. An expiry that contradicts itself is compared with
    no other.
    """
    found, sound = list[Finding](), list[Quotes]()
    for one in sorted(expiries, key=lambda one: one.years):
        own = check_quotes(forward=one.forward, years=one.years, strikes=one.strikes, iv=one.iv)
        found += own
        if not own:
            sound.append(one)
    for first, second in pairwise(sound):
        (early, early_calls), (late, late_calls) = _calls(first), _calls(second)
        most = np.interp(early, np.concatenate([[0.0], late]), np.concatenate([[1.0], late_calls]))
        excess = early_calls - most
        worst = int(np.argmax(excess))
        if excess[worst] > _NOISE:
            place = float(np.log(early[worst]))
            found.append(Finding("calendar", second.years, place, float(excess[worst])))
    return tuple(found)


def _calls(quotes: Quotes) -> tuple[Floats, Floats]:
    """Strikes and undiscounted calls in units of the forward, by strike, each once."""
    strikes, kept = np.unique(quotes.strikes / quotes.forward, return_index=True)
    calls = black76.price(
        forward=1.0, strike=strikes, years=quotes.years, iv=quotes.iv[kept], rate=0.0, sign=1.0
    )
    return strikes, calls


def _grid(smiles: Sequence[Svi]) -> Floats:
    """Strikes as far out as the widest smile's deviations at the money, and each smile's own middle."""
    wide = max(
        DEVIATIONS * math.sqrt(max(float(smile.total_variance(0.0)), smile.sigma**2, 1e-8))
        for smile in smiles
    )
    middles = [smile.m for smile in smiles]
    return np.unique(np.concatenate([np.linspace(-wide, wide, POINTS), middles]))
