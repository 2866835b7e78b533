"""When to exercise: the exercise boundary of American options from its integral equation, by collocation.

Everything is in units, of the strike and of the time to expiry, so that two numbers decide: the total
volatility s = iv*sqrt(T), and rho = |rate|*T. With carry equal to the rate early exercise pays for a put at a
rate above zero (`kind` +1), and for a call below (`kind` -1): that is a put with spot and strike exchanged,
without interest and with a yield below zero (M. Schroder, "Changes of numeraire", 1999). Source: equation B
of L. Andersen, M. Lake and D. Offengenden, "High-performance American option pricing" (2016), with their
variables, solved by Newton's method on all nodes at once, which converges where iterating it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from aggregator.pricing.mills import DENSITY_AT_ZERO, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

WIDEST = 8.0
"""The most total volatility that is solved for: what is wider is cut in time."""

NODES, INNER, OUTER = 12, 24, 48
_LASTING = 5.0
_GRADES = 8
_TOGETHER = 64
_TRIES = 60
_CLOSE = 1e-10
_STARTS = ((24, 0.2), (60, 0.02), (60, 0.005))
"""Most plain iterations, and the residual that Newton's method takes over from: the next where it fails."""


class Scheme(NamedTuple):
    """Nodes in sqrt(time), quadratures over angles, and matrices from values at nodes to those of points.

    `nodes` (n,): the last one, at no time left, is left out, for y is 0 there. `sine`, `weight` and `inside`
    (n, points, n) integrate over the time left at each node, `outer_*` and `across` (points, n) over all.
    """

    nodes: Floats
    sine: Floats
    weight: Floats
    inside: Floats
    outer_sine: Floats
    outer_weight: Floats
    across: Floats


@cache
def scheme(nodes: int = NODES, inner: int = INNER, outer: int = OUTER) -> Scheme:
    """The scheme of so many nodes and points."""
    at = 0.5 * (1.0 + np.cos(np.arange(nodes + 1) * np.pi / nodes))
    angle, weight = _quadrature(inner)
    outer_angle, outer_weight = _quadrature(outer)
    inside = np.stack([_interpolation(at, node * np.cos(angle)) for node in at[:-1]])
    return Scheme(
        nodes=at[:-1],
        sine=np.sin(angle),
        weight=2.0 * np.sin(angle) * np.cos(angle) * weight,
        inside=inside,
        outer_sine=np.sin(outer_angle),
        outer_weight=2.0 * np.sin(outer_angle) * np.cos(outer_angle) * outer_weight,
        across=_interpolation(at, np.cos(outer_angle)),
    )


def _quadrature(points: int) -> tuple[Floats, Floats]:
    """Gauss and Legendre's, over an angle of which the roots of time past and left are sine and cosine."""
    x, weight = np.polynomial.legendre.leggauss(points)
    return (x + 1.0) * np.pi / 4.0, weight * np.pi / 4.0


def _interpolation(nodes: Floats, at: Floats) -> Floats:
    """Barycentric weights from Chebyshev's nodes, but the last, to points that are none of them."""
    signs = (-1.0) ** np.arange(len(nodes))
    signs[[0, -1]] *= 0.5
    terms = signs / (at[:, None] - nodes)
    weights: Floats = terms / terms.sum(axis=1, keepdims=True)
    return weights[:, :-1]


def distribution(d: Floats) -> tuple[Floats, Floats]:
    """The normal density and distribution function at d."""
    density = DENSITY_AT_ZERO * np.exp(-0.5 * d * d)
    tail = density * ratio(np.abs(d))
    return density, np.where(d < 0.0, tail, 1.0 - tail)


def boundaries(s: Floats, rho: Floats, kind: Floats, using: Scheme) -> tuple[Floats, Floats, Floats]:
    """-ln B at the nodes, shape (nodes, options), with the s and rho that they are of.

    Solved at `_GRADES` volatilities of each octave that any s lies in, and interpolated between those: many
    volatilities of one option cost little more than a few, and none depends on its company but by rounding.
    The s and rho returned are less than those given where the time is so long that the drift outgrows five
    deviations: it is cut there, since what is later never matters. NaN where Newton's method does not get
    there. s is to be at most `WIDEST`.
    """
    with np.errstate(all="ignore"):
        octave = np.ceil(np.log2(s)) - 1.0
        (low, interest, kinds), which = np.unique(np.stack([octave, rho, kind]), axis=1, return_inverse=True)
        part = np.minimum(1.0, (_LASTING * 2.0 ** (low + 1.0) / interest) ** 2)
        angles = (np.arange(_GRADES) + 0.5) * np.pi / _GRADES
        grades = 2.0 ** (low + 0.5 + 0.5 * np.cos(angles)[:, None]) * np.sqrt(part)
        solved = _solved(
            grades.ravel(), np.tile(interest * part, _GRADES), np.tile(kinds, _GRADES), using
        ).reshape(len(using.nodes), *grades.shape)
        # Chebyshev's polynomials of the place in the octave; y over s hardly changes along it.
        orders = np.arange(_GRADES)[:, None]
        transform = np.cos(orders * angles) * np.where(orders == 0, 1.0, 2.0) / _GRADES
        coefficients = np.einsum("gh,nhk->ngk", transform, solved / grades)
        place = np.cos(orders * np.arccos(2.0 * (np.log2(s) - octave) - 1.0))
        s = s * np.sqrt(part[which])
        return np.einsum("ngk,gk->nk", coefficients[:, :, which], place) * s, s, (interest * part)[which]


def _solved(s: Floats, rho: Floats, kind: Floats, using: Scheme) -> Floats:
    found = np.empty((len(using.nodes), len(s)))
    for start in range(0, len(s), _TOGETHER):
        at = slice(start, start + _TOGETHER)
        equation = _Equation.of(s[at], rho[at], kind[at], using)
        found[:, at] = _solve(equation, *_STARTS[0])
        for harder in _STARTS[1:]:
            rest = np.flatnonzero(np.isnan(found[0, at]))
            if rest.size:
                found[:, start + rest] = _solve(equation.only(rest), *harder)
    return found


def _solve(equation: _Equation, first: int, rough: float) -> Floats:
    y = equation.guess()
    for _ in range(first):
        residual = equation.at(y)[0]
        far = ~(np.abs(residual).max(axis=0) < rough)
        if not far.any():
            break
        lower = np.maximum(y - equation.damping * residual, 0.5 * y)
        y = np.where(far, np.where(np.isfinite(residual), lower, 0.5 * y), y)
    residual, parts = equation.at(y)
    slopes = equation.slopes(y, parts)
    size = np.abs(residual).max(axis=0)
    share = np.ones_like(size)
    for _ in range(_TRIES):
        left = np.flatnonzero(~(size < _CLOSE))
        if not left.size:
            break
        rest = equation.only(left)
        matrix = slopes[:, :, left].transpose(2, 0, 1)
        usable = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(size[left])
        matrix = np.where(usable[:, None, None], matrix, np.eye(len(y)))
        wanted = np.where(usable[:, None], residual[:, left].T, 0.0)
        step = np.linalg.solve(matrix, wanted[:, :, None])[:, :, 0].T
        tried = y[:, left] - share[left] * step
        tried = np.where(tried > 0.0, tried, 0.5 * y[:, left])
        further, parts = rest.at(tried)
        reached = np.abs(further).max(axis=0)
        better = reached < size[left]
        share[left] = np.where(better, 1.0, 0.35 * share[left])
        at = left[better]
        y[:, at], residual[:, at], size[at] = tried[:, better], further[:, better], reached[better]
        slopes[:, :, at] = rest.slopes(tried, parts)[:, :, better]
    return np.where(size < _CLOSE, y, np.nan)


class _Parts(NamedTuple):
    """What residual and slopes share."""

    between: Floats
    lever: Floats
    value: Floats
    own: Floats
    far_slope: Floats


@dataclass(frozen=True, eq=False, slots=True)
class _Equation:
    """The equation of some options; y is -ln B at the nodes, (nodes, options).

    Between nodes y^2 is interpolated, which is smooth in the square root of time.
    """

    s: Floats
    rho: Floats
    kind: Floats
    using: Scheme
    spread: Floats
    weight: Floats

    @staticmethod
    def of(s: Floats, rho: Floats, kind: Floats, using: Scheme) -> _Equation:
        """What does not depend on y: `spread` (deviations from each node's time on) and `weight`."""
        later = (using.nodes[:, None] * using.sine)[:, :, None]
        drift = rho * later**2
        scale = (using.nodes[:, None] ** 2 * using.weight)[:, :, None]
        return _Equation(s, rho, kind, using, s * later, np.exp(-kind * drift) * rho * scale)

    def only(self, at: NDArray[np.intp]) -> _Equation:
        """The equation of some of these options."""
        return _Equation(
            self.s[at], self.rho[at], self.kind[at], self.using, self.spread[:, :, at], self.weight[:, :, at]
        )

    @property
    def damping(self) -> Floats:
        """Where the rate is large beside the variance the plain iteration swings: shorter steps."""
        return 1.0 / (1.0 + np.maximum(self.rho / self.s**2 - 1.0, 0.0) / 3.0)

    def guess(self) -> Floats:
        """Towards the perpetual option's boundary, as P. Bjerksund and G. Stensland (1993) let it fall."""
        half = self.s**2 / (2.0 * self.rho)
        rise = np.where(self.kind > 0.0, half, half / np.maximum(1.0 - half, 1e-9))
        fallen: Floats = np.log1p(rise * -np.expm1(-2.0 * self.s * self.using.nodes[:, None] / rise))
        return fallen

    def at(self, y: Floats) -> tuple[Floats, _Parts]:
        """What the equation lacks at each node."""
        using, kind = self.using, self.kind
        left = using.nodes[:, None] ** 2
        root = self.s * using.nodes[:, None]
        flat = using.inside.reshape(-1, len(y)) @ (y * y)
        between = np.sqrt(np.maximum(flat, 1e-300)).reshape(self.spread.shape)
        d = (between - y[:, None, :] + (self.rho / self.s**2) * self.spread**2) / self.spread
        density, below = distribution(d - 0.5 * kind * self.spread)
        inner = (self.rho * left - y) / root
        near_density, near = distribution(inner - 0.5 * kind * root)
        far_density, far = distribution(inner + 0.5 * kind * root)
        grown = np.exp(-kind * self.rho * left)
        value = grown * near + kind * (self.weight * below).sum(axis=1)
        lever = self.weight * density / self.spread
        own = grown * near_density / root + kind * lever.sum(axis=1)
        residual = y + kind * (np.log(value) - np.log(far))
        return residual, _Parts(between, lever, value, own, far_density / (root * far))

    def slopes(self, y: Floats, parts: _Parts) -> Floats:
        """The residual's slopes to all nodes, (nodes, nodes, options)."""
        pull = np.matmul(self.using.inside.transpose(0, 2, 1), parts.lever / parts.between)
        result: Floats = pull * y / parts.value[:, None, :]
        at = np.arange(len(y))
        result[at, at] += 1.0 - self.kind * (parts.own / parts.value - parts.far_slope)
        return result
