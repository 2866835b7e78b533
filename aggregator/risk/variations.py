"""The kappa of many portfolios that differ from one in a single account each, from one evaluation of all.

Silo values add up: of a portfolio with another account in an account's place the whole is that of the rest
and the other one. So every account, old and new, is valued once along rays and draws, and a portfolio costs a
sum. The figures are those of `assess` of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.risk.book import Book, book
from aggregator.risk.grid import BLOCKS, STANDARD, first_crossing
from aggregator.risk.requirement import add_ons, counted
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.tail import LEVELS, Drawn, tail_count, tail_mean

Floats = NDArray[np.float64]

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

    def wholes(self, values: Floats) -> Floats:
        """What each portfolio counts, (swaps, ...), of silo values (accounts, ...)."""
        silos = counted(self.book, values)
        gone = np.concatenate([silos, np.zeros((1, *silos.shape[1:]))])[self.replaced]
        result: Floats = silos[: self.count].sum(axis=0) - gone + silos[self.count :]
        return result


def kappas(portfolio: Portfolio, swaps: Sequence[Swap], scenarios: ScenarioSet) -> Floats:
    """The kappa of the portfolio after each swap, (swaps,); rules of its accounts play no part.

    Raises ArithmeticError where an account has no value in a scenario.
    """
    parts = [swaps[i : i + TOGETHER] for i in range(0, len(swaps), TOGETHER)]
    return np.concatenate([np.zeros(0), *(_kappas(portfolio, part, scenarios) for part in parts)])


def _kappas(portfolio: Portfolio, swaps: Sequence[Swap], scenarios: ScenarioSet) -> Floats:
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
    return np.minimum(scanned, _drawn(varied, scanned))


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


def _drawn(varied: _Varied, scanned: Floats) -> Floats:
    """Over the draws, as `tail` follows them: as far as it could be before `scanned`."""
    one = varied.book
    size = one.scenarios.parameters.draws
    count, drawn = tail_count(size.confidence, size.count), Drawn.of(one)
    left = [varied.wholes(one.equity_usd()) - varied.add_on_usd]
    for i in range(1, len(LEVELS)):
        if np.all((np.array(left) < 0.0).any(axis=0) | (scanned <= LEVELS[i - 1])):
            break
        values = drawn.worst(LEVELS[i], count, varied.wholes)
        left.append(tail_mean(varied.wholes(values), count) - varied.add_on_usd)
    return first_crossing(LEVELS[: len(left)], np.stack(left, axis=1))
