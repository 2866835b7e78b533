"""The book: any number of portfolios as arrays, a row per leg; one wallet and a million take one path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId, Classification
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.model.rules import Feed
from aggregator.risk.extraction import ColumnBuilder
from aggregator.risk.holdings import Holdings
from aggregator.risk.legs import legs
from aggregator.risk.numbering import Numbering
from aggregator.risk.scenarios import ScenarioSet


@dataclass(frozen=True, eq=False, slots=True)
class Book(Holdings):
    """Holdings of portfolios, whose accounts and rules are known.

    `time` (accounts,) holds block times, or when a venue said it; `feed_factors` the numbers of the factors
    of every rule's feed (see Numbering.of_feed); `flags` a tuple of sentences per portfolio.
    """

    portfolios: tuple[Portfolio, ...]
    accounts: tuple[Account, ...]
    time: NDArray[np.int64]
    feed_factors: dict[Feed, tuple[int, int, int]]
    flags: tuple[tuple[str, ...], ...]


def book(portfolios: Sequence[Portfolio], scenarios: ScenarioSet) -> Book:
    """The book of these portfolios, which share one configuration.

    Raises UnusablePrice where an asset of a position has no mark, BadConfiguration where a chain of an
    account has no block.
    """
    classes: dict[AssetId, Classification] = {}
    for portfolio in portfolios:
        classes.update(portfolio.classes)
    numbering = Numbering(scenarios, classes)
    builder = ColumnBuilder(numbering)
    accounts: list[Account] = []
    flags: list[tuple[str, ...]] = []
    feeds: dict[Feed, tuple[int, int, int]] = {}
    for portfolio in portfolios:
        told: list[str] = []
        for account in portfolio.accounts:
            told += builder.add(account, portfolio, time=_time(portfolio, account))
            for feed in account.rule.feeds if account.rule else ():
                asset, against, quote = numbering.of_feed(feed)
                feeds[feed] = numbering.number(asset), numbering.number(against), numbering.number(quote)
            accounts.append(account)
        builder.end_wallet()
        flags.append(tuple(dict.fromkeys(told)))
    columns = builder.columns()
    made, contracts = legs(columns, numbering.factors, scenarios)
    haircut = scenarios.parameters.haircut
    return Book(
        portfolios=tuple(portfolios),
        accounts=tuple(accounts),
        account_start=columns.account_start,
        kept=np.array([1.0 - haircut.of(account.protocol) for account in accounts], dtype=np.float64),
        time=columns.time,
        scenarios=scenarios,
        factors=numbering.factors,
        axes=scenarios.axes(numbering.factors),
        legs=made,
        contracts=contracts,
        feed_factors=feeds,
        flags=tuple(flags),
    )


def _time(portfolio: Portfolio, account: Account) -> int:
    block = portfolio.blocks.get(account.chain)
    if block is None:
        raise BadConfiguration(f"account {account.id}", f"chain {account.chain} has no pinned block")
    return block.timestamp if account.observed is None else account.observed.time
