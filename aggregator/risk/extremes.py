"""What accounts are worth at least in any draw, from the corners of where the draws lie: a few prices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.paths import Paths

Floats = NDArray[np.float64]


def least_values(paths: Paths, level: float, sums: Floats) -> Floats:
    """What sums and differences of accounts, rows of `sums` (rows, accounts), are worth at least in any path,
    (rows,) in USD, where every move is taken `level` times: a bound, which no path need reach.

    Each underlying and each volatility is taken to be where it hurts most, by itself. An option's value rises
    or falls with its underlying's price all the way, and rises with its volatility: it is least and most in
    corners.
    """
    contracts = paths.book.contracts
    prices, volatilities = (_ends(level * moves) for moves in (paths.returns, paths.log_iv))
    total: Floats = sums @ paths.cash + _least(sums @ paths.exposures, prices[:-1])
    if not len(contracts):
        return total
    corners = prices[paths.base_of][:, [0, 0, 1, 1]]
    units = contracts.values(corners, volatilities[paths.iv_of][:, [0, 1, 0, 1]])
    # What pays may be the very coin: taken to stand elsewhere, it only makes the bound wider.
    units = units / corners[contracts.payment_factor]
    paid = prices[paths.base_of[contracts.payment_factor]]
    ends = np.column_stack([units.min(axis=1), units.max(axis=1)]) * paid
    return total + _least(sums @ paths.holdings, ends)


def _ends(logs: Floats) -> Floats:
    """The least and the most of each row's moves, (rows + 1, 2), the last row that of what stands still."""
    still = np.ones((1, 2))
    return np.vstack([np.exp(np.column_stack([logs.min(axis=1), logs.max(axis=1)])), still])


def _least(units: Floats, ends: Floats) -> Floats:
    """The least of units (rows, things), held or owed, of things that lie between `ends` (things, 2)."""
    held, owed = np.maximum(units, 0.0), np.minimum(units, 0.0)
    least: Floats = held @ ends[:, 0] + owed @ ends[:, 1]
    return least
