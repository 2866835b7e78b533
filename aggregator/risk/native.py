"""The protocols' own tests along rays: power N and requirement Q of every account that has a rule."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import Columns, RuleFamily, Shocked
from aggregator.model.accounts import Account
from aggregator.model.errors import BadConfiguration, UnusablePrice
from aggregator.model.portfolio import Portfolio
from aggregator.model.rules import Feed, Rule
from aggregator.pricing.book import usd
from aggregator.risk.book import Book


@dataclass(frozen=True, eq=False, slots=True)
class NativeGroup:
    """The rules of one family at one time, evaluated together.

    `account` (accounts,) are positions in the book; `feeds` those of all rules, `owner` (feeds,) their
    positions in `account`; `price` (feeds,) what each feed answered; `factor`, `against` (feeds,) what it
    moves with and what it is divided by, and `quote` what its quote currency moves with, by their numbers in
    the book; `quote_usd` (feeds,) what a unit of that currency is worth today; `in_usd`: all of them 1.
    """

    family: RuleFamily
    columns: Columns
    time: int
    account: NDArray[np.intp]
    feeds: tuple[Feed, ...]
    owner: NDArray[np.intp]
    price: NDArray[np.float64]
    factor: NDArray[np.intp]
    against: NDArray[np.intp]
    quote: NDArray[np.intp]
    quote_usd: NDArray[np.float64]
    in_usd: bool

    def margin(
        self, prices: NDArray[np.float64], quotes: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N, Q) in USD, each (accounts of the group, scenarios).

        `prices` and `quotes` (feeds, scenarios) are what each feed's price and the worth of its quote
        currency are multiplied with.
        """
        moved = self.price[:, None] * prices
        if self.in_usd:
            return self.family.margin(self.columns, Shocked.in_usd(moved, self.time))
        return self.family.margin(self.columns, Shocked(moved, self.time, self.quote_usd[:, None] * quotes))

    def moves(self, factors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What `margin` takes, where the book's factors are multiplied with `factors`, (factors, S)."""
        if self.in_usd:
            return factors[self.factor], factors[self.factor]  # the second is not looked at
        return factors[self.factor] / factors[self.against], factors[self.quote]


def native_groups(book: Book, families: Mapping[str, RuleFamily]) -> tuple[NativeGroup, ...]:
    """The book's rules by family and block time.

    Raises BadConfiguration where no installed adapter brings a rule's family, UnusablePrice where a feed's
    quote currency has no mark.
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
                columns=families[name].columns([rule for _, rule in rules]),
                time=time,
                account=np.array([i for i, _ in rules], dtype=np.intp),
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
