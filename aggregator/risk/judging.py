"""Accounts whose own test has no answer, now or in a scenario: they lose it, and no other loses anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from aggregator.model.accounts import Account
from aggregator.model.errors import NativeUnknown
from aggregator.model.portfolio import Portfolio
from aggregator.risk.moving import without_native
from aggregator.risk.native import Unjudgeable

Answer = TypeVar("Answer")


def judging(
    portfolios: Sequence[Portfolio], evaluate: Callable[[Sequence[Portfolio]], Answer]
) -> tuple[Sequence[Portfolio], Answer]:
    """What `evaluate` says of portfolios, whose accounts it numbers in their order; and what it was asked of.

    Those are the portfolios as they are, but for accounts whose own test it found to have no answer
    (`Unjudgeable`): these have lost their rule, and their portfolio is incomplete.
    """
    while True:
        try:
            return portfolios, evaluate(portfolios)
        except Unjudgeable as found:
            portfolios = _without(portfolios, found)


def _without(portfolios: Sequence[Portfolio], found: Unjudgeable) -> list[Portfolio]:
    """The portfolios where these accounts have no rule; each round of `judging` has fewer rules left."""
    result: list[Portfolio] = []
    number = 0
    for portfolio in portfolios:
        accounts: list[Account] = []
        lost: list[tuple[Account, NativeUnknown]] = []
        for account in portfolio.accounts:
            error = found.errors.get(number)
            number += 1
            accounts.append(account if error is None else replace(account, rule=None))
            if error is not None:
                lost.append((account, NativeUnknown.raised(account.label, error)))
        known = replace(portfolio, accounts=tuple(accounts), **without_native(portfolio, lost))
        result.append(known if lost else portfolio)
    return result
