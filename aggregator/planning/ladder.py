"""The ladder: at which price of each underlying an account is liquidated, and what follows from there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from aggregator.contract import RuleFamily
from aggregator.model.accounts import Account
from aggregator.model.assets import USD, AssetId
from aggregator.model.cascades import Rung
from aggregator.model.errors import UnusablePrice
from aggregator.model.portfolio import Portfolio
from aggregator.planning.borrowers import Borrowers
from aggregator.planning.cascade import Terms, cascade
from aggregator.planning.unjudged import unjudged
from aggregator.risk.book import book
from aggregator.risk.liquidation import by_underlying
from aggregator.risk.moving import multipliers
from aggregator.risk.native import native_groups
from aggregator.risk.numbering import Numbering
from aggregator.risk.repricing import judged_prices
from aggregator.risk.scenarios import CustomScenario, ScenarioSet

NUDGES = 40
"""Of a price that the fast form of a rule finds, each twice the one before, until the exact rule fails."""

FIRST_NUDGE = 1e-10


def ladder(
    portfolio: Portfolio,
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
    terms: Terms | None = None,
    borrowers: Borrowers | None = None,
) -> tuple[Rung, ...]:
    """A rung for each account and each way that one underlying's price may go, the nearest first.

    Down to 1% and up to 100 times today's price, others standing still. What can be liquidated now has one
    rung at today's price. Raises as `cascade` does, and BadConfiguration where no adapter brings a rule.
    """
    found = [*_now(portfolio), *_crossings(portfolio, families, scenarios)]
    rungs = []
    for account, underlying, multiple in found:
        shock = CustomScenario(f"{underlying} {multiple - 1.0:+.4%}", {underlying: multiple - 1.0})
        if multiple == 1.0:
            shock = CustomScenario("today", {})
        done = cascade(portfolio, [shock], scenarios=scenarios, terms=terms, borrowers=borrowers).cascade
        named = dict.fromkeys(step.account_id for step in done.steps)
        rungs.append(
            Rung(
                account_id=account.id,
                label=account.label,
                underlying=underlying,
                price_usd=portfolio.spots[underlying] * multiple,
                distance=multiple - 1.0,
                liquidated_usd=done.liquidated_usd,
                cost_usd=done.own_cost_usd,
                follows=tuple(name for name in named if name != account.id),
            )
        )
    return tuple(sorted(rungs, key=lambda rung: (abs(math.log1p(rung.distance)), rung.account_id)))


def unknown_rungs(portfolio: Portfolio) -> tuple[str, ...]:
    """What is said of accounts that may have a rung and have none: whose rule nobody knows, or can ask."""
    told = [sentence for _, sentence in unjudged(portfolio)]
    for account in portfolio.accounts:
        if account.rule is None:
            if account.reported is not None and account.reported.liquidatable:
                told.append(f"{account.label}: its protocol can liquidate it now, and its rule is not known")
            continue
        try:
            account.rule.health(account.prices, _time(portfolio, account))
        except (UnusablePrice, ArithmeticError, ValueError) as error:
            told.append(f"{account.label}: whether it is liquidated is not known: {error}")
    return tuple(told)


def _now(portfolio: Portfolio) -> Iterator[tuple[Account, str, float]]:
    """Accounts that can be liquidated at today's prices, by the first underlying that moves, or dollars."""
    for account in portfolio.accounts:
        if account.rule is None or not _fails(portfolio, account, account.prices):
            continue
        names = [
            portfolio.classes[f.asset].underlying for f in account.rule.feeds if f.asset in portfolio.classes
        ]
        moving = [name for name in names if name != USD and name in portfolio.spots]
        yield account, moving[0] if moving else USD, 1.0


def _crossings(
    portfolio: Portfolio, families: Mapping[str, RuleFamily], scenarios: ScenarioSet
) -> Iterator[tuple[Account, str, float]]:
    today = book([portfolio], scenarios)
    for crossing in by_underlying(today, native_groups(today, families)):
        account = portfolio.accounts[crossing.account]
        if crossing.moved not in portfolio.spots:
            continue
        multiple = _exact(portfolio, account, crossing.moved, crossing.multiple, scenarios)
        if multiple is not None:
            yield account, crossing.moved, multiple


def _exact(
    portfolio: Portfolio, account: Account, underlying: str, multiple: float, scenarios: ScenarioSet
) -> float | None:
    """The price at which the exact rule fails, too, by rounding a little further; None where it does not."""
    if account.rule is None:
        return None
    numbering = Numbering(scenarios, portfolio.classes)
    way = -1.0 if multiple < 1.0 else 1.0
    for nudge in (0.0, *(FIRST_NUDGE * 2.0**n for n in range(NUDGES))):
        at = multiple * (1.0 + way * nudge)
        if not 0.0 < at < 200.0:
            return None
        moves = multipliers(portfolio, CustomScenario("rung", {underlying: at - 1.0}), scenarios)
        prices = judged_prices(account.rule, account.prices, moves, numbering)
        if _fails(portfolio, account, prices):
            return at
    return None


def _time(portfolio: Portfolio, account: Account) -> int:
    observed = account.observed
    return portfolio.blocks[account.chain].timestamp if observed is None else observed.time


def _fails(portfolio: Portfolio, account: Account, prices: Mapping[AssetId, int]) -> bool:
    if account.rule is None:
        return False
    try:
        return account.rule.health(prices, _time(portfolio, account)).liquidatable
    except (UnusablePrice, ArithmeticError, ValueError):
        return False
