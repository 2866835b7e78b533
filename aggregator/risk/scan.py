"""Following every ray outward: what the whole and each account are worth, and where they stop surviving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import RuleFamily
from aggregator.risk.book import Book
from aggregator.risk.grid import BLOCKS, STANDARD, Branch, first_crossing
from aggregator.risk.native import NativeGroup, headroom, margins, native_groups
from aggregator.risk.rays import Rays
from aggregator.risk.requirement import AddOns, add_ons, counted
from aggregator.risk.revaluation import Revaluation

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Standard:
    """Up to one standard stress: `values` E_v(L, r) and `whole` U(L, r) of shapes (accounts or portfolios,
    levels, rays); `lowest` the least counted value of each account alone; `power` and `requirement` N and Q
    today; `blind` marks accounts whose own test sees more than the market leaves them (accounts,)."""

    values: Floats
    whole: Floats
    lowest: Floats
    power: Floats
    requirement: Floats
    blind: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Scan:
    """A book along all rays.

    `equity` and `gross` (accounts,) in USD. `kappa`, `solvency`, `operational` (portfolios,) and `native`
    (accounts,) are stress multiples, inf where nothing on the grid is too much; `binding` (accounts,) is the
    ray in which an account fails first. `branch` is what `kappa` was found in.
    """

    book: Book
    rays: Rays
    equity: Floats
    gross: Floats
    add_ons: AddOns
    groups: tuple[NativeGroup, ...]
    standard: Standard
    kappa: Floats
    solvency: Floats
    operational: Floats
    native: Floats
    binding: NDArray[np.intp]
    branch: Branch


def scan(book: Book, families: Mapping[str, RuleFamily]) -> Scan:
    """Evaluate a book along all rays (RISK.md sections 4 to 6).

    Raises BadConfiguration where no installed adapter brings a rule's family, ArithmeticError where an
    account has no value in a scenario.
    """
    rays = book.scenarios.rays(book.axes, options=len(book.contracts) > 0)
    follow = _Follow(
        revaluation=Revaluation.of(book, rays),
        charges=add_ons(book),
        groups=native_groups(book, families),
        gross=book.gross_usd(),
        alike=1e-12 * book.by_wallet(book.gross_usd())[:, None, None],
        transfer=_transfer_factors(book)[:, None, None],
        sure=np.flatnonzero((rays.weight == 1.0) & rays.spot),
    )
    standard, part = follow.standard()
    parts = [part]
    for levels in BLOCKS[1:]:
        if parts[-1].all_broken:
            break
        parts.append(follow.part(levels))
    levels = np.concatenate([part.levels for part in parts])
    gaps = np.concatenate([part.native for part in parts], axis=1)
    worst = np.concatenate([part.worst_ray for part in parts], axis=1)
    return Scan(
        book=book,
        rays=rays,
        equity=follow.revaluation.equity_usd,
        gross=follow.gross,
        add_ons=follow.charges,
        groups=follow.groups,
        standard=standard,
        kappa=first_crossing(levels, np.concatenate([part.survival for part in parts], axis=1)),
        solvency=first_crossing(levels, np.concatenate([part.solvent for part in parts], axis=1)),
        operational=first_crossing(levels, np.concatenate([part.movable for part in parts], axis=1)),
        native=first_crossing(levels, gaps),
        binding=worst[np.arange(len(gaps)), (gaps < 0.0).argmax(axis=1)],
        branch=Branch(
            levels=levels,
            whole=np.concatenate([part.whole for part in parts], axis=1),
            counted=np.concatenate([part.counted for part in parts], axis=1),
            ray=np.concatenate([part.ray for part in parts], axis=1),
        ),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Part:
    """The least over rays at some levels: F, sum E_v, sum of movable headroom (portfolios, levels); G_v and
    the ray of its least (accounts, levels). `whole` is U, and `ray` where it is least (portfolios, levels);
    `counted` is what accounts count there (accounts, levels)."""

    levels: Floats
    whole: Floats
    ray: NDArray[np.intp]
    counted: Floats
    survival: Floats
    solvent: Floats
    movable: Floats
    native: Floats
    worst_ray: NDArray[np.intp]

    @property
    def all_broken(self) -> bool:
        """Whether nothing further out can change any multiple."""
        searched = (self.survival, self.solvent, self.movable, self.native)
        return all(bool((values < 0.0).any(axis=1).all()) for values in searched)


@dataclass(frozen=True, eq=False, slots=True)
class _Follow:
    revaluation: Revaluation
    charges: AddOns
    groups: tuple[NativeGroup, ...]
    gross: Floats
    alike: Floats
    transfer: Floats
    sure: NDArray[np.intp]

    def part(self, levels: Floats) -> _Part:
        """The least over rays at these levels."""
        factors = self.revaluation.factors(levels)
        values = self.revaluation.weighted(factors, levels)
        silos = counted(self._book, values)
        return self._part(levels, factors, values, silos, self._book.by_wallet(silos))[0]

    def standard(self) -> tuple[Standard, _Part]:
        """The same up to one standard stress, with what is kept of it."""
        factors = self.revaluation.factors(STANDARD)
        values = self.revaluation.weighted(factors, STANDARD)
        silos = counted(self._book, values)
        whole = self._book.by_wallet(silos)
        part, N, Q, G = self._part(STANDARD, factors, values, silos, whole)
        slack = 1e-9 * self.gross[:, None, None]
        seen = values[:, :, self.sure] + slack < G
        kept = Standard(
            values=values,
            whole=whole,
            lowest=silos.min(axis=(1, 2)),
            power=N[:, 0, 0],
            requirement=Q[:, 0, 0],
            blind=np.any(seen, axis=(1, 2)),
        )
        return kept, part

    @property
    def _book(self) -> Book:
        return self.revaluation.book

    def _part(
        self, levels: Floats, factors: Floats, values: Floats, silos: Floats, whole: Floats
    ) -> tuple[_Part, Floats, Floats, Floats]:
        book, certain = self._book, values[:, :, self.sure]
        N, Q = margins(self.groups, len(book.accounts), factors[:, :, self.sure])
        G = headroom(N, Q, certain)
        movable = np.where(G > 0.0, self.transfer * G, G)
        least = whole.min(axis=2)
        # Of rays that differ by rounding only the first binds, whatever else is evaluated with them.
        ray = (whole <= least[:, :, None] + self.alike).argmax(axis=2)
        part = _Part(
            levels=levels,
            whole=least,
            ray=ray,
            counted=np.take_along_axis(silos, ray[book.wallet][:, :, None], axis=2)[:, :, 0],
            survival=least - self.charges.wallet[:, None],
            solvent=book.by_wallet(certain).min(axis=2),
            movable=book.by_wallet(movable).min(axis=2),
            native=G.min(axis=2),
            worst_ray=self.sure[G.argmin(axis=2)],
        )
        # What is not a number is below no limit: it would pass for surviving everything.
        if any(np.isnan(least).any() for least in (part.survival, part.solvent, part.movable, part.native)):
            raise ArithmeticError("an account's value in a scenario is not a number")
        return part, N, Q, G


def _transfer_factors(book: Book) -> Floats:
    """tau_v: what arrives of an account's headroom where it is needed.

    Bridged unless everything that has a requirement lives on the account's own chain.
    """
    size = book.scenarios.parameters
    needy: list[set[int]] = [
        {account.chain for account in portfolio.accounts if account.rule is not None}
        for portfolio in book.portfolios
    ]
    return np.array(
        [
            size.transfer_same_chain if needy[wallet] <= {account.chain} else size.transfer_bridged
            for account, wallet in zip(book.accounts, book.wallet, strict=True)
        ]
    )
