"""The optimum of a small program by trying everything: every set of used moves, every vertex. No solver.

The shortfall and the cost are linear between planes: bounds of segments, constraints, where two constraints
of a target fall short by the same, the limit on the cost. So the least shortfall, and the least cost at it,
is where as many planes meet as there are segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, combinations
from math import isfinite
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from aggregator.planning.program import Constraint, Program, Segment, Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Best:
    """The least weighted shortfall, and at it the least of cost plus 1e-6 of the volume."""

    shortfall: float
    objective: float


def best(program: Program) -> Best | None:
    """The optimum, or None where what must hold contradicts itself."""
    together = set(chain.from_iterable(program.exclusive))
    optional = [v.name for v in program.variables if v.fixed > 0 or v.name in together]
    found: list[tuple[float, float]] = []
    for size in range(len(optional) + 1):
        for used in combinations(optional, size):
            if all(len(set(group) & set(used)) <= 1 for group in program.exclusive):
                left = [v for v in program.variables if v.name in used or v.name not in optional]
                found += _vertices(program, left, sum(v.fixed for v in left if v.name in used))
    if not found:
        return None
    least = min(shortfall for shortfall, _ in found)
    near = 1e-9 * max(1.0, abs(least))
    return Best(least, min(objective for shortfall, objective in found if shortfall <= least + near))


def _vertices(program: Program, used: list[Variable], fixed: float) -> list[tuple[float, float]]:
    """Shortfall and objective at each vertex that is allowed."""
    columns = [(v, s.slope, width) for v in used for s, width in zip(v.segments, _widths(v), strict=True)]
    n = len(columns)
    slopes = np.array([slope for _, slope, _ in columns])
    ties = np.array([v.volume for v, _, _ in columns]) * 1e-6
    must: list[tuple[Floats, float]] = []
    for i, (_, _, width) in enumerate(columns):
        must.append((np.eye(n)[i], 0.0))
        if isfinite(width):
            must.append((-np.eye(n)[i], -width))
    may: list[tuple[Floats, float, float, str]] = []
    for c in program.constraints:
        row = np.array([c.coefficients.get(v.name, 0.0) for v, _, _ in columns])
        if c.weight is None:
            must.append((row, c.least))
        else:
            may.append((row, c.least, c.weight, c.target or f"alone {c.name}"))
    if program.most_cost is not None:
        must.append((-slopes, fixed - program.most_cost))
    planes = must + [(row, least) for row, least, _, _ in may]
    for (one, least, weight, target), (other, more, weighs, shared) in combinations(may, 2):
        if target == shared:
            planes.append((weight * one - weighs * other, weight * least - weighs * more))
    points = _meet([(row, b) for row, b in planes if np.abs(row).max(initial=0.0) > 0], n)
    if not len(points):
        return []
    G, h = np.array([row for row, _ in must]).reshape(len(must), n), np.array([b for _, b in must])
    room = points @ G.T - h
    allowed = room >= -1e-9 * (np.abs(points) @ np.abs(G).T + np.abs(h) + 1e-3)
    points = np.maximum(points[allowed.all(axis=1)], 0.0)
    missed: dict[str, Floats] = {}
    for row, least, weight, target in may:
        before = missed.get(target, np.zeros(len(points)))
        missed[target] = np.maximum(before, weight * (least - points @ row))
    together = sum(missed.values(), np.zeros(len(points)))
    return list(zip(together.tolist(), (points @ (slopes + ties) + fixed).tolist(), strict=True))


def _widths(variable: Variable) -> list[float]:
    left, widths = variable.most, []
    for segment in variable.segments:
        widths.append(max(min(segment.width, left), 0.0))
        left -= widths[-1]
    return widths


def _meet(planes: list[tuple[Floats, float]], n: int) -> Floats:
    """Where each n of the planes meet in one point."""
    if n == 0:
        return np.zeros((1, 0))
    rows = np.array([row / np.linalg.norm(row) for row, _ in planes])
    sides = np.array([b / np.linalg.norm(row) for row, b in planes])
    chosen = np.array(list(combinations(range(len(planes)), n)))
    systems = rows[chosen]
    proper = np.abs(np.linalg.det(systems)) > 1e-9
    return np.linalg.solve(systems[proper], sides[chosen][proper][..., None])[..., 0]


def program(random: Random, *, most_columns: int = 4) -> Program:
    """A made-up program of at most so many segments; all kinds of constraints, some without a solution."""
    left, variables = most_columns, []
    for i in range(random.randint(1, most_columns)):
        pieces = random.choice((1, 1, 2, 3))
        if pieces > left:
            break
        left -= pieces
        least_slope = random.choice((0.0, 0.0, 0.01, 0.3, -0.2 if random.random() < 0.3 else 0.1))
        slopes = sorted(least_slope + round(random.uniform(0, 0.5), 2) * k for k in range(pieces))
        widths = [round(random.uniform(1, 30), 1) for _ in slopes]
        fixed = random.choice((0.0, 0.0, 0.5, 2.0, 11.0))
        most = random.choice((sum(widths), 0.6 * sum(widths), 0.0 if random.random() < 0.2 else 5.0))
        endless = fixed == 0.0 and least_slope >= 0 and random.random() < 0.2
        if endless:
            most, widths[-1] = float("inf"), float("inf")
        segments = tuple(Segment(w, s) for w, s in zip(widths, slopes, strict=True))
        most = min(most, sum(widths))
        variables.append(Variable(f"x{i}", most, segments, fixed, random.choice((0.5, 1.0, 3.0))))
    constraints = []
    for i in range(random.randint(1, 3)):
        signs = random.choice(((1,), (1,), (1, 1, -1)))
        coefficients = {
            v.name: random.choice(signs) * round(random.uniform(0.1, 2.0), 1)
            for v in variables
            if random.random() < 0.8
        }
        weight = random.choice((None, 1.0, 1.0, 3.0))
        least = random.choice((-10.0, 0.0, 0.1, 1.0, 1.0, 1.0, 1.0)) * round(random.uniform(1, 40), 1)
        target = None if weight is None else random.choice((None, "one", "one", "other"))
        constraints.append(Constraint(f"c{i}", coefficients, least, weight, target))
    finite = [v.name for v in variables if isfinite(v.most)]
    exclusive = ((finite[0], finite[-1]),) if len(finite) > 1 and random.random() < 0.4 else ()
    most_cost = round(random.uniform(0, 10), 1) if random.random() < 0.3 else None
    return Program(tuple(variables), tuple(constraints), most_cost, exclusive)
