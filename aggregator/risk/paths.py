"""Full revaluation of a book where underlyings and their volatilities have moved together, draw by draw.

Pegs hold (RISK.md section 3 draws no basis), so that factors of one underlying move as one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD
from aggregator.risk.book import Book

Floats = NDArray[np.float64]
Columns: TypeAlias = slice | NDArray[np.intp]

ALL = slice(None)

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

    def linear(self, level: float, columns: Columns) -> Floats:
        """What E_v is without options, in USD where every move is taken `level` times, (accounts, paths)."""
        moves = np.exp(level * self.returns[:, columns])
        values: Floats = self.exposures @ moves + self.cash[:, None]
        return values

    def values(self, level: float, columns: Columns = ALL) -> Floats:
        """Silo values E_v in USD where every move is taken `level` times, shape (accounts, paths).

        In parts of a fixed size, so that threads change no figure.
        """
        values = self.linear(level, columns)
        if not len(self.book.contracts):
            return values
        parts = [slice(start, start + PART) for start in range(0, values.shape[1], PART)]
        chosen = np.arange(self.returns.shape[1])[columns]

        def add(part: slice) -> None:
            values[:, part] += self._options(level, chosen[part])

        if len(parts) > 1:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(add, parts))
        else:
            add(parts[0])
        return values

    def _options(self, level: float, columns: NDArray[np.intp]) -> Floats:
        still = np.ones(len(columns))
        moves = np.vstack([np.exp(level * self.returns[:, columns]), still])
        volatility = np.vstack([np.exp(level * self.log_iv[:, columns]), still])
        units = self.book.contracts.values(moves[self.base_of], volatility[self.iv_of])
        values: Floats = self.holdings @ units
        return values
