"""The protocols' own tests along rays: power N and requirement Q of every account that has a rule."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from aggregator.contract import Columns, RuleFamily, Shocked
from aggregator.model.errors import BadConfiguration
from aggregator.model.rules import Rule
from aggregator.risk.book import Book


@dataclass(frozen=True, eq=False, slots=True)
class NativeGroup:
    """The rules of one family at one time, evaluated together.

    `account` (accounts,) are positions in the book; `owner` (feeds,) positions in `account`; `price` (feeds,)
    what each feed answered; `factor` (feeds,) what moves it, by its number in the book.
    """

    family: RuleFamily
    columns: Columns
    time: int
    account: NDArray[np.intp]
    owner: NDArray[np.intp]
    price: NDArray[np.float64]
    factor: NDArray[np.intp]

    def margin(self, moves: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N, Q) in USD, each (accounts of the group, scenarios), with feeds multiplied by `moves`."""
        return self.family.margin(self.columns, Shocked(self.price[:, None] * moves, self.time))


def native_groups(book: Book, families: Mapping[str, RuleFamily]) -> tuple[NativeGroup, ...]:
    """The book's rules by family and block time.

    Raises BadConfiguration where no installed adapter brings a rule's family.
    """
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
        feeds = tuple(chain.from_iterable(rule.feeds for _, rule in rules))
        counts = [len(rule.feeds) for _, rule in rules]
        groups.append(
            NativeGroup(
                family=families[name],
                columns=families[name].columns([rule for _, rule in rules]),
                time=time,
                account=np.array([i for i, _ in rules], dtype=np.intp),
                owner=np.repeat(np.arange(len(rules)), counts),
                price=np.array([feed.price / int(10**feed.decimals) for feed in feeds], dtype=np.float64),
                factor=np.array([book.feed_factor[feed] for feed in feeds], dtype=np.intp),
            )
        )
    return tuple(groups)


def margins(
    groups: tuple[NativeGroup, ...], accounts: int, factors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, Q) in USD of every account, each (accounts, ...): 0 for those without a rule.

    `factors` (factors, ...) is what each factor of the book is multiplied with.
    """
    scenarios = factors.shape[1:]
    power, requirement = np.zeros((2, accounts, *scenarios))
    for group in groups:
        moves = factors[group.factor].reshape(len(group.factor), math.prod(scenarios))
        N, Q = group.margin(moves)
        power[group.account] = N.reshape(len(group.account), *scenarios)
        requirement[group.account] = Q.reshape(len(group.account), *scenarios)
    return power, requirement


def headroom(
    power: NDArray[np.float64], requirement: NDArray[np.float64], equity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """G_v = N_v - Q_v, and E_v where nothing is required."""
    return np.where(requirement > 0.0, power - requirement, equity)
