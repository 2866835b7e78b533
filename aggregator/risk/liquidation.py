"""Liquidation prices: how far one underlying, or one asset, may move before an account fails its own test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD
from aggregator.model.rules import Oracle
from aggregator.risk.book import Book
from aggregator.risk.native import NativeGroup

GRID = 257
"""Points per direction: the nearest root is bracketed to 1.8% of a price."""

HALVINGS = 26
"""Of a bracket of 1.8%: to 3e-10 of a price."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """An account fails at `multiple` times today's price of `moved`: an underlying, or an asset's id."""

    account: int
    moved: str
    multiple: float


@dataclass(frozen=True, eq=False, slots=True)
class _Touched:
    """Which feeds (feeds,) move with something: by their price, against it, by the worth of their quote."""

    price: NDArray[np.bool_]
    against: NDArray[np.bool_]
    quote: NDArray[np.bool_]


def by_underlying(book: Book, groups: Sequence[NativeGroup]) -> list[Crossing]:
    """The nearest price down (to 1%) and up (to 100 times) at which each healthy account fails.

    One underlying moves, with every token that is pegged to it; time stands still. Nothing is given for
    accounts that fail already or require nothing. Roots closer together than the grid may be missed.
    """
    moves_with = np.array([factor.underlying for factor in book.factors], dtype=object)
    found: list[Crossing] = []
    for group in groups:
        used = np.concatenate([group.factor, group.against])
        for underlying in sorted(set(moves_with[used]) - {USD}):
            moves = moves_with == underlying
            touched = _Touched(moves[group.factor], moves[group.against], moves[group.quote])
            found += _crossings(group, underlying, touched)
    return _sorted(found)


def by_asset(groups: Sequence[NativeGroup]) -> list[Crossing]:
    """As `by_underlying` for one asset alone: its market price moves, its underlying's stands still.

    An oracle that does not look at the asset's own market (by an exchange rate, or pinned) sees nothing.
    """
    found: list[Crossing] = []
    for group in groups:
        market = [feed.asset if feed.oracle is Oracle.MARKET else None for feed in group.feeds]
        against = [feed.quote if feed.oracle is Oracle.MARKET else None for feed in group.feeds]
        quotes = [feed.quote for feed in group.feeds]
        for asset in sorted({asset for asset in (*market, *quotes) if asset is not None}):
            touched = _Touched(*(np.array([x == asset for x in side]) for side in (market, against, quotes)))
            found += _crossings(group, asset, touched)
    return _sorted(found)


def _sorted(found: list[Crossing]) -> list[Crossing]:
    return sorted(found, key=lambda crossing: (crossing.account, crossing.moved, crossing.multiple))


def _crossings(group: NativeGroup, moved: str, touched: _Touched) -> Iterator[Crossing]:
    for steps in (np.geomspace(1.0, 1e-2, GRID), np.geomspace(1.0, 1e2, GRID)):
        failing = _fails(group, touched, np.broadcast_to(steps, (len(group.account), len(steps))))
        rows = np.flatnonzero(~failing[:, 0] & failing.any(axis=1))
        if not rows.size:
            continue
        first = failing[rows].argmax(axis=1)
        safe, broken = np.ones((2, len(group.account), 1))
        safe[rows, 0], broken[rows, 0] = steps[first - 1], steps[first]
        for _ in range(HALVINGS):
            middle = np.sqrt(safe * broken)
            fails = _fails(group, touched, middle)
            safe, broken = np.where(fails, safe, middle), np.where(fails, middle, broken)
        yield from (Crossing(int(group.account[row]), moved, float(broken[row, 0])) for row in rows)


def _fails(group: NativeGroup, touched: _Touched, multiples: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether N < Q at each account's own multiples (accounts, scenarios)."""
    at = multiples[group.owner]
    prices = np.where(touched.price[:, None], at, 1.0) / np.where(touched.against[:, None], at, 1.0)
    N, Q = group.margin(prices, np.where(touched.quote[:, None], at, 1.0))
    return np.less(N, Q)
