"""What the requirement is made of: lines that add up to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.model.explanation import Contribution
from aggregator.model.results import RiskResult
from aggregator.risk.book import Book
from aggregator.risk.grid import STANDARD
from aggregator.risk.parts import apart_book, parts, today_usd, values_usd
from aggregator.risk.paths import Paths
from aggregator.risk.requirement import add_on_lines, counted
from aggregator.risk.scan import Scan
from aggregator.risk.tail import Drawn, binds, tail_count

Floats = NDArray[np.float64]

CENT = 0.005
ROUNDING = 1e-12
"""Of gross value: what sums of float64 may differ by in a book whose cents are below their precision."""


def binding(scan: Scan) -> tuple[int, int]:
    """The place of the stress multiple in STANDARD and of the ray at which the whole counts least."""
    whole = scan.standard.whole[0]
    level, ray = np.unravel_index(int(whole.argmin()), whole.shape)
    return int(level), int(ray)


def contributions(scan: Scan, risk: RiskResult, drawn: Worst | None) -> tuple[Contribution, ...]:
    """The lines of M of a book of one portfolio, whose result `risk` is; those of nothing are left out.

    `drawn` is what `worst_draws` says of it. Where expected shortfall binds they are its Euler contributions:
    the mean over the worst draws of the whole of what each position loses. Raises ArithmeticError where they
    do not add up to M to the cent: a defect of this package.
    """
    lines = tuple(line for line in _lines(scan, drawn) if line.usd)
    total = math.fsum(line.usd for line in lines)
    bound = risk.scan_requirement_usd if drawn is None or risk.tails is None else risk.tails.requirement_usd
    if abs(total - bound - risk.add_on_usd) > max(CENT, ROUNDING * risk.gross_usd):
        raise ArithmeticError(f"contributions add up to {total}, not to {bound + risk.add_on_usd}")
    return lines


def worst_draws(scan: Scan, risk: RiskResult) -> Worst | None:
    """The draws that M is the mean of; None where the scan asks for more."""
    tails, level = risk.tails, 0.0 if risk.binding is None else risk.binding.level
    if tails is None or not binds(tails.requirement_usd, risk.scan_requirement_usd, risk.gross_usd):
        return None
    size = scan.book.scenarios.parameters.draws
    count, drawn = tail_count(size.confidence, size.count), Drawn.of(scan.book)

    def whole(values: Floats) -> Floats:
        return scan.book.by_wallet(counted(scan.book, values))

    numbers, values = drawn.chosen(level, count, whole)
    lowest = np.argpartition(whole(values)[0], count - 1)[:count]
    return Worst(drawn.paths, level, np.sort(numbers[lowest]))


@dataclass(frozen=True, eq=False, slots=True)
class Worst:
    """The draws that the whole counts least in, by number, at a multiple of their moves."""

    paths: Paths
    level: float
    draws: NDArray[np.intp]

    def values_usd(self, book: Book) -> Floats:
        """What each position of their book is worth in them, (positions, draws)."""
        alone = Paths.of(apart_book(book), self.paths.returns, self.paths.log_iv)
        return alone.values(self.level, self.draws)


def _lines(scan: Scan, drawn: Worst | None) -> Iterator[Contribution]:
    book = scan.book
    if drawn is None:
        level, ray = binding(scan)
        values = values_usd(book, scan.rays.take(np.array([ray])), float(STANDARD[level]))
    else:
        values = drawn.values_usd(book)
    lost = today_usd(book) - values.mean(axis=1)
    for part in parts(book):
        account = book.accounts[part.account].id
        yield Contribution("position", float(lost[part.row]), account, part.place)
    silos = np.zeros((len(book.accounts), values.shape[1]))
    np.add.at(silos, [part.account for part in parts(book)], values)
    for silo, haircut in zip(book.accounts, (silos - counted(book, silos)).mean(axis=1), strict=True):
        yield Contribution("haircut", float(haircut), silo.id)
    for label, usd in add_on_lines(book).items():
        yield Contribution("add_on", float(usd[0]), label=label)
