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
from aggregator.risk.contracts import Contracts
from aggregator.risk.factors import Axes, Factor
from aggregator.risk.legs import LegBuilder, Legs, highest_iv
from aggregator.risk.numbering import Numbering
from aggregator.risk.scenarios import ScenarioSet


@dataclass(frozen=True, eq=False, slots=True)
class Book:
    """Portfolios as arrays; USD are float64 from here on.

    Accounts of one portfolio are adjacent: those of portfolio i are `account_start[i]:account_start[i + 1]`.
    A linear leg is worth its exposure times the moves of its factor. `time` (accounts,) holds block times;
    `feed_factors` the numbers of the factors of every rule's feed (see Numbering.of_feed); `flags` a tuple
    of sentences per portfolio.
    """

    portfolios: tuple[Portfolio, ...]
    accounts: tuple[Account, ...]
    account_start: NDArray[np.intp]
    time: NDArray[np.int64]
    scenarios: ScenarioSet
    factors: tuple[Factor, ...]
    axes: Axes
    legs: Legs
    contracts: Contracts
    feed_factors: dict[Feed, tuple[int, int, int]]
    flags: tuple[tuple[str, ...], ...]

    @property
    def wallet(self) -> NDArray[np.intp]:
        """The position of each account's portfolio, shape (accounts,)."""
        return np.repeat(np.arange(len(self.portfolios)), np.diff(self.account_start))

    def exposures(self) -> NDArray[np.float64]:
        """USD of each account on each factor, shape (accounts, factors)."""
        result = np.zeros((len(self.accounts), len(self.factors)))
        np.add.at(result, (self.legs.account, self.legs.factor), self.legs.exposure_usd)
        return result

    def holdings(self) -> NDArray[np.float64]:
        """Units of each contract in each account, written < 0, shape (accounts, contracts)."""
        result = np.zeros((len(self.accounts), len(self.contracts)))
        np.add.at(result, (self.legs.holder, self.legs.contract), self.legs.quantity)
        return result

    def axes_of(self, accounts: slice) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which bases and which pegs move the value of any of these accounts: shapes (bases,), (pegs,)."""
        touched = (self.exposures()[accounts] != 0.0).any(axis=0)
        held = (self.holdings()[accounts] != 0.0).any(axis=0)
        touched[self.contracts.price_factor[held]] = True
        touched[self.contracts.payment_factor[held]] = True
        bases, pegs = self.axes.loadings(self.factors)
        return bases[touched].any(axis=0), pegs[touched].any(axis=0)

    def contract_usd(self) -> NDArray[np.float64]:
        """The value of one unit of each contract today, shape (contracts,)."""
        return self.contracts.values(np.ones(len(self.factors)), np.ones(len(self.contracts)))

    def equity_usd(self) -> NDArray[np.float64]:
        """E_v at market marks, shape (accounts,)."""
        linear = np.bincount(self.legs.account, self.legs.exposure_usd, minlength=len(self.accounts))
        equity: NDArray[np.float64] = linear + self.holdings() @ self.contract_usd()
        return equity

    def gross_usd(self) -> NDArray[np.float64]:
        """Absolute values of spot and option legs plus notionals of perps, shape (accounts,)."""
        gross: NDArray[np.float64] = self.legs.linear_usd + np.bincount(
            self.legs.holder,
            np.abs(self.legs.quantity) * self.contract_usd()[self.legs.contract],
            minlength=len(self.accounts),
        )
        return gross

    def by_wallet(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over the accounts of each portfolio: (accounts, ...) to (portfolios, ...)."""
        result = np.zeros((len(self.portfolios), *values.shape[1:]))
        filled = np.flatnonzero(np.diff(self.account_start))
        if filled.size:
            result[filled] = np.add.reduceat(values, self.account_start[:-1][filled], axis=0)
        return result


def book(portfolios: Sequence[Portfolio], scenarios: ScenarioSet) -> Book:
    """The book of these portfolios, which share one configuration.

    Raises UnusablePrice where an asset of a position has no mark, BadConfiguration where a chain of an
    account has no block.
    """
    classes: dict[AssetId, Classification] = {}
    for portfolio in portfolios:
        classes.update(portfolio.classes)
    numbering = Numbering(scenarios, classes)
    builder = LegBuilder(scenarios, numbering)
    accounts: list[Account] = []
    starts, times, flags = [0], [], []
    feeds: dict[Feed, tuple[int, int, int]] = {}
    for portfolio in portfolios:
        known_iv, told = highest_iv(portfolio, numbering), []
        for account in portfolio.accounts:
            time = _time(portfolio, account)
            told += builder.add(account, portfolio, time=time, known_iv=known_iv)
            for feed in account.rule.feeds if account.rule else ():
                asset, against, quote = numbering.of_feed(feed)
                feeds[feed] = numbering.number(asset), numbering.number(against), numbering.number(quote)
            accounts.append(account)
            times.append(time)
        starts.append(len(accounts))
        flags.append(tuple(dict.fromkeys(told)))
    return Book(
        portfolios=tuple(portfolios),
        accounts=tuple(accounts),
        account_start=np.array(starts, dtype=np.intp),
        time=np.array(times, dtype=np.int64),
        scenarios=scenarios,
        factors=numbering.factors,
        axes=scenarios.axes(numbering.factors),
        legs=builder.legs(),
        contracts=Contracts.of(builder.contracts),
        feed_factors=feeds,
        flags=tuple(flags),
    )


def _time(portfolio: Portfolio, account: Account) -> int:
    block = portfolio.blocks.get(account.chain)
    if block is None:
        raise BadConfiguration(f"account {account.id}", f"chain {account.chain} has no pinned block")
    return block.timestamp if account.observed is None else account.observed.time
