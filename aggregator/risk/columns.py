"""Positions as columns, whoever made them: objects of a few wallets, or a table of very many."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class SpotColumns:
    """Coins held, supplied or owed: `value_usd` < 0 is owed. `factor` is what moves the coin."""

    account: Places
    place: Places
    factor: Places
    value_usd: Floats


@dataclass(frozen=True, eq=False, slots=True)
class PerpColumns:
    """Perpetuals: the signed notional, and profit, accrued funding and borrowing, both in USD.

    `price_factor` is the index as paid in the settlement asset, `payment_factor` that asset. `funding_usd`
    and `borrowing_usd` are those of the next 24 hours, paid < 0; NaN: unknown.
    """

    account: Places
    place: Places
    price_factor: Places
    payment_factor: Places
    notional_usd: Floats
    cash_usd: Floats
    funding_usd: Floats
    borrowing_usd: Floats


@dataclass(frozen=True, eq=False, slots=True)
class OptionColumns:
    """Options, of which `quantity` units are held, or written (< 0); `sign` is 1 of calls, -1 of puts.

    `strike` and `mark` in the settlement asset; `expiry` in Unix seconds; `index_usd` and `settlement_usd`
    are the prices of the index and of the settlement asset. NaN: no `mark`, unknown `iv`, no `expiry`.
    """

    account: Places
    place: Places
    price_factor: Places
    payment_factor: Places
    sign: Floats
    is_american: NDArray[np.bool_]
    strike: Floats
    expiry: Floats
    iv: Floats
    rate: Floats
    mark: Floats
    quantity: Floats
    index_usd: Floats
    settlement_usd: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Unknowns:
    """Positions of which something is not known, counted by wallet: each (wallets,).

    Options without implied volatility count at intrinsic value if held, else at the highest that is known or
    at their class's; those without expiry move as intrinsic value; perps of unknown funding or borrowing have
    no add-on for it.
    """

    options_without_iv: Places
    options_without_expiry: Places
    perps_without_costs: Places


@dataclass(frozen=True, eq=False, slots=True)
class PositionColumns:
    """Positions of accounts of wallets, each kind in the order of accounts and of places in the account.

    Accounts of wallet i are `account_start[i]:account_start[i + 1]`; `time` (accounts,) is the Unix time that
    they are as of. Factors are positions in a list that is kept beside the columns.
    """

    account_start: Places
    time: NDArray[np.int64]
    spot: SpotColumns
    perp: PerpColumns
    option: OptionColumns

    @property
    def account_count(self) -> int:
        """How many accounts there are."""
        return len(self.time)

    @property
    def wallet(self) -> Places:
        """The position of each account's wallet, shape (accounts,)."""
        return np.repeat(np.arange(len(self.account_start) - 1), np.diff(self.account_start))

    def seconds_left(self) -> Floats:
        """Seconds to expiry of each option. Without an expiry there is no time to value: what the mark has
        above intrinsic value stays."""
        left = np.maximum(self.option.expiry - self.time[self.option.account], 0.0)
        return np.where(np.isnan(self.option.expiry), 0.0, left)

    def is_guessed(self) -> NDArray[np.bool_]:
        """Which options have time left and no known implied volatility."""
        return np.isnan(self.option.iv) & (self.seconds_left() > 0.0)

    def unknowns(self) -> Unknowns:
        """How much of each wallet is valued for want of something."""
        perp, option = self.perp, self.option
        without_costs = np.isnan(perp.funding_usd) | np.isnan(perp.borrowing_usd)
        return Unknowns(
            options_without_iv=self._count(option.account[self.is_guessed()]),
            options_without_expiry=self._count(option.account[np.isnan(option.expiry)]),
            perps_without_costs=self._count(perp.account[without_costs]),
        )

    def _count(self, accounts: Places) -> Places:
        return np.bincount(self.wallet[accounts], minlength=len(self.account_start) - 1)

    def of_wallets(self, first: int, last: int) -> PositionColumns:
        """Those of the wallets from `first` to before `last`, with accounts counted from 0."""
        start, end = (int(at) for at in self.account_start[[first, last]])
        return PositionColumns(
            account_start=self.account_start[first : last + 1] - start,
            time=self.time[start:end],
            spot=_of_accounts(self.spot, start, end),
            perp=_of_accounts(self.perp, start, end),
            option=_of_accounts(self.option, start, end),
        )

    def renumbered(self) -> tuple[PositionColumns, Places]:
        """The same with the factors that are used counted from 0, and which these are, ascending."""
        perp, option = self.perp, self.option
        pairs = (perp.price_factor, perp.payment_factor, option.price_factor, option.payment_factor)
        used = np.unique(np.concatenate([self.spot.factor, *pairs]))
        index, payment, price, settlement = (np.searchsorted(used, factor) for factor in pairs)
        columns = replace(
            self,
            spot=replace(self.spot, factor=np.searchsorted(used, self.spot.factor)),
            perp=replace(perp, price_factor=index, payment_factor=payment),
            option=replace(option, price_factor=price, payment_factor=settlement),
        )
        return columns, used


KIND = TypeVar("KIND", SpotColumns, PerpColumns, OptionColumns)


def _of_accounts(columns: KIND, start: int, end: int) -> KIND:
    mine = slice(*np.searchsorted(columns.account, [start, end]))
    parts = {field.name: getattr(columns, field.name)[mine] for field in fields(columns)}
    return type(columns)(**{**parts, "account": parts["account"] - start})
