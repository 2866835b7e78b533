"""The protocols' own tests along rays: power N and requirement Q of every account that has a rule.

What a rule or its family does is an adapter's: where it raises, or answers what is no number, only the
accounts that it does so for are `Unjudgeable`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import Columns, RuleFamily, Shocked
from aggregator.model.accounts import Account
from aggregator.model.errors import BadConfiguration, UnusablePrice
from aggregator.model.portfolio import Portfolio
from aggregator.model.rules import Feed, Health, Rule
from aggregator.pricing.book import usd
from aggregator.risk.book import Book

Margins: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]


class Unjudgeable(Exception):
    """Accounts whose own test has no answer somewhere: `errors` says why by their number in the book."""

    def __init__(self, errors: Mapping[int, Exception]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True, eq=False, slots=True)
class NativeGroup:
    """The rules of one family at one time, evaluated together.

    `account` (accounts,) are positions in the book, `rules` what they are tested by; `feeds` those of all
    rules, `owner` (feeds,) their positions in `account`; `price` (feeds,) what each feed answered; `factor`,
    `against` (feeds,) what it moves with and what it is divided by, and `quote` what its quote currency moves
    with, by their numbers in the book; `quote_usd` (feeds,) what a unit of that currency is worth today;
    `in_usd`: all of them 1.
    """

    family: RuleFamily
    columns: Columns
    time: int
    account: NDArray[np.intp]
    rules: tuple[Rule, ...]
    feeds: tuple[Feed, ...]
    owner: NDArray[np.intp]
    price: NDArray[np.float64]
    factor: NDArray[np.intp]
    against: NDArray[np.intp]
    quote: NDArray[np.intp]
    quote_usd: NDArray[np.float64]
    in_usd: bool

    def margin(self, prices: NDArray[np.float64], quotes: NDArray[np.float64]) -> Margins:
        """(N, Q) in USD, each (accounts of the group, scenarios).

        `prices` and `quotes` (feeds, scenarios) are what each feed's price and the worth of its quote
        currency are multiplied with. Raises Unjudgeable where the family has no number for an account.
        """
        moved = self.price[:, None] * prices
        if self.in_usd:
            shocked = Shocked.in_usd(moved, self.time)
        else:
            shocked = Shocked(moved, self.time, self.quote_usd[:, None] * quotes)
        try:
            return _margin(self.family, self.columns, shocked, len(self.rules))
        except Exception as error:  # whatever a family does is told of its own accounts
            raise Unjudgeable(self._failing(shocked, error)) from error

    def _failing(self, shocked: Shocked, error: Exception) -> dict[int, Exception]:
        """Why each account fails that does so by itself; where none does the family fails for all."""

        def alone(row: int) -> None:
            own = self.owner == row
            mine = Shocked(shocked.prices[own], shocked.time, shocked.quote_usd[own])
            _margin(self.family, self.family.columns([self.rules[row]]), mine, 1)

        return _each(self.account.tolist(), alone, error)

    def moves(self, factors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What `margin` takes, where the book's factors are multiplied with `factors`, (factors, S)."""
        if self.in_usd:
            return factors[self.factor], factors[self.factor]  # the second is not looked at
        return factors[self.factor] / factors[self.against], factors[self.quote]


def native_groups(book: Book, families: Mapping[str, RuleFamily]) -> tuple[NativeGroup, ...]:
    """The book's rules by family and block time.

    Raises BadConfiguration where no installed adapter brings a rule's family, UnusablePrice where a feed's
    quote currency has no mark, Unjudgeable where a family can't take a rule.
    """
    wallets = book.wallet
    members: dict[tuple[str, int], list[tuple[int, Rule]]] = defaultdict(list)
    for i, account in enumerate(book.accounts):
        if account.rule is not None:
            members[account.rule.family, int(book.time[i])].append((i, account.rule))
    groups = []
    for (name, time), rules in members.items():
        if name not in families:
            raise BadConfiguration(
                f"rule family {name}", "no installed adapter brings it: install the one that read the account"
            )
        feeds = [(feed, i) for i, rule in rules for feed in rule.feeds]
        numbers = np.array([book.feed_factors[feed] for feed, _ in feeds], dtype=np.intp).reshape(-1, 3)
        counts = [len(rule.feeds) for _, rule in rules]
        groups.append(
            NativeGroup(
                family=families[name],
                columns=_columns(families[name], rules),
                time=time,
                account=np.array([i for i, _ in rules], dtype=np.intp),
                rules=tuple(rule for _, rule in rules),
                feeds=tuple(feed for feed, _ in feeds),
                owner=np.repeat(np.arange(len(rules)), counts),
                price=np.array([_price(book.accounts[i], feed) for feed, i in feeds], dtype=np.float64),
                factor=numbers[:, 0],
                against=numbers[:, 1],
                quote=numbers[:, 2],
                quote_usd=np.array(
                    [_quote_usd(book.portfolios[wallets[i]], feed) for feed, i in feeds], dtype=np.float64
                ),
                in_usd=all(feed.quote is None for feed, _ in feeds),
            )
        )
    return tuple(groups)


def exact_health(book: Book, account: int) -> Health | None:
    """What the rule of an account in the book says at its own prices; None without a rule.

    Raises Unjudgeable where it has no answer.
    """
    asked = book.accounts[account]
    if asked.rule is None:
        return None
    try:
        return asked.rule.health(asked.prices, int(book.time[account]))
    except Exception as error:  # as in NativeGroup.margin
        raise Unjudgeable({account: error}) from error


def _columns(family: RuleFamily, rules: Sequence[tuple[int, Rule]]) -> Columns:
    try:
        columns: Columns = family.columns([rule for _, rule in rules])
    except Exception as error:  # as in NativeGroup.margin

        def alone(row: int) -> None:
            family.columns([rules[row][1]])

        raise Unjudgeable(_each([i for i, _ in rules], alone, error)) from error
    return columns


def _each(accounts: Sequence[int], alone: Callable[[int], None], error: Exception) -> dict[int, Exception]:
    """What `alone` raises for each row of these accounts; `error` of all where it raises nothing."""
    errors: dict[int, Exception] = {}
    for row, account in enumerate(accounts):
        try:
            alone(row)
        except Exception as own:  # noqa: BLE001  # as in NativeGroup.margin
            errors[account] = own
    return errors or dict.fromkeys(accounts, error)


def _margin(family: RuleFamily, columns: Columns, shocked: Shocked, accounts: int) -> Margins:
    """(N, Q) of a family, all of them numbers; raises ArithmeticError where one is not, ValueError where
    they are not (accounts, scenarios)."""
    N, Q = family.margin(columns, shocked)
    shape = (accounts, shocked.prices.shape[1])
    if N.shape != shape or Q.shape != shape:
        raise ValueError(f"the margin of {family.name} has the shapes {N.shape} and {Q.shape}, not {shape}")
    if np.isnan(N).any() or np.isnan(Q).any():
        raise ArithmeticError("its margin at some prices is not a number")
    return N, Q


def _price(account: Account, feed: Feed) -> float:
    """What a feed answers, or what the account is judged at instead."""
    price = feed.price if account.judged_at is None else account.judged_at[feed.asset]
    return price / int(10**feed.decimals)


def _quote_usd(portfolio: Portfolio, feed: Feed) -> float:
    """What a unit of a feed's quote currency is worth at the portfolio's marks."""
    if feed.quote is None:
        return 1.0
    mark = portfolio.marks.get(feed.quote)
    if mark is None:
        raise UnusablePrice(feed.quote, feed.origin, 0)
    return usd(mark)


def margins(
    groups: tuple[NativeGroup, ...], accounts: int, factors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, Q) in USD of every account, each (accounts, ...): 0 for those without a rule.

    `factors` (factors, ...) is what each factor of the book is multiplied with.
    """
    scenarios = factors.shape[1:]
    power, requirement = np.zeros((2, accounts, *scenarios))
    for group in groups:
        N, Q = group.margin(*group.moves(factors.reshape(len(factors), math.prod(scenarios))))
        power[group.account] = N.reshape(len(group.account), *scenarios)
        requirement[group.account] = Q.reshape(len(group.account), *scenarios)
    return power, requirement


def headroom(
    power: NDArray[np.float64], requirement: NDArray[np.float64], equity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """G_v = N_v - Q_v, and E_v where nothing is required."""
    return np.where(requirement > 0.0, power - requirement, equity)
