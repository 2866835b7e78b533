"""The kappa of many portfolios that differ from one in a single account each, from one evaluation of all.

Silo values add up: of a portfolio with another account in an account's place the whole is that of the rest
and the other one. So every account, old and new, is valued once along rays and draws, and a portfolio costs a
sum. Draws are followed only where a portfolio might cross: bounds alone tell that a small change of one that
is far from it does not. The figures are those of `assess` of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.risk.book import Book, book
from aggregator.risk.extremes import least_values
from aggregator.risk.grid import BLOCKS, STANDARD, first_crossing
from aggregator.risk.paths import Paths
from aggregator.risk.requirement import add_ons, counted, counted_at
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.tail import LEVELS, Drawn, tail_count, tail_mean

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

ROUNDING = 1e-9
"""Of gross value: how near to nothing a bound may come and still tell a sign."""

TOGETHER = 128
"""Swaps that are evaluated at once: what they need along all rays is some dozen MB."""


@dataclass(frozen=True, slots=True)
class Swap:
    """An account in place of the one of this number, None: beside all of them."""

    place: int | None
    account: Account

    def of(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        """The accounts after it."""
        if self.place is None:
            return (*accounts, self.account)
        return (*accounts[: self.place], self.account, *accounts[self.place + 1 :])


@dataclass(frozen=True, eq=False, slots=True)
class _Varied:
    """A book of all accounts, the first `count` of them the portfolio's own; then that of each swap.

    `replaced` (swaps,) are the rows of the accounts that go: `count` + swaps, a row of nothing, for none.
    `add_on_usd` (swaps,) is A of each portfolio.
    """

    book: Book
    count: int
    replaced: NDArray[np.intp]
    add_on_usd: Floats

    def wholes(self, values: Floats, swaps: Places | None = None) -> Floats:
        """What each portfolio, or each of some, counts, (swaps, ...), of silo values (accounts, ...)."""
        some = np.arange(len(self.replaced)) if swaps is None else swaps
        silos = counted(self.book, values)
        gone = np.concatenate([silos, np.zeros((1, *silos.shape[1:]))])[self.replaced[some]]
        result: Floats = silos[: self.count].sum(axis=0) - gone + silos[self.count + some]
        return result

    def least_gain(self, paths: Paths, level: float) -> Floats:
        """What each portfolio counts in any path more than the one without swaps, at the least, (swaps,).

        f_v is concave and f_v(2e) = 2f_v(e): f_v(e') - f_v(e) is no less than f_v(e' - e). -inf where an
        account is exchanged for one that counts by another share.
        """
        number, count = len(self.replaced), self.count
        sums = np.zeros((number, count + number + 1))
        sums[np.arange(number), count + np.arange(number)] = 1.0
        sums[np.arange(number), self.replaced] -= 1.0
        kept = self.book.kept
        alike = np.concatenate([kept, [np.nan]])[self.replaced] == kept[count:]
        least = counted_at(kept[count:], least_values(paths, level, sums[:, :-1]))
        result: Floats = np.where(alike | (self.replaced == count + number), least, -np.inf)
        return result


def kappas(
    portfolio: Portfolio, swaps: Sequence[Swap], scenarios: ScenarioSet, *, drawn: Sequence[float]
) -> Floats:
    """The kappa of the portfolio after each swap, (swaps,); rules of its accounts play no part.

    `drawn` is TailMean of the portfolio itself in USD at the first of LEVELS, as far as it is known: what is
    far from zero there need not be drawn again for a swap. Raises ArithmeticError where an account has no
    value in a scenario.
    """
    parts = [swaps[i : i + TOGETHER] for i in range(0, len(swaps), TOGETHER)]
    return np.concatenate([np.zeros(0), *(_kappas(portfolio, part, scenarios, drawn) for part in parts)])


def _kappas(
    portfolio: Portfolio, swaps: Sequence[Swap], scenarios: ScenarioSet, drawn: Sequence[float]
) -> Floats:
    own, count = portfolio.accounts, len(portfolio.accounts)
    new = (replace(swap.account, id=f"{swap.account.id}#{i}") for i, swap in enumerate(swaps))
    after = [replace(portfolio, accounts=swap.of(own)) for swap in swaps]
    none = count + len(swaps)  # a row that counts nothing
    varied = _Varied(
        book=book([replace(portfolio, accounts=(*own, *new))], scenarios),
        count=count,
        replaced=np.array([none if swap.place is None else swap.place for swap in swaps], dtype=np.intp),
        add_on_usd=add_ons(book(after, scenarios)).wallet,
    )
    scanned = _scanned(varied)
    return np.minimum(scanned, _drawn(varied, scanned, drawn))


def _scanned(varied: _Varied) -> Floats:
    """Along all rays, as `scan` follows them."""
    one = varied.book
    revaluation = Revaluation.of(one, one.scenarios.rays(one.axes, options=len(one.contracts) > 0))
    levels, left = np.zeros(0), np.zeros((len(varied.replaced), 0))
    for block in (STANDARD, *BLOCKS[1:]):
        least = varied.wholes(revaluation.values(block)).min(axis=2)
        if np.isnan(least).any():
            raise ArithmeticError("an account's value in a scenario is not a number")
        levels = np.concatenate([levels, block])
        left = np.concatenate([left, least - varied.add_on_usd[:, None]], axis=1)
        if (left < 0.0).any(axis=1).all():
            break
    return first_crossing(levels, left)


def _drawn(varied: _Varied, scanned: Floats, known: Sequence[float]) -> Floats:
    """Over the draws, as `tail` follows them: as far as it could be before `scanned`."""
    one, number = varied.book, len(scanned)
    follow = _Draws(varied, Drawn.of(one))
    slack = ROUNDING * float(one.gross_usd().sum())
    kappa, crossed = np.full(number, np.inf), np.zeros(number, dtype=np.bool_)
    for i in range(1, len(LEVELS)):
        ahead = ~crossed & (scanned > LEVELS[i - 1])
        if not ahead.any():
            break
        if i < len(known):
            least = known[i] + varied.least_gain(follow.drawn.paths, LEVELS[i]) - varied.add_on_usd
            ahead &= ~(least > slack)  # what is not a number is drawn, to be refused
        doubtful = np.flatnonzero(ahead)
        left = follow.left(i, doubtful)
        below = doubtful[left < 0.0]
        ends = np.column_stack([follow.left(i - 1, below), left[left < 0.0]])
        kappa[below] = first_crossing(LEVELS[i - 1 : i + 1], ends)
        crossed[below] = True
    return kappa


class _Draws:
    """TailMean of portfolios less their add-ons, each at the levels at which it is asked for."""

    def __init__(self, varied: _Varied, drawn: Drawn) -> None:
        self.drawn = drawn
        self._varied = varied
        size = varied.book.scenarios.parameters.draws
        self._count = tail_count(size.confidence, size.count)
        self._found = np.full((len(LEVELS), len(varied.replaced)), np.nan)
        self._found[0] = varied.wholes(varied.book.equity_usd()) - varied.add_on_usd

    def left(self, level: int, swaps: Places) -> Floats:
        """Of these swaps at the level of this number, (swaps,)."""
        missing = swaps[np.isnan(self._found[level, swaps])]
        if missing.size:

            def wholes(values: Floats) -> Floats:
                return self._varied.wholes(values, missing)

            values = self.drawn.worst(LEVELS[level], self._count, wholes)
            means = tail_mean(wholes(values), self._count)
            self._found[level, missing] = means - self._varied.add_on_usd[missing]
        found: Floats = self._found[level, swaps]
        return found
