"""The points that a wallet's kappa and M were taken from, as far as they decide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aggregator.model.survival import Branch as Name
from aggregator.model.survival import SurvivalPoint
from aggregator.risk.grid import Branch
from aggregator.risk.scan import Scan
from aggregator.risk.tail import Tail


def survival(scan: Scan, tail: Tail, wallet: int) -> tuple[SurvivalPoint, ...]:
    """Every level up to one standard stress, and beyond it up to the cell in which kappa lies.

    A branch ends where it breaks. Where it has not, the scan ends beyond the lesser kappa, and the draws at
    the scan's, as they do for one portfolio alone: who is evaluated beside it makes no difference.
    """
    kappa = min(float(scan.kappa[wallet]), float(tail.kappa[wallet]))
    beyond = int(np.searchsorted(scan.branch.levels, kappa, side="right"))
    cell = int(np.searchsorted(tail.branch.levels, float(scan.kappa[wallet])))
    return (*_points(scan, scan.branch, wallet, beyond), *_points(scan, tail.branch, wallet, cell))


def _points(scan: Scan, branch: Branch, wallet: int, last: int) -> Iterator[SurvivalPoint]:
    mine = slice(*scan.book.account_start[wallet : wallet + 2])
    broken = branch.whole[wallet] - scan.add_ons.wallet[wallet] < 0.0
    if broken.any():
        last = min(last, int(broken.argmax()))
    end = 1 + max(last, int(np.searchsorted(branch.levels, 1.0)))
    levels: list[float] = branch.levels[:end].tolist()
    name: Name = "draws" if branch.ray is None else "scan"
    rays = () if branch.ray is None else branch.ray[wallet, :end].tolist()
    columns = (
        levels,
        [scan.rays.names[ray] for ray in rays] or [None] * len(levels),
        # A database gives -0.0 back as 0.0.
        (branch.whole[wallet, :end] + 0.0).tolist(),
        map(tuple, (branch.counted[mine, :end].T + 0.0).tolist()),
    )
    for level, ray, whole, counted in zip(*columns, strict=True):
        yield SurvivalPoint(name, level, ray, whole, counted)
