"""A portfolio as it would be after prices and volatilities have moved: everything marked again.

The result is a portfolio like any other, so that whatever is asked of it (score, requirement, distances) is a
real assessment after the move: marks and spots are the moved ones, perps have gained or lost, options are
valued anew, and each protocol's own rule is judged at the prices that its oracle would answer. What does not
move keeps its very numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypedDict

from aggregator.model.accounts import Account
from aggregator.model.errors import NativeUnknown
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.readings import Failure
from aggregator.risk.book import Book, book
from aggregator.risk.factors import Factor
from aggregator.risk.numbering import Numbering
from aggregator.risk.repricing import LEAST, Multipliers, answered, marked_again, priced, times_of
from aggregator.risk.scenarios import CustomScenario, ScenarioSet


def moved(
    portfolio: Portfolio, scenario: CustomScenario, scenarios: ScenarioSet, more: Iterable[Factor] = ()
) -> Portfolio:
    """The portfolio after a scenario, at the same block and time; it may also move what only `more` has.

    An account whose rule can't be asked at the moved prices loses it, and the portfolio is incomplete: its
    own health is unknown then. Prices that fall to nothing stay at one smallest unit of a protocol's oracle.
    What protocols reported is kept only of accounts whose own prices stand still. Raises BadConfiguration on
    a scenario that moves what nothing is, UnusablePrice where an asset has no mark.
    """
    today = book([portfolio], scenarios)
    numbering = Numbering(scenarios, portfolio.classes)
    moves = _moves(portfolio, today, scenario, numbering, more)
    accounts: list[Account] = []
    lost: list[tuple[Account, NativeUnknown]] = []
    for i, account in enumerate(marked_again(today, scenario, moves, numbering)):
        judged, error = _judged(account, moves, numbering, int(today.time[i]))
        accounts.append(judged)
        if error is not None:
            lost.append((account, error))
    return replace(
        portfolio,
        accounts=tuple(accounts),
        **priced(portfolio, moves, numbering),
        **without_native(portfolio, lost),
    )


def multipliers(
    portfolio: Portfolio,
    scenario: CustomScenario,
    scenarios: ScenarioSet,
    more: Iterable[Factor] = (),
) -> Multipliers:
    """What a scenario multiplies all that the portfolio and `more` depend on with; raises as `moved`."""
    today = book([portfolio], scenarios)
    return _moves(portfolio, today, scenario, Numbering(scenarios, portfolio.classes), more)


def moved_on(
    portfolio: Portfolio,
    origin: Portfolio,
    before: Multipliers,
    after: Multipliers,
    scenarios: ScenarioSet,
) -> Portfolio:
    """A portfolio marked at `before` times the prices of `origin`, as it is at `after` times them.

    Positions may differ from those of `origin`. Volatilities stand still, and so do the prices that accounts
    are judged at: see `judged_prices`. Marks are made of those of `origin`, so that nothing adds up over many
    small moves.
    """
    numbering = Numbering(scenarios, portfolio.classes)
    step = Multipliers(
        bases={u: after.bases[u] / max(times, LEAST) for u, times in before.bases.items()},
        pegs={peg: after.pegs[peg] / max(times, LEAST) for peg, times in before.pegs.items()},
    )
    accounts = marked_again(book([portfolio], scenarios), CustomScenario("moved on", {}), step, numbering)
    return replace(portfolio, accounts=tuple(accounts), **priced(origin, after, numbering))


class _Incomplete(TypedDict):
    failures: tuple[Failure, ...]
    coverage: Coverage


def without_native(portfolio: Portfolio, lost: Sequence[tuple[Account, NativeUnknown]]) -> _Incomplete:
    """What changes of a portfolio whose accounts' own health is not known any more: it is incomplete."""
    failures = [
        Failure(account.protocol, account.label, account.chain, portfolio.wallet, error)
        for account, error in lost
    ]
    coverage, more = portfolio.coverage, len(failures)
    return _Incomplete(
        failures=(*portfolio.failures, *failures),
        coverage=replace(coverage, expected=coverage.expected + more, failed=coverage.failed + more),
    )


def _moves(
    portfolio: Portfolio,
    today: Book,
    scenario: CustomScenario,
    numbering: Numbering,
    more: Iterable[Factor] = (),
) -> Multipliers:
    factors = [
        *more,
        *today.factors,
        *(numbering.of(asset) for asset in portfolio.marks),
        *(Factor(underlying) for underlying in portfolio.spots),
    ]
    axes = today.scenarios.axes(factors)
    rays = today.scenarios.custom([scenario], axes)
    return Multipliers(
        bases={u: 1.0 + float(move) for u, move in zip(axes.bases, rays.base[0], strict=True)},
        pegs={peg: 1.0 + float(move) for peg, move in zip(axes.pegs, rays.peg[0], strict=True)},
    )


def _judged(
    account: Account, moves: Multipliers, numbering: Numbering, time: int
) -> tuple[Account, NativeUnknown | None]:
    """The account at the prices of its own oracle; without its rule, and why, where that has no answer."""
    rule = account.rule
    if rule is None:
        return account, None
    factors = {feed.asset: times_of(feed, moves, numbering) for feed in rule.feeds}
    if all(factor == 1.0 for factor in factors.values()):
        return account, None
    prices = {asset: answered(price, factors[asset]) for asset, price in account.prices.items()}
    try:
        rule.health(prices, time)
    except Exception as error:  # noqa: BLE001  # whatever an adapter's rule does is told of its own account
        return replace(account, rule=None, reported=None), NativeUnknown.raised(account.label, error)
    return replace(account, judged_at=prices, reported=None), None
