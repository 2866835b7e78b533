"""Full revaluation of a book along rays: no Greeks, no Python loop over scenarios."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.book import Book
from aggregator.risk.moves import Moves
from aggregator.risk.rays import Rays


@dataclass(frozen=True, eq=False, slots=True)
class Revaluation:
    """A book ready to be valued along rays: everything that does not depend on the stress multiple."""

    rays: Rays
    equity_usd: NDArray[np.float64]
    moves: Moves
    exposures: NDArray[np.float64]
    holdings: NDArray[np.float64]
    book: Book

    @staticmethod
    def of(book: Book, rays: Rays) -> Revaluation:
        """Prepare a book for these rays, which must be on its axes."""
        return Revaluation(
            rays=rays,
            equity_usd=book.equity_usd(),
            moves=Moves.of(book, rays),
            exposures=book.exposures(),
            holdings=book.holdings(),
            book=book,
        )

    def factors(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each factor is multiplied with, shape (factors, levels, rays): every move to the power L."""
        return self.moves.factors(levels)

    def values(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Silo values E_v(L, r) in USD, shape (accounts, levels, rays): E_v + w * (revalued - E_v)."""
        return self.weighted(self.factors(levels), levels)

    def weighted(self, factors: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """`values` at factors that the caller has already."""
        today = self.equity_usd[:, None, None]
        result: NDArray[np.float64] = today + self.rays.weight * (self._full(factors, levels) - today)
        return result

    def _full(self, factors: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
        scenarios = factors.shape[1:]
        value = self.exposures @ factors.reshape(len(factors), math.prod(scenarios))
        if len(self.book.contracts):
            units = self.moves.units(factors, levels)
            value += self.holdings @ units.reshape(len(units), math.prod(scenarios))
        return value.reshape(len(value), *scenarios)
