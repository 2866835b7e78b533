"""What a portfolio has left where it is worst, and what variants of it would have left in the same places.

The surplus of the whole at a stress multiple, F(L) = min over rays of sum f_v(E_v) - A, and its mean over the
worst draws (RISK.md section 5), are concave in what is held: the value of variants at the places that are
worst for the first of them is what a plan's cuts are made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.model.portfolio import Portfolio
from aggregator.risk.book import Book, book
from aggregator.risk.draws import draws
from aggregator.risk.grid import BLOCKS
from aggregator.risk.paths import Paths
from aggregator.risk.requirement import add_ons, counted, counted_at
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.tail import LEVELS as DRAWN_LEVELS
from aggregator.risk.tail import tail_count

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Reserve:
    """One place: its name, and F there of each variant in USD, shape (variants,)."""

    name: str
    values: Floats


def reserves(variants: Sequence[Portfolio], scenarios: ScenarioSet, kappa: float) -> list[Reserve]:
    """F of every variant in the places that are worst for the first, up to the stress multiple `kappa`.

    None of the first's is below 0 exactly where it survives `kappa` standard stresses: between two levels of
    the grid survival is linear, and the last place is between them. Raises as `assess` does.
    """
    if kappa <= 0.0:
        return []
    together = book(variants, scenarios)
    add_on = add_ons(together).wallet
    return [*_scanned(together, add_on, kappa), *_drawn(together, add_on, kappa)]


def _scanned(together: Book, add_on: Floats, kappa: float) -> Iterator[Reserve]:
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
    chosen, place = np.unique(worst, return_inverse=True)
    few = Revaluation.of(together, rays.take(chosen)).values(levels)
    found = together.by_wallet(counted(together, few))[:, np.arange(len(levels)), place] - add_on[:, None]
    names = [rays.names[ray] for ray in worst]
    yield from _between(names, levels, found, kappa)


def _drawn(together: Book, add_on: Floats, kappa: float) -> Iterator[Reserve]:
    moves = draws(together.scenarios, together.axes.bases)
    paths = Paths.of(together, moves.returns, moves.log_iv)
    mine = slice(int(together.account_start[1]))
    alone = replace(
        paths, cash=paths.cash[mine], exposures=paths.exposures[mine], holdings=paths.holdings[mine]
    )
    size = together.scenarios.parameters.draws
    count = tail_count(size.confidence, size.count)
    levels = _up_to(DRAWN_LEVELS, kappa)
    means = []
    for level in levels:
        values = alone.values(level)
        whole = counted_at(together.kept[mine], values).sum(axis=0)
        worst = np.argpartition(whole, count - 1)[:count]
        chosen = counted(together, paths.values(level, worst))
        means.append(together.by_wallet(chosen).mean(axis=1) - add_on)
    yield from _between(["worst draws"] * len(levels), levels, np.stack(means, axis=1), kappa)


def _up_to(grid: Floats, kappa: float) -> Floats:
    """The levels up to `kappa`, and the one beyond it where it lies between two."""
    last = int(np.searchsorted(grid, kappa - 1e-12))
    return grid[: last + 1]


def _between(names: Sequence[str], levels: Floats, found: Floats, kappa: float) -> Iterator[Reserve]:
    """A place for each level (variants, levels); the last is where survival is linear, at `kappa` itself."""
    for i, level in enumerate(levels):
        values = found[:, i]
        if level > kappa and i:
            share = (kappa - levels[i - 1]) / (level - levels[i - 1])
            values = (1.0 - share) * found[:, i - 1] + share * values
        yield Reserve(f"{names[i]} at {min(float(level), kappa)!r}", values)
