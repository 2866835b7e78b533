"""The innermost loop of the bulk path, compiled: legs times unit values, accounts to wallets, the least.

Written as loops because arrays of (accounts, scenarios) between the steps would cost ten times the sums
themselves. No fast-math: sums run in the order of the legs, so a wallet depends on no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]


TILE = 128
"""Scenarios at a time: of 600 contracts 0.6 MB, which stay in the second cache."""


@njit(nogil=True, cache=True)
def least_counted(
    first: int,
    last: int,
    account_start: Places,
    kept: Floats,
    linear_start: Places,
    factor: Places,
    exposure_usd: Floats,
    factor_values: Floats,
    option_start: Places,
    contract: Places,
    quantity: Floats,
    contract_values: Floats,
    least: Floats,
    where: Places,
    alone: Floats,
) -> None:
    """Fill `least`, `where` (wallets,) and `alone` (accounts,) for the wallets from `first` to before `last`.

    `factor_values` (factors, scenarios) and `contract_values` (contracts, scenarios) are what a dollar on a
    factor and one contract are worth in each scenario; `linear_start` and `option_start` (accounts + 1,)
    where each account's legs begin. `least` is the least over scenarios of the sum over accounts of their
    counted values, `where` the first scenario that has it, `alone` the least counted value of each account.
    """
    least[first:last] = np.inf
    alone[account_start[first] : account_start[last]] = np.inf
    value, total = np.empty(TILE), np.empty(TILE)
    for start in range(0, factor_values.shape[1], TILE):
        # Copies, because rows of the whole lie on pages of their own.
        linear_units = factor_values[:, start : start + TILE].copy()
        option_units = contract_values[:, start : start + TILE].copy()
        width = linear_units.shape[1]
        for wallet in range(first, last):
            total[:] = 0.0
            for account in range(account_start[wallet], account_start[wallet + 1]):
                value[:] = 0.0
                for leg in range(linear_start[account], linear_start[account + 1]):
                    usd, units = exposure_usd[leg], linear_units[factor[leg]]
                    for s in range(width):
                        value[s] += usd * units[s]
                for leg in range(option_start[account], option_start[account + 1]):
                    held, units = quantity[leg], option_units[contract[leg]]
                    for s in range(width):
                        value[s] += held * units[s]
                share, lowest = kept[account], alone[account]
                for s in range(width):
                    counted = value[s] * share if value[s] > 0.0 else value[s]
                    total[s] += counted
                    lowest = min(lowest, counted)
                alone[account] = lowest
            lowest = least[wallet]
            for s in range(width):
                if total[s] < lowest:
                    lowest = total[s]
                    where[wallet] = start + s
            least[wallet] = lowest
