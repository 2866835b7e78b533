"""What moves a price: an underlying, and the pegs between it and the token.

P = S_u * k * (1 + b): scenarios multiply S by (1 + x_u) and 1 + b by (1 + d) for every peg. A perpetual
trades at a basis of its own to the same underlying.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.model.assets import USD


@dataclass(frozen=True, slots=True, order=True)
class Peg:
    """A token's peg to its underlying.

    Tokens of one symbol and class, on any chain, are one peg: they have one issuer. `name` is the
    configuration's symbol, or the asset id of a token that it does not list.
    """

    name: str
    underlying: str
    risk_class: str


@dataclass(frozen=True, slots=True)
class Factor:
    """What a price is a product of; `USD` never moves, a dollar paid in a stablecoin has its peg.

    `perp`: the price of a perpetual on the underlying, which has a basis to it.
    """

    underlying: str
    pegs: tuple[Peg, ...] = ()
    perp: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """The underlyings (without USD) and pegs that a set of factors depends on, in a fixed order.

    `perps` are those of the underlyings on which there is a perpetual.
    """

    bases: tuple[str, ...]
    pegs: tuple[Peg, ...]
    perps: frozenset[str] = frozenset()

    @staticmethod
    def of(factors: Iterable[Factor], order: Iterable[str]) -> Axes:
        """The axes of these factors: underlyings in `order` first, then the others by name."""
        factors = tuple(factors)
        rank: Mapping[str, int] = {name: i for i, name in enumerate(order)}
        bases = {factor.underlying for factor in factors} - {USD}
        pegs = {peg for factor in factors for peg in factor.pegs}
        return Axes(
            bases=tuple(sorted(bases, key=lambda u: (rank.get(u, len(rank)), u))),
            pegs=tuple(sorted(pegs)),
            perps=frozenset(factor.underlying for factor in factors if factor.perp) - {USD},
        )

    def loadings(self, factors: Iterable[Factor]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How often each base and each peg enters each factor: shapes (factors, bases), (factors, pegs)."""
        factors = tuple(factors)
        base_at = {name: i for i, name in enumerate(self.bases)}
        peg_at = {peg: i for i, peg in enumerate(self.pegs)}
        bases = np.zeros((len(factors), len(self.bases)))
        pegs = np.zeros((len(factors), len(self.pegs)))
        for row, factor in enumerate(factors):
            if factor.underlying != USD:
                bases[row, base_at[factor.underlying]] = 1.0
            for peg in factor.pegs:
                pegs[row, peg_at[peg]] += 1.0
        return bases, pegs

    def basis_loadings(self, factors: Iterable[Factor]) -> NDArray[np.float64]:
        """Which factors have the basis of a perpetual on each base: 1 or 0, shape (factors, bases)."""
        factors = tuple(factors)
        loading = np.zeros((len(factors), len(self.bases)))
        for row, factor in enumerate(factors):
            if factor.perp and factor.underlying != USD:
                loading[row, self.bases.index(factor.underlying)] = 1.0
        return loading
