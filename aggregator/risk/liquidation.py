"""Liquidation prices: how far one underlying alone may move before an account fails its own test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD
from aggregator.risk.book import Book
from aggregator.risk.native import NativeGroup

GRID = 257
"""Points per direction: the nearest root is bracketed to 1.8% of a price."""

HALVINGS = 26
"""Of a bracket of 1.8%: to 3e-10 of a price."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """An account fails at `multiple` times today's price of an underlying."""

    account: int
    underlying: str
    multiple: float


def crossings(book: Book, groups: Sequence[NativeGroup]) -> list[Crossing]:
    """The nearest price down (to 1%) and up (to 100 times) at which each healthy account fails.

    One underlying moves, with every token that is pegged to it; time stands still. Nothing is given for
    accounts that fail already or require nothing. Roots closer together than the grid may be missed.
    """
    found: list[Crossing] = []
    for group in groups:
        used = np.unique(np.concatenate([group.factor, group.against]))
        for underlying in sorted({book.factors[factor].underlying for factor in used} - {USD}):
            touched = np.array([factor.underlying == underlying for factor in book.factors])
            for steps in (np.geomspace(1.0, 1e-2, GRID), np.geomspace(1.0, 1e2, GRID)):
                found += _nearest(group, underlying, touched, steps)
    return sorted(found, key=lambda crossing: (crossing.account, crossing.underlying, crossing.multiple))


def _nearest(
    group: NativeGroup, underlying: str, touched: NDArray[np.bool_], steps: NDArray[np.float64]
) -> list[Crossing]:
    failing = _fails(group, touched, np.broadcast_to(steps, (len(group.account), len(steps))))
    rows = np.flatnonzero(~failing[:, 0] & failing.any(axis=1))
    if not rows.size:
        return []
    first = failing[rows].argmax(axis=1)
    safe, broken = np.ones((2, len(group.account), 1))
    safe[rows, 0], broken[rows, 0] = steps[first - 1], steps[first]
    for _ in range(HALVINGS):
        middle = np.sqrt(safe * broken)
        fails = _fails(group, touched, middle)
        safe, broken = np.where(fails, safe, middle), np.where(fails, middle, broken)
    return [Crossing(int(group.account[row]), underlying, float(broken[row, 0])) for row in rows]


def _fails(
    group: NativeGroup, touched: NDArray[np.bool_], multiples: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether N < Q at each account's own multiples (accounts, scenarios); `touched` (factors,) move."""
    N, Q = group.margin(lambda numbers: np.where(touched[numbers][:, None], multiples[group.owner], 1.0))
    return np.less(N, Q)
