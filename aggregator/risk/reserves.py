"""What a portfolio has left where it is worst, and what variants of it would have left in the same places.

The surplus of the whole at a stress multiple, F(L) = min over rays of sum f_v(E_v) - A, and its mean over the
worst draws (RISK.md section 5), are concave in what is held: the value of variants at the places that are
worst for the first of them is what a plan's cuts are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.model.portfolio import Portfolio
from aggregator.risk.book import Book, book
from aggregator.risk.grid import BLOCKS
from aggregator.risk.requirement import add_ons, counted, counted_at
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.tail import LEVELS as DRAWN_LEVELS
from aggregator.risk.tail import Drawn, tail_count

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Reserve:
    """One place: its name, and F there of each variant in USD, shape (variants,)."""

    name: str
    values: Floats


def reserves(
    variants: Sequence[Portfolio], scenarios: ScenarioSet, kappa: float, *, missed: bool = False
) -> list[Reserve]:
    """F of every variant in the places that are worst for the first, up to the stress multiple `kappa`.

    None of the first's is below 0 exactly where it survives `kappa` standard stresses: between two levels of
    the grid survival is linear, and the last place is between them. With `missed`, places where the first has
    more than it lacks where it lacks most are left out, if it lacks anything. Raises as `assess` does.
    """
    if kappa <= 0.0:
        return []
    together = book(variants, scenarios)
    add_on = add_ons(together).wallet
    ways = [_scanned(together, add_on, kappa), _drawn(together, add_on, kappa)]
    most = -min(float(_to(kappa, way.levels, way.first).min()) for way in ways) if missed else np.inf
    return [one for way in ways for one in way.places(kappa, most if most > 0.0 else np.inf)]


@dataclass(frozen=True, eq=False, slots=True)
class _Way:
    """The rays or the draws: what the first variant has where it is worst, `first` (levels,), and how all of
    them are valued in the same places of some levels, (variants, those levels)."""

    names: Sequence[str]
    levels: Floats
    first: Floats
    of_all: Callable[[NDArray[np.intp]], Floats]

    def places(self, kappa: float, most: float) -> Iterator[Reserve]:
        """Those where the first has no more than `most`; the last is at `kappa` itself."""
        wanted = np.flatnonzero(_to(kappa, self.levels, self.first) <= most)
        if not len(wanted):
            return
        last = len(self.levels) - 1
        needed = np.union1d(wanted, [last - 1]) if wanted[-1] == last > 0 else wanted
        values = self.of_all(needed)
        found = np.zeros((len(values), last + 1))
        found[:, needed] = values
        found = _to(kappa, self.levels, found)
        for i in wanted.tolist():
            yield Reserve(f"{self.names[i]} at {min(float(self.levels[i]), kappa)!r}", found[:, i])


def _scanned(together: Book, add_on: Floats, kappa: float) -> _Way:
    rays = together.scenarios.rays(together.axes, options=len(together.contracts) > 0)
    every = Revaluation.of(together, rays)
    mine = slice(int(together.account_start[1]))
    alone = replace(
        every,
        equity_usd=every.equity_usd[mine],
        exposures=every.exposures[mine],
        holdings=every.holdings[mine],
    )
    levels = _up_to(np.concatenate(BLOCKS), kappa)
    values = alone.values(levels)
    whole = counted_at(together.kept[mine], values).sum(axis=0)
    worst = whole.argmin(axis=1)

    def of_all(at: NDArray[np.intp]) -> Floats:
        chosen, place = np.unique(worst[at], return_inverse=True)
        few = Revaluation.of(together, rays.take(chosen)).values(levels[at])
        found = together.by_wallet(counted(together, few))
        values: Floats = found[:, np.arange(len(at)), place] - add_on[:, None]
        return values

    names = [rays.names[ray] for ray in worst]
    return _Way(names, levels, whole.min(axis=1) - add_on[0], of_all)


def _drawn(together: Book, add_on: Floats, kappa: float) -> _Way:
    every = Drawn.of(together)
    paths = every.paths
    mine = slice(int(together.account_start[1]))
    alone = every.of_accounts(mine)
    size = together.scenarios.parameters.draws
    count = tail_count(size.confidence, size.count)
    levels = _up_to(DRAWN_LEVELS, kappa)

    def whole(values: Floats) -> Floats:
        total: Floats = counted_at(together.kept[mine], values).sum(axis=0, keepdims=True)
        return total

    worst: list[NDArray[np.intp]] = []
    first: list[float] = []
    for level in levels:
        chosen, values = alone.chosen(level, count, whole)
        wholes = whole(values)[0]
        lowest = np.argpartition(wholes, count - 1)[:count]
        worst.append(chosen[lowest])
        first.append(float(wholes[lowest].mean() - add_on[0]))

    def of_all(at: NDArray[np.intp]) -> Floats:
        if len(add_on) == 1:
            return np.array([first])[:, at]
        means = [
            together.by_wallet(counted(together, paths.values(levels[i], worst[i]))).mean(axis=1) - add_on
            for i in at
        ]
        return np.stack(means, axis=1)

    return _Way(["worst draws"] * len(levels), levels, np.array(first), of_all)


def _up_to(grid: Floats, kappa: float) -> Floats:
    """The levels up to `kappa`, and the one beyond it where it lies between two."""
    last = int(np.searchsorted(grid, kappa - 1e-12))
    return grid[: last + 1]


def _to(kappa: float, levels: Floats, values: Floats) -> Floats:
    """Values (..., levels) of which the last is where survival is linear, at `kappa` itself."""
    if levels[-1] <= kappa or len(levels) == 1:
        return values
    share = (kappa - levels[-2]) / (levels[-1] - levels[-2])
    at = (1.0 - share) * values[..., -2:-1] + share * values[..., -1:]
    return np.concatenate((values[..., :-1], at), axis=-1)
