"""How far each factor, and all together, may move before something fails (RISK.md section 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggregator.model.distance import CriticalPrice, Distance, ReverseStress
from aggregator.model.portfolio import Portfolio
from aggregator.pricing.book import assets_of, usd
from aggregator.risk.book import Book
from aggregator.risk.covariance import betas, covariance
from aggregator.risk.greeks import deltas_usd
from aggregator.risk.liquidation import by_underlying
from aggregator.risk.native import NativeGroup, headroom, margins
from aggregator.risk.numbering import Numbering
from aggregator.risk.requirement import add_ons
from aggregator.risk.reverse_stress import FARTHEST, linear, nearest_ruin

Floats = NDArray[np.float64]

GRID = np.linspace(0.0, FARTHEST, 257)
"""Log moves per direction: the nearest root is bracketed to 1.8% of a price."""

HALVINGS = 60
"""Of such a bracket: to the last bit."""


@dataclass(frozen=True, eq=False, slots=True)
class _Path:
    """A factor that moves: log moves of all bases and pegs per log move of its own."""

    factor: str
    kind: Literal["underlying", "peg"]
    others: Literal["still", "correlated"]
    base: Floats
    peg: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Gaps:
    """What is left of the whole and of each account of a book of one portfolio when prices move.

    `exposures`, `holdings`, `bases` and `pegs` are those of the book; `add_on_usd` is the whole's A.
    """

    book: Book
    groups: tuple[NativeGroup, ...]
    exposures: Floats
    holdings: Floats
    bases: Floats
    pegs: Floats
    add_on_usd: float

    @staticmethod
    def of(book: Book, groups: tuple[NativeGroup, ...]) -> Gaps:
        """Everything that does not depend on a move."""
        bases, pegs = book.axes.loadings(book.factors)
        add_on = float(add_ons(book).wallet[0])
        return Gaps(book, groups, book.exposures(), book.holdings(), bases, pegs, add_on)

    def factors(self, log_base: Floats, log_peg: Floats) -> Floats:
        """What each factor is multiplied with, (factors, points), at log moves (points, bases or pegs)."""
        factors: Floats = np.exp(self.bases @ log_base.T + self.pegs @ log_peg.T)
        return factors

    def equity_usd(self, factors: Floats) -> Floats:
        """E_v, shape (accounts, points); volatility stands still."""
        units = self.book.contracts.values(factors, np.ones((len(self.book.contracts), factors.shape[1])))
        equity: Floats = self.exposures @ factors + self.holdings @ units
        return equity

    def whole(self, factors: Floats) -> Floats:
        """E - A, shape (points,)."""
        left: Floats = self.equity_usd(factors).sum(axis=0) - self.add_on_usd
        return left

    def all(self, factors: Floats) -> Floats:
        """E - A and each G_v in USD, shape (1 + accounts, points)."""
        E = self.equity_usd(factors)
        N, Q = margins(self.groups, len(self.book.accounts), factors)
        return np.vstack([E.sum(axis=0) - self.add_on_usd, headroom(N, Q, E)])


def distance(book: Book, groups: tuple[NativeGroup, ...]) -> Distance:
    """Critical prices and the reverse stress of a book of one portfolio; volatility and time stand still.

    What has failed already has no critical price, and neither has an account whose own test has no answer.
    """
    gaps = Gaps.of(book, groups)
    return Distance(tuple(_prices(gaps)), _joint(gaps))


def _paths(book: Book) -> Iterator[_Path]:
    bases, pegs = book.axes.bases, book.axes.pegs
    still, none = np.zeros(len(bases)), np.zeros(len(pegs))
    beta = betas(covariance(book.scenarios, bases))
    for i, underlying in enumerate(bases):
        yield _Path(underlying, "underlying", "still", np.eye(len(bases))[i], none)
        if len(bases) > 1:
            yield _Path(underlying, "underlying", "correlated", beta[i], none)
    for i, peg in enumerate(pegs):
        yield _Path(peg.name, "peg", "still", still, np.eye(len(pegs))[i])


def _prices(gaps: Gaps) -> Iterator[CriticalPrice]:
    book = gaps.book
    today = _today_usd(book)

    def named(row: int, path: _Path, multiple: float) -> CriticalPrice:
        spot = today.get((path.kind, path.factor))
        return CriticalPrice(
            account_id=None if row == 0 else book.accounts[row - 1].id,
            factor=path.factor,
            kind=path.kind,
            others=path.others,
            direction="down" if multiple < 1.0 else "up",
            price_usd=None if spot is None else spot * multiple,
            distance=multiple - 1.0,
        )

    # An account's own test along one underlying alone has its own search, which `health` shows as well.
    ruled = {1 + int(account) for group in gaps.groups for account in group.account}
    # Where nothing is required headroom is equity: of one that nobody can judge that would say too little.
    unjudged = set(book.portfolios[0].unjudged)
    lost = {1 + row for row, account in enumerate(book.accounts) if account.id in unjudged}
    for path in _paths(book):
        alone = path.kind == "underlying" and path.others == "still"
        for steps in (-GRID, GRID):
            for row, step in roots(_along(gaps, path), steps):
                if row not in lost and not (alone and row in ruled):
                    yield named(row, path, float(np.exp(step)))
        if alone:
            for crossing in by_underlying(book, gaps.groups):
                if crossing.moved == path.factor:
                    yield named(1 + crossing.account, path, crossing.multiple)


def roots(left: Callable[[Floats], Floats], steps: Floats) -> list[tuple[int, float]]:
    """The first step of a grid at which each row of `left`, (rows, steps), turns negative, to the last bit.

    Rows that are negative at the first step, or nowhere, are left out. Two roots between neighbouring steps
    are missed.
    """
    failing = left(steps) < 0.0
    rows = np.flatnonzero(~failing[:, 0] & failing.any(axis=1))
    if not rows.size:
        return []
    first = failing[rows].argmax(axis=1)
    safe, broken = steps[first - 1], steps[first]
    for _ in range(HALVINGS):
        middle = 0.5 * (safe + broken)
        fails = left(middle)[rows, np.arange(len(rows))] < 0.0
        safe, broken = np.where(fails, safe, middle), np.where(fails, middle, broken)
    return list(zip(map(int, rows), map(float, broken), strict=True))


def _along(gaps: Gaps, path: _Path) -> Callable[[Floats], Floats]:
    """What is left at log moves of a path's own factor."""

    def left(steps: Floats) -> Floats:
        return gaps.all(gaps.factors(np.outer(steps, path.base), np.outer(steps, path.peg)))

    return left


def _joint(gaps: Gaps) -> ReverseStress | None:
    book = gaps.book
    moving = [i for i, u in enumerate(book.axes.bases) if book.scenarios.daily_volatility(u) > 0.0]
    names = [book.axes.bases[i] for i in moving]
    if not names or not book.gross_usd().any():
        return None
    sigma = covariance(book.scenarios, names)

    def left(points: Floats) -> Floats:
        moves = np.zeros((len(points), len(book.axes.bases)))
        moves[:, moving] = points
        return gaps.whole(gaps.factors(moves, np.zeros((len(points), len(book.axes.pegs)))))

    delta = deltas_usd(book, 0)
    equity = float(book.equity_usd().sum())
    first, nearest = linear(equity, np.array([delta.get(u, 0.0) for u in names]), sigma)
    rays = book.scenarios.rays(book.axes, options=False)
    scenario = np.log1p(rays.base[rays.weight == 1.0][:, moving])
    found = nearest_ruin(left, sigma, np.vstack([first, scenario]))
    if found is None:
        return None
    return ReverseStress(
        moves=tuple(zip(names, map(float, np.expm1(found[0])), strict=True)),
        mahalanobis=found[1],
        linear_moves=tuple(zip(names, map(float, first), strict=True)),
        linear_mahalanobis=nearest if np.isfinite(nearest) else None,
    )


def _today_usd(book: Book) -> dict[tuple[str, str], float]:
    """Today's price of each underlying, and of a token of each peg."""
    portfolio: Portfolio = book.portfolios[0]
    prices = {("underlying", u): spot for u, spot in portfolio.spots.items()}
    numbering = Numbering(book.scenarios, portfolio.classes)
    for account in portfolio.accounts:
        for asset in assets_of(account):
            for peg in numbering.of(asset).pegs:
                prices.setdefault(("peg", peg.name), usd(portfolio.marks[asset]))
    return prices
