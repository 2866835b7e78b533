"""What prices and contracts of holdings do along rays, whoever holds how much of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.contracts import Contracts
from aggregator.risk.holdings import Holdings
from aggregator.risk.rays import Rays


@dataclass(frozen=True, eq=False, slots=True)
class Moves:
    """Everything along these rays that does not depend on the stress multiple.

    `log_factor` (factors, rays), `log_iv` and `log_forward` (contracts, rays) are logarithms of moves at
    multiple 1.
    """

    contracts: Contracts
    log_factor: NDArray[np.float64]
    log_iv: NDArray[np.float64]
    log_forward: NDArray[np.float64]

    @staticmethod
    def of(held: Holdings, rays: Rays) -> Moves:
        """The moves of these rays, which must be on the axes of the holdings."""
        base_loading, peg_loading = held.axes.loadings(held.factors)
        with np.errstate(divide="ignore"):  # a custom scenario may take a price to zero: exp(-inf) is 0
            log_base, log_peg = np.log1p(rays.base), np.log1p(rays.peg)
        size = held.scenarios.parameters
        log_basis = np.log1p(size.rays.perp_basis * rays.forward)
        log_factor = _combine(base_loading, log_base) + _combine(peg_loading, log_peg)
        log_factor += _combine(held.axes.basis_loadings(held.factors), log_basis)
        at = {underlying: i for i, underlying in enumerate(held.axes.bases)}
        way = np.zeros((len(held.contracts), len(rays)), dtype=np.int8)
        for row, underlying in enumerate(held.contracts.underlying):
            if underlying in at:
                way[row] = rays.forward[:, at[underlying]]
        return Moves(
            contracts=held.contracts,
            log_factor=log_factor,
            log_iv=held.contracts.log_iv_factors(size.volatility)[:, rays.vol],
            log_forward=held.contracts.log_forward_factors(way, size.rays),
        )

    def factors(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each factor is multiplied with, shape (factors, levels, rays): every move to the power L."""
        return _powers(self.log_factor, levels)

    def units(self, factors: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """What one unit of each contract is worth in USD, (contracts, levels, rays), at these `factors`."""
        return self.contracts.values(factors, _powers(self.log_iv, levels), _powers(self.log_forward, levels))


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
