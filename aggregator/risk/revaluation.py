"""Full revaluation of a book along rays: no Greeks, no Python loop over scenarios."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.book import Book
from aggregator.risk.rays import Rays


@dataclass(frozen=True, eq=False, slots=True)
class Revaluation:
    """A book ready to be valued along rays: everything that does not depend on the stress multiple.

    `log_factor` (factors, rays) and `log_iv` (contracts, rays) are logarithms of moves at multiple 1.
    """

    rays: Rays
    equity_usd: NDArray[np.float64]
    log_factor: NDArray[np.float64]
    log_iv: NDArray[np.float64]
    exposures: NDArray[np.float64]
    holdings: NDArray[np.float64]
    book: Book

    @staticmethod
    def of(book: Book, rays: Rays) -> Revaluation:
        """Prepare a book for these rays, which must be on its axes."""
        base_loading, peg_loading = book.axes.loadings(book.factors)
        with np.errstate(divide="ignore"):  # a custom scenario may take a price to zero: exp(-inf) is 0
            log_base, log_peg = np.log1p(rays.base), np.log1p(rays.peg)
        log_iv = book.contracts.log_iv_factors(book.scenarios.parameters.volatility)
        return Revaluation(
            rays=rays,
            equity_usd=book.equity_usd(),
            log_factor=_combine(base_loading, log_base) + _combine(peg_loading, log_peg),
            log_iv=log_iv[:, rays.vol],
            exposures=book.exposures(),
            holdings=book.holdings(),
            book=book,
        )

    def factors(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each factor is multiplied with, shape (factors, levels, rays): every move to the power L."""
        return _powers(self.log_factor, levels)

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
            units = self.book.contracts.values(factors, _powers(self.log_iv, levels))
            value += self.holdings @ units.reshape(len(units), math.prod(scenarios))
        return value.reshape(len(self.book.accounts), *scenarios)


def _combine(loading: NDArray[np.float64], logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """loading (factors, axes) times logs (rays, axes), where 0 times -inf is 0."""
    terms = np.zeros((len(loading), len(logs)))
    for axis in range(logs.shape[1]):
        touched = loading[:, axis] != 0.0
        terms[touched] += loading[touched, axis, None] * logs[None, :, axis]
    return terms


def _powers(logs: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(L * log) with shape (rows, levels, rays); exactly 1 at L = 0, even of a move to zero."""
    scaled = np.zeros((len(logs), len(levels), logs.shape[1]))
    moving = levels != 0.0
    scaled[:, moving] = levels[moving, None] * logs[:, None, :]
    powers: NDArray[np.float64] = np.exp(scaled)
    return powers
