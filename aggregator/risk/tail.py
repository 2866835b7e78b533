"""Expected shortfall over the draws: the second branch of the requirement and of the score (RISK.md 4, 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.draws import draws
from aggregator.risk.grid import first_crossing
from aggregator.risk.paths import Paths
from aggregator.risk.requirement import counted
from aggregator.risk.scan import Scan

Floats = NDArray[np.float64]

LEVELS = np.arange(21) / 4.0
"""0, .25, .. 5 (RISK.md section 5): beyond, the scan goes on alone."""

_ONE = 4
"""Where 1 stands among the levels."""


@dataclass(frozen=True, eq=False, slots=True)
class Tail:
    """Mean of the lowest values over the draws, TailMean.

    `whole` (portfolios,) is the least of it up to one standard stress, at `level`, and `lowest` (accounts,)
    the same of each account alone; `at_one` (portfolios,) is TailMean at one stress, which ES is taken from.
    `means` (accounts,) is what accounts are worth on average where the whole stands at its least. `market`
    (portfolios, draws) is the sum of E_v at one stress.
    `kappa` (portfolios,) is looked for only up to the cell of the scan's: inf means not before that.
    """

    paths: Paths
    whole: Floats
    level: Floats
    lowest: Floats
    means: Floats
    at_one: Floats
    market: Floats
    kappa: Floats


def tail_count(confidence: float, draws: int) -> int:
    """How many draws the tail has: ceil((1 - confidence) * draws), where rounding adds none."""
    return math.ceil(round((1.0 - confidence) * draws, 6))


def tail_mean(values: Floats, count: int) -> Floats:
    """The mean of the `count` lowest of values (..., draws), whatever their order."""
    lowest = np.partition(values, count - 1, axis=-1)[..., :count]
    result: Floats = np.sort(lowest, axis=-1).mean(axis=-1)
    return result


def tail(scan: Scan) -> Tail:
    """Follow the draws of a scanned book outward as far as they can matter.

    Raises ArithmeticError where an account has no value in a draw.
    """
    book = scan.book
    drawn = draws(book.scenarios, book.axes.bases)
    paths = Paths.of(book, drawn.returns, drawn.log_iv)
    size = book.scenarios.parameters.draws
    count = tail_count(size.confidence, size.count)
    today = counted(book, scan.equity)
    whole, lowest, means = book.by_wallet(today), today.copy(), scan.equity.copy()
    level = np.zeros(len(whole))
    survival = [whole - scan.add_ons.wallet]
    for L in LEVELS[1 : _ONE + 1]:
        values = _values(paths, L)
        silos = counted(book, values)
        together = book.by_wallet(silos)
        at_level = tail_mean(together, count)
        survival.append(at_level - scan.add_ons.wallet)
        lowest = np.minimum(lowest, tail_mean(silos, count))
        for wallet in np.flatnonzero(at_level < whole):
            mine = slice(*book.account_start[wallet : wallet + 2])
            worst = np.argpartition(together[wallet], count - 1)[:count]
            means[mine] = np.sort(values[mine][:, worst], axis=1).mean(axis=1)
            level[wallet] = L
        whole = np.minimum(whole, at_level)
    market, at_one = book.by_wallet(values), at_level
    return Tail(
        paths=paths,
        whole=whole,
        level=level,
        lowest=lowest,
        means=means,
        at_one=at_one,
        market=market,
        kappa=_kappa(scan, paths, survival, count),
    )


def _kappa(scan: Scan, paths: Paths, survival: list[Floats], count: int) -> Floats:
    """Where TailMean less the add-ons first falls below 0, given as far as one standard stress."""
    found = list(survival)
    for i in range(_ONE + 1, len(LEVELS)):
        crossed = (np.array(found) < 0.0).any(axis=0)
        # The scan's kappa lies in a cell of this grid: a crossing beyond that cell is no smaller.
        if np.all(crossed | (scan.kappa <= LEVELS[i - 1])):
            break
        together = scan.book.by_wallet(counted(scan.book, _values(paths, LEVELS[i])))
        found.append(tail_mean(together, count) - scan.add_ons.wallet)
    return first_crossing(LEVELS[: len(found)], np.stack(found, axis=1))


def _values(paths: Paths, level: float) -> Floats:
    values = paths.values(level)
    if np.isnan(values).any():
        raise ArithmeticError("an account's value in a draw is not a number")
    return values
