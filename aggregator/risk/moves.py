"""What prices and contracts of holdings do along rays, whoever holds how much of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.contracts import Contracts
from aggregator.risk.holdings import Holdings
from aggregator.risk.rays import Rays


@dataclass(frozen=True, eq=False, slots=True)
class Moves:
    """Everything along these rays that does not depend on the stress multiple.

    `log_factor` (factors, rays) are logarithms of moves at multiple 1; `alike` the contracts by what moves
    them.
    """

    log_factor: NDArray[np.float64]
    alike: tuple[_Alike, ...]

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
        return Moves(log_factor, tuple(_alike(held, rays, log_factor)))

    def factors(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each factor is multiplied with, shape (factors, levels, rays): every move to the power L."""
        return _powers(self.log_factor, levels)

    def units(self, factors: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """What one unit of each contract is worth in USD, (contracts, levels, rays), at these `factors`."""
        units = np.empty((sum(len(some.rows) for some in self.alike), *factors.shape[1:]))
        for some in self.alike:
            values = some.contracts.values(
                factors[:, :, some.first], _powers(some.log_iv, levels), _powers(some.log_forward, levels)
            )
            units[some.rows] = values[:, :, some.number]
        return units


@dataclass(frozen=True, eq=False, slots=True)
class _Alike:
    """Contracts on one price, paid in one asset: one pricing serves all rays that move them alike.

    `rows` (contracts,) are their places among all. `first` are rays that differ, `number` (rays,) is which of
    these each ray is like; `log_iv` and `log_forward` (contracts, rays that differ) are logarithms of moves
    at multiple 1.
    """

    rows: NDArray[np.intp]
    contracts: Contracts
    first: NDArray[np.intp]
    number: NDArray[np.intp]
    log_iv: NDArray[np.float64]
    log_forward: NDArray[np.float64]


def _alike(held: Holdings, rays: Rays, log_factor: NDArray[np.float64]) -> Iterator[_Alike]:
    every, size = held.contracts, held.scenarios.parameters
    bases = {underlying: i for i, underlying in enumerate(held.axes.bases)}
    factors = zip(every.price_factor.tolist(), every.payment_factor.tolist(), strict=True)
    for price, payment in sorted(set(factors)):
        rows = np.flatnonzero((every.price_factor == price) & (every.payment_factor == payment))
        contracts = every.take(rows)
        way, base = np.zeros(len(rays), dtype=np.int8), bases.get(contracts.underlying[0])
        if base is not None:
            way = rays.forward[:, base]
        moved = np.vstack([log_factor[[price, payment]], rays.vol, way]) + 0.0  # no -0.0
        _, first, number = np.unique(moved, axis=1, return_index=True, return_inverse=True)
        ways = np.broadcast_to(way[first], (len(rows), len(first)))
        yield _Alike(
            rows=rows,
            contracts=contracts,
            first=first,
            number=number.ravel(),
            log_iv=contracts.log_iv_factors(size.volatility)[:, rays.vol[first]],
            log_forward=contracts.log_forward_factors(ways, size.rays),
        )


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
