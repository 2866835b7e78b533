"""What accounts hold, as arrays, and nothing of whose they are: all that a million wallets need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregator.risk.contracts import Contracts
from aggregator.risk.factors import Axes, Factor
from aggregator.risk.legs import Legs
from aggregator.risk.scenarios import ScenarioSet


@dataclass(frozen=True, eq=False, slots=True)
class Holdings:
    """Legs of accounts of wallets as arrays; USD are float64 from here on.

    Accounts of one wallet are adjacent: those of wallet i are `account_start[i]:account_start[i + 1]`. A
    linear leg is worth its exposure times the moves of its factor. `kept` (accounts,) is 1 - gamma_v, what
    positive equity counts as, since its protocol may fail (RISK.md section 4).
    """

    account_start: NDArray[np.intp]
    kept: NDArray[np.float64]
    scenarios: ScenarioSet
    factors: tuple[Factor, ...]
    axes: Axes
    legs: Legs
    contracts: Contracts

    @property
    def account_count(self) -> int:
        """How many accounts there are."""
        return len(self.kept)

    @property
    def wallet_count(self) -> int:
        """How many wallets there are."""
        return len(self.account_start) - 1

    @property
    def wallet(self) -> NDArray[np.intp]:
        """The position of each account's wallet, shape (accounts,)."""
        return np.repeat(np.arange(self.wallet_count), np.diff(self.account_start))

    def exposures(self) -> NDArray[np.float64]:
        """USD of each account on each factor, shape (accounts, factors)."""
        result = np.zeros((self.account_count, len(self.factors)))
        np.add.at(result, (self.legs.account, self.legs.factor), self.legs.exposure_usd)
        return result

    def holdings(self) -> NDArray[np.float64]:
        """Units of each contract in each account, written < 0, shape (accounts, contracts)."""
        result = np.zeros((self.account_count, len(self.contracts)))
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
        legs = self.legs
        options = legs.quantity * self.contract_usd()[legs.contract]
        return self._by_account(legs.account, legs.exposure_usd) + self._by_account(legs.holder, options)

    def gross_usd(self) -> NDArray[np.float64]:
        """Absolute values of spot and option legs plus notionals of perps, shape (accounts,)."""
        legs = self.legs
        options = np.abs(legs.quantity) * self.contract_usd()[legs.contract]
        return legs.linear_usd + self._by_account(legs.holder, options)

    def by_wallet(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over the accounts of each wallet: (accounts, ...) to (wallets, ...)."""
        result = np.zeros((self.wallet_count, *values.shape[1:]))
        filled = np.flatnonzero(np.diff(self.account_start))
        if filled.size:
            result[filled] = np.add.reduceat(values, self.account_start[:-1][filled], axis=0)
        return result

    def _by_account(self, account: NDArray[np.intp], usd: NDArray[np.float64]) -> NDArray[np.float64]:
        # Of no legs at all bincount makes integers.
        return np.bincount(account, usd, minlength=self.account_count).astype(np.float64)
