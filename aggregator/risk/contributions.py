"""What the requirement is made of: lines that add up to it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from aggregator.model.explanation import Contribution
from aggregator.model.results import RiskResult
from aggregator.risk.grid import STANDARD
from aggregator.risk.parts import parts, today_usd, values_usd
from aggregator.risk.requirement import add_on_lines, counted
from aggregator.risk.scan import Scan

CENT = 0.005
ROUNDING = 1e-12
"""Of gross value: what sums of float64 may differ by in a book whose cents are below their precision."""


def binding(scan: Scan) -> tuple[int, int]:
    """The place of the stress multiple in STANDARD and of the ray at which the whole counts least."""
    whole = scan.standard.whole[0]
    level, ray = np.unravel_index(int(whole.argmin()), whole.shape)
    return int(level), int(ray)


def contributions(scan: Scan, risk: RiskResult) -> tuple[Contribution, ...]:
    """The lines of M of a book of one portfolio, whose result `risk` is; those of nothing are left out.

    Raises ArithmeticError where they do not add up to M to the cent: a defect of this package.
    """
    lines = tuple(line for line in _lines(scan, risk) if line.usd)
    total = math.fsum(line.usd for line in lines)
    if abs(total - risk.requirement_usd) > max(CENT, ROUNDING * risk.gross_usd):
        raise ArithmeticError(f"contributions add up to {total}, not to {risk.requirement_usd}")
    return lines


def _lines(scan: Scan, risk: RiskResult) -> Iterator[Contribution]:
    book = scan.book
    level, ray = binding(scan)
    stressed = values_usd(book, scan.rays.take(np.array([ray])), float(STANDARD[level]))[:, 0]
    lost = today_usd(book) - stressed
    for part in parts(book):
        account = book.accounts[part.account].id
        yield Contribution("position", float(lost[part.row]), account, part.place)
    silos = np.zeros(len(book.accounts))
    np.add.at(silos, [part.account for part in parts(book)], stressed)
    for silo, haircut in zip(book.accounts, silos - counted(book, silos), strict=True):
        yield Contribution("haircut", float(haircut), silo.id)
    for label, usd in add_on_lines(book).items():
        yield Contribution("add_on", float(usd[0]), label=label)
    yield Contribution("tail", risk.requirement_usd - risk.scan_requirement_usd - risk.add_on_usd)
