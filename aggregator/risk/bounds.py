"""What options are worth at least and at most in each draw, from a coarse grid: most need no pricing.

An option's value rises or falls with its underlying's price all the way, and rises with its volatility: in a
cell of a grid over the two it stands between the least and the most of the corners. The cells of the draws
are the same at every stress multiple, since multiples keep the order of moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.paths import Paths

Floats = NDArray[np.float64]

PRICES, VOLATILITIES = 65, 25
"""Nodes: a step is 1% of the price, and 7% of the volatility, about, at one standard stress. With 20 options
some 1,000 of 16,384 draws are left; fewer nodes leave more of them, more nodes cost more than they save."""


@dataclass(frozen=True, eq=False, slots=True)
class Bounds:
    """Nodes of each base's returns (bases + 1, PRICES) and changes of ln IV (bases + 1, VOLATILITIES), the
    last row that of USD; `cell` (bases + 1, paths) is the number of each path's cell."""

    paths: Paths
    returns: Floats
    log_iv: Floats
    cell: NDArray[np.intp]

    @staticmethod
    def of(paths: Paths) -> Bounds:
        """The grid over these paths."""
        found = [
            [_nodes(row, count) for row in np.vstack([moves, np.zeros(moves.shape[1])])]
            for moves, count in ((paths.returns, PRICES), (paths.log_iv, VOLATILITIES))
        ]
        (returns, price), (log_iv, volatility) = (
            (np.array([nodes for nodes, _ in rows]), np.array([at for _, at in rows])) for rows in found
        )
        return Bounds(paths, returns, log_iv, price * (VOLATILITIES - 1) + volatility)

    def between(self, level: float) -> tuple[Floats, Floats]:
        """Silo values E_v at least and at most, each (accounts, paths)."""
        paths, contracts = self.paths, self.paths.book.contracts
        low = paths.linear(level, slice(None))
        high = low.copy()
        least, most = self._corners(level)
        written, held = np.minimum(paths.holdings, 0.0), np.maximum(paths.holdings, 0.0)
        rows = np.flatnonzero(paths.holdings.any(axis=1))
        paid_in = paths.base_of[contracts.payment_factor]
        # Contracts of one underlying and settlement share the cells: added up before these are looked up.
        for price, payment in sorted({*zip(paths.iv_of.tolist(), paid_in.tolist(), strict=True)}):
            of = np.flatnonzero((paths.iv_of == price) & (paid_in == payment))
            longs, shorts = held[np.ix_(rows, of)], written[np.ix_(rows, of)]
            paid = np.exp(level * paths.returns[payment]) if payment < len(paths.returns) else 1.0
            for total, better, worse in ((low, least, most), (high, most, least)):
                table = longs @ better[of] + shorts @ worse[of]
                total[rows] += np.take(table, self.cell[price], axis=1) * paid
        return low, high

    def _corners(self, level: float) -> tuple[Floats, Floats]:
        """The least and the most of a unit in each cell, in USD at today's settlement price, (contracts,
        cells)."""
        paths, contracts = self.paths, self.paths.book.contracts
        factors = np.exp(level * self.returns[paths.base_of])[:, :, None] * np.ones(VOLATILITIES)
        volatility = np.exp(level * self.log_iv[paths.iv_of])[:, None, :] * np.ones((PRICES, 1))
        units = contracts.values(factors, volatility) / factors[contracts.payment_factor]
        corners = np.stack(
            [units[:, :-1, :-1], units[:, 1:, :-1], units[:, :-1, 1:], units[:, 1:, 1:]]
        ).reshape(4, len(units), -1)
        return corners.min(axis=0), corners.max(axis=0)


def _nodes(values: Floats, count: int) -> tuple[Floats, NDArray[np.intp]]:
    """Evenly spaced nodes over these values, and between which two each of them lies."""
    nodes = np.linspace(values.min(), values.max(), count)
    at = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, count - 2)
    return nodes, at.astype(np.intp)
