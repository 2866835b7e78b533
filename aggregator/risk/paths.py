"""Full revaluation of a book where underlyings and their volatilities have moved together, draw by draw.

Pegs hold (RISK.md section 3 draws no basis), so that factors of one underlying move as one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD
from aggregator.risk.book import Book

Floats = NDArray[np.float64]

THREADS = 2
"""That price options."""

PART = 2_048
"""Paths in a part: what some dozen options need for it stays in the cache."""


@dataclass(frozen=True, eq=False, slots=True)
class Paths:
    """A book and how the market moves at stress multiple 1, in the order of `book.axes.bases`.

    `returns` and `log_iv` (bases, paths) are logarithms of moves; `cash` (accounts,) and `exposures`
    (accounts, bases) in USD; `base_of` (factors,) and `iv_of` (contracts,) are the row of what moves each,
    the last one for USD.
    """

    book: Book
    returns: Floats
    log_iv: Floats
    cash: Floats
    exposures: Floats
    holdings: Floats
    base_of: NDArray[np.intp]
    iv_of: NDArray[np.intp]

    @staticmethod
    def of(book: Book, returns: Floats, log_iv: Floats) -> Paths:
        """Prepare a book for these moves, each (bases, paths)."""
        rows = {underlying: i for i, underlying in enumerate(book.axes.bases)} | {USD: len(book.axes.bases)}
        base_of = np.array([rows[factor.underlying] for factor in book.factors], dtype=np.intp)
        exposures = np.zeros((len(book.accounts), len(rows)))
        np.add.at(exposures, (book.legs.account, base_of[book.legs.factor]), book.legs.exposure_usd)
        return Paths(
            book=book,
            returns=returns,
            log_iv=log_iv,
            cash=exposures[:, -1],
            exposures=exposures[:, :-1],
            holdings=book.holdings(),
            base_of=base_of,
            iv_of=base_of[book.contracts.price_factor],
        )

    def values(self, level: float) -> Floats:
        """Silo values E_v in USD where every move is taken `level` times, shape (accounts, paths).

        In parts of a fixed size, so that threads change no figure.
        """
        count = self.returns.shape[1]
        values = np.empty((len(self.cash), count))
        parts = [slice(start, start + PART) for start in range(0, count, PART)]

        def fill(part: slice) -> None:
            values[:, part] = self._values(level, part)

        if len(parts) > 1 and len(self.book.contracts):
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(fill, parts))
        else:
            for part in parts:
                fill(part)
        return values

    def _values(self, level: float, part: slice) -> Floats:
        moves = np.exp(level * self.returns[:, part])
        values: Floats = self.exposures @ moves + self.cash[:, None]
        contracts = self.book.contracts
        if len(contracts):
            still = np.ones(moves.shape[1])
            volatility = np.vstack([np.exp(level * self.log_iv[:, part]), still])
            factors = np.vstack([moves, still])[self.base_of]
            values += self.holdings @ contracts.values(factors, volatility[self.iv_of])
        return values
