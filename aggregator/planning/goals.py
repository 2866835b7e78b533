"""What a plan must reach or keep, as figures in USD that must not be below zero."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, NamedTuple, Protocol

from aggregator.model.accounts import Account
from aggregator.model.ahead import AveragedRule
from aggregator.model.assets import Asset
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import Health
from aggregator.planning.candidates import balance
from aggregator.planning.later import later_test
from aggregator.planning.problem import Problem
from aggregator.pricing.book import usd
from aggregator.risk.copies import Copy
from aggregator.risk.moving import moved
from aggregator.risk.scenarios import CustomScenario, ScenarioSet

CUSHION = 1e-6
"""Targets are aimed at so much higher: rounding misses none."""


class Figure(NamedTuple):
    """What a figure is of: a wallet's balance of an asset, an account's health today or in a stress, or the
    whole in one place; `of` is the account's id, or tells balances and places apart."""

    kind: Literal["wallet", "health", "stress", "whole"]
    of: str

    def __str__(self) -> str:
        return f"{self.kind} {self.of}"

    @property
    def target(self) -> str:
        """Whose shortfall a miss of it is: an account's, whatever it is missed in, or that of the whole."""
        return "whole" if self.kind == "whole" else f"account {self.of}"


Rows = dict[Figure, float]


def lacking_usd(figures: Rows) -> float:
    """What wallets lack of what they pay."""
    return sum(-value for figure, value in figures.items() if figure.kind == "wallet" and value < 0.0)


def missing_usd(figures: Rows) -> float:
    """How far goals are missed in USD: of each account, and of the whole, by its largest shortfall."""
    missed: dict[str, float] = {}
    for figure, value in figures.items():
        if value < 0.0 and figure.kind != "wallet":
            missed[figure.target] = max(missed.get(figure.target, 0.0), -value)
    return sum(missed.values())


class Goal(Protocol):
    """A target of accounts, each by itself: N >= health*Q; `told` says to what, in words."""

    @property
    def health(self) -> Fraction:
        """The least N/Q."""
        ...

    @property
    def told(self) -> str:
        """Such as: to a health of 1.25."""
        ...

    def rows(self, copy: Copy, accounts: Iterable[str]) -> Rows:
        """The figure of each of these accounts that the goal is about, by its name."""
        ...


@dataclass(frozen=True, slots=True)
class Goals:
    """Those of accounts, and the stress multiple that the whole must survive (0: any)."""

    accounts: tuple[Goal, ...]
    kappa: float


@dataclass(frozen=True, slots=True)
class HealthGoal:
    """Every account keeps N >= h*Q by its own test at today's prices, now and, if asked, sent later.

    Where its protocol judges at averages of the past, also while these catch up with today's prices.
    """

    health: Fraction
    later: bool = False

    @property
    def told(self) -> str:
        """See Goal."""
        return f"to a health of {float(self.health):g}"

    def rows(self, copy: Copy, accounts: Iterable[str]) -> Rows:
        """N - h*Q in USD."""
        return {
            Figure("health", account.id): min(spare_usd(copy, account, one, self.health) for one in said)
            for account, said in _judged(copy, accounts, later=self.later)
        }


@dataclass(frozen=True, slots=True)
class StressGoal:
    """Every account passes its own test after a scenario, with health h."""

    scenario: CustomScenario
    scenarios: ScenarioSet
    health: Fraction
    later: bool = False

    @property
    def told(self) -> str:
        """See Goal."""
        return f"to survive {self.scenario.name}"

    def rows(self, copy: Copy, accounts: Iterable[str]) -> Rows:
        """N - h*Q in USD at the scenario's prices, of accounts that can be judged there."""
        found: Rows = {}
        for account in accounts:
            if account not in copy.accounts:
                continue
            alone = replace(copy.portfolio, accounts=(copy.accounts[account],))
            after = Copy.of(moved(alone, self.scenario, self.scenarios))
            for judged, said in _judged(after, after.accounts, later=self.later):
                spare = min(spare_usd(after, judged, one, self.health) for one in said)
                found[Figure("stress", judged.id)] = spare
        return found


def goals_of(problem: Problem, above: float) -> Goals:
    """The targets of a problem, or so much above them (a share), and then for a while."""
    targets, more, later = problem.targets, 1 + Fraction(str(above)), above > 0.0
    accounts: list[Goal] = [HealthGoal(Fraction(str(targets.health)) * more, later)]
    if problem.stress is not None:
        floor = Fraction(str(targets.floor)) * more
        accounts.append(StressGoal(problem.stress, problem.scenarios, floor, later))
    return Goals(tuple(accounts), targets.kappa * (1.0 + above))


def balances(copy: Copy, purses: Mapping[str, Iterable[Asset]]) -> Rows:
    """What wallets have of each asset in USD; what is owed is below zero."""
    found: Rows = {}
    for purse, assets in purses.items():
        for asset in assets:
            unit_usd = usd(copy.portfolio.marks[asset.id]) / 10**asset.decimals
            found[Figure("wallet", f"{purse} {asset.id}")] = float(balance(copy, purse, asset) * unit_usd)
    return found


def own_test(copy: Copy, account: Account, ahead: int = 0) -> Health | None:
    """What the account's rule says at the prices that it is judged at, `ahead` seconds after its block.

    None where it has no rule, or that tells nothing.
    """
    if account.rule is None:
        return None
    try:
        return account.rule.health(account.prices, copy.portfolio.blocks[account.chain].timestamp + ahead)
    except UnusablePrice:
        return None


def ahead_tests(copy: Copy, account: Account) -> tuple[Health | None, ...]:
    """What the account's own test says at either end of what averages go through at flat prices.

    The worse end first; nothing where its protocol takes no averages, or they stand still.
    """
    if not isinstance(account.rule, AveragedRule):
        return ()
    time = copy.portfolio.blocks[account.chain].timestamp
    try:
        return tuple(
            one.rule.health(one.prices, one.time) for one in account.rule.ahead(account.prices, time)
        )
    except UnusablePrice:
        return (None,)


def spare_usd(copy: Copy, account: Account, said: Health, least: Fraction) -> float:
    """N - h*Q of an account's own test in USD."""
    spare = said.power - least * said.requirement
    return float(spare / 10**said.decimals) * currency_usd(copy, account)


def currency_usd(copy: Copy, account: Account) -> float:
    """What a unit of the currency of the account's rule is worth.

    Raises UnusablePrice where it has no mark.
    """
    feeds = () if account.rule is None else account.rule.feeds
    quote = next((feed.quote for feed in feeds if feed.quote is not None), None)
    if quote is None:
        return 1.0
    if quote not in copy.portfolio.marks:
        raise UnusablePrice(quote, "its mark", 0)
    return usd(copy.portfolio.marks[quote])


def _judged(copy: Copy, accounts: Iterable[str], *, later: bool) -> Iterator[tuple[Account, list[Health]]]:
    """Accounts with what their rules say now, later where that is asked for, and once averages caught up."""
    for one in accounts:
        account = copy.accounts.get(one)
        if account is None:
            continue
        said = [own_test(copy, account), *ahead_tests(copy, account)]
        if later:
            said.append(later_test(copy, account))
        told = [health for health in said if health is not None]
        if told:
            yield account, told
