"""Expected shortfall over the draws: the second branch of the requirement and of the score (RISK.md 4, 5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.book import Book
from aggregator.risk.bounds import Bounds
from aggregator.risk.draws import draws
from aggregator.risk.grid import Branch, first_crossing
from aggregator.risk.paths import Paths
from aggregator.risk.requirement import counted
from aggregator.risk.scan import Scan

Floats = NDArray[np.float64]
Sums: TypeAlias = Callable[[Floats], Floats]
"""From silo values (accounts, draws) to what has a tail, (rows, draws); rises with every one of them."""

LEVELS = np.arange(21) / 4.0
"""0, .25, .. 5 (RISK.md section 5): beyond, the scan goes on alone."""

_ONE = 4
"""Where 1 stands among the levels."""


@dataclass(frozen=True, eq=False, slots=True)
class Tail:
    """Mean of the lowest values over the draws, TailMean.

    `whole` (portfolios,) is the least of it up to one standard stress, at `level`, and `lowest` (accounts,)
    the same of each account alone; `at_one` (portfolios,) is TailMean at one stress, which ES is taken from.
    `means` (accounts,) is what accounts are worth on average where the whole stands at its least. `kappa`
    (portfolios,) is looked for only up to the cell of the scan's, in `branch`: inf means not before that.
    """

    drawn: Drawn
    whole: Floats
    level: Floats
    lowest: Floats
    means: Floats
    at_one: Floats
    kappa: Floats
    branch: Branch


@dataclass(frozen=True, eq=False, slots=True)
class Drawn:
    """A book along the draws; without options `bounds` is None."""

    paths: Paths
    bounds: Bounds | None

    @staticmethod
    def of(book: Book) -> Drawn:
        """A book along the draws of its scenario set."""
        found = draws(book.scenarios, book.axes.bases)
        paths = Paths.of(book, found.returns, found.log_iv)
        return Drawn(paths, Bounds.of(paths) if len(book.contracts) else None)

    def of_accounts(self, accounts: slice) -> Drawn:
        """Some of its accounts, with the same draws."""
        paths = self.paths
        some = replace(
            paths,
            cash=paths.cash[accounts],
            exposures=paths.exposures[accounts],
            holdings=paths.holdings[accounts],
        )
        return Drawn(some, None if self.bounds is None else replace(self.bounds, paths=some))

    def worst(self, level: float, count: int, sums: Sums) -> Floats:
        """Silo values (accounts, chosen draws): of each row of `sums` the `count` lowest are among them.

        Raises ArithmeticError where an account has no value in a draw.
        """
        return self.chosen(level, count, sums)[1]

    def chosen(self, level: float, count: int, sums: Sums) -> tuple[NDArray[np.intp], Floats]:
        """The numbers of the draws that `worst` chooses, and its values.

        A draw is left out where even its least is above so many others' most. Raises ArithmeticError where
        an account has no value in a draw.
        """
        if self.bounds is None:
            chosen = np.arange(self.paths.returns.shape[1])
            values = self.paths.values(level)
        else:
            low, high = self.bounds.between(level)
            # Values carry the rounding of their largest term, and so do the corners of the grid.
            slack = 1e-12 * float(max(np.abs(low).max(initial=0.0), np.abs(high).max(initial=0.0)))
            limit = np.partition(sums(high), count - 1, axis=1)[:, count - 1, None] + slack
            # What is not a number is kept, to be refused below.
            chosen = np.flatnonzero(~(sums(low) > limit).all(axis=0))
            values = self.paths.values(level, chosen)
        if np.isnan(values).any():
            raise ArithmeticError("an account's value in a draw is not a number")
        return chosen, values


def tail_count(confidence: float, draws: int) -> int:
    """How many draws the tail has: ceil((1 - confidence) * draws), where rounding adds none."""
    return math.ceil(round((1.0 - confidence) * draws, 6))


def binds(drawn_usd: float, scanned_usd: float, gross_usd: float) -> bool:
    """Whether the draws ask for more than the scan does; by rounding alone is not more."""
    return drawn_usd > scanned_usd + 1e-9 * gross_usd


def tail_mean(values: Floats, count: int) -> Floats:
    """The mean of the `count` lowest of values (..., draws), whatever their order."""
    lowest = np.partition(values, count - 1, axis=-1)[..., :count]
    result: Floats = np.sort(lowest, axis=-1).mean(axis=-1)
    return result


def tail(scan: Scan) -> Tail:
    """Follow the draws of a scanned book outward as far as they can matter.

    Raises ArithmeticError where an account has no value in a draw.
    """
    book, drawn = scan.book, Drawn.of(scan.book)
    size = book.scenarios.parameters.draws
    count = tail_count(size.confidence, size.count)
    today = counted(book, scan.equity)
    whole, lowest, means = book.by_wallet(today), today.copy(), scan.equity.copy()
    level = np.zeros(len(whole))
    found = [(whole, today)]

    def everything(values: Floats) -> Floats:
        silos = counted(book, values)
        return np.vstack([silos, book.by_wallet(silos)])

    for L in LEVELS[1 : _ONE + 1]:
        values = drawn.worst(L, count, everything)
        silos = counted(book, values)
        together = book.by_wallet(silos)
        lost = _lost(together, count)
        at_level = _mean(together, lost)
        found.append((at_level, _mean(silos, lost[book.wallet])))
        lowest = np.minimum(lowest, tail_mean(silos, count))
        lower = at_level < whole
        means = np.where(lower[book.wallet], _mean(values, lost[book.wallet]), means)
        level = np.where(lower, L, level)
        whole = np.minimum(whole, at_level)
    branch = _outward(scan, drawn, found, count)
    return Tail(
        drawn=drawn,
        whole=whole,
        level=level,
        lowest=lowest,
        means=means,
        at_one=at_level,
        kappa=first_crossing(branch.levels, branch.whole - scan.add_ons.wallet[:, None]),
        branch=branch,
    )


def _outward(scan: Scan, drawn: Drawn, standard: list[tuple[Floats, Floats]], count: int) -> Branch:
    """TailMean and what accounts count there, which are given as far as one standard stress, until TailMean
    less the add-ons has fallen below 0 or no crossing could matter."""
    book, found = scan.book, list(standard)

    def whole(values: Floats) -> Floats:
        return book.by_wallet(counted(book, values))

    for i in range(_ONE + 1, len(LEVELS)):
        crossed = (np.array([mean for mean, _ in found]) < scan.add_ons.wallet).any(axis=0)
        # The scan's kappa lies in a cell of this grid: a crossing beyond that cell is no smaller.
        if np.all(crossed | (scan.kappa <= LEVELS[i - 1])):
            break
        silos = counted(book, drawn.worst(LEVELS[i], count, whole))
        together = book.by_wallet(silos)
        lost = _lost(together, count)
        found.append((_mean(together, lost), _mean(silos, lost[book.wallet])))
    means, silo_means = zip(*found, strict=True)
    return Branch(LEVELS[: len(found)], np.stack(means, axis=1), np.stack(silo_means, axis=1), None)


def _lost(together: Floats, count: int) -> NDArray[np.intp]:
    """The draws in which each portfolio counts least, (portfolios, count)."""
    return np.argpartition(together, count - 1, axis=1)[:, :count]


def _mean(values: Floats, draws: NDArray[np.intp]) -> Floats:
    """The mean over each row's own draws, whatever their order."""
    mean: Floats = np.sort(np.take_along_axis(values, draws, axis=1), axis=1).mean(axis=1)
    return mean
