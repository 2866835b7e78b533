"""Scenarios that a portfolio loses in, as plain data: the worst ones, and the one that binds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aggregator.model.results import ScenarioLoss
from aggregator.risk.grid import STANDARD
from aggregator.risk.scan import Scan
from aggregator.risk.tail import Tail


def losses(scan: Scan, wallet: int) -> list[ScenarioLoss]:
    """The largest market losses up to one standard stress, largest first, of rays that lose anything.

    Of rays that this portfolio can't tell apart but for volatility, the worst stands for all, whatever the
    portfolios hold that are evaluated with it.
    """
    mine = slice(*scan.book.account_start[wallet : wallet + 2])
    lost = scan.equity[mine].sum() - scan.standard.values[mine].sum(axis=0)
    levels, largest = lost.argmax(axis=0), lost.max(axis=0)
    gross = float(scan.gross[mine].sum())
    bases, pegs = scan.book.axes_of(mine)
    # Losses that differ by rounding only are equal: the first ray gives the name.
    order = np.argsort(-np.round(largest / gross, 12), kind="stable") if gross > 0.0 else ()
    worst: dict[tuple[bytes, bytes, bytes, float], ScenarioLoss] = {}
    for ray in order:
        if largest[ray] > 1e-9 * gross:
            moves = (
                scan.rays.base[ray, bases].tobytes(),
                scan.rays.peg[ray, pegs].tobytes(),
                scan.rays.forward[ray, bases].tobytes(),
                float(scan.rays.weight[ray]),
            )
            if moves not in worst:
                worst[moves] = _loss(scan, wallet, int(levels[ray]), int(ray))
    return list(worst.values())


def least(scan: Scan, wallet: int) -> ScenarioLoss:
    """The scenario that the whole counts least in."""
    whole = scan.standard.whole[wallet]
    level, ray = np.unravel_index(int(whole.argmin()), whole.shape)
    return _loss(scan, wallet, int(level), int(ray))


def mean_loss(scan: Scan, tail: Tail, wallet: int) -> ScenarioLoss:
    """The mean of the draws that the whole counts least in."""
    size = scan.book.scenarios.parameters.draws
    name = f"worst {100 * (1 - size.confidence):.3g}% of draws over {size.days} days"
    return _scenario_loss(scan, wallet, name, float(tail.level[wallet]), tail.means)


def _loss(scan: Scan, wallet: int, level: int, ray: int) -> ScenarioLoss:
    values = scan.standard.values[:, level, ray]
    return _scenario_loss(scan, wallet, scan.rays.names[ray], float(STANDARD[level]), values)


def _scenario_loss(
    scan: Scan, wallet: int, name: str, level: float, values: NDArray[np.float64]
) -> ScenarioLoss:
    mine = range(*scan.book.account_start[wallet : wallet + 2])
    lost = [float(scan.equity[i] - values[i]) for i in mine]
    return ScenarioLoss(
        name=name,
        level=level,
        loss_usd=math.fsum(lost),
        by_account=tuple((scan.book.accounts[i].id, loss) for i, loss in zip(mine, lost, strict=True)),
    )
