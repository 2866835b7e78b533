"""Positions of portfolios as columns: the one place where exact integers of objects become floats."""

from __future__ import annotations

import math
from typing import Any, assert_never

import numpy as np

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.readings import Quote
from aggregator.risk.columns import OptionColumns, PerpColumns, PositionColumns, SpotColumns
from aggregator.risk.numbering import Numbering

Row = tuple[Any, ...]


def usd(raw: int, decimals: int, quote: Quote) -> float:
    """`raw / 10**decimals` of an asset in USD, correctly rounded: integers become floats here."""
    return float(raw * quote.price / 10 ** (decimals + quote.decimals))


class ColumnBuilder:
    """Collects the positions of accounts, one account after another, as rows of their kinds."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._times: list[int] = []
        self._starts = [0]
        self._spot: list[Row] = []
        self._perp: list[Row] = []
        self._option: list[Row] = []

    def add(self, account: Account, portfolio: Portfolio, *, time: int) -> list[str]:
        """Append an account's positions; returns what the user must be told of their valuation.

        Raises UnusablePrice where an asset has no mark.
        """
        at, told = len(self._times), []
        for place, position in enumerate(account.positions):
            match position:
                case Holding() | Supply():
                    self._spot.append((at, place, *self._coin(position, portfolio, 1)))
                case Debt():
                    self._spot.append((at, place, *self._coin(position, portfolio, -1)))
                case Perp():
                    self._perp.append((at, place, *self._perpetual(position, portfolio)))
                    told += _unknown(position)
                case Option():
                    self._option.append((at, place, *self._contract(position, portfolio)))
                    told += _told(position, time)
                case _:
                    assert_never(position)
        self._times.append(time)
        return told

    def end_wallet(self) -> None:
        """The accounts since the last call are those of one wallet."""
        self._starts.append(len(self._times))

    def columns(self) -> PositionColumns:
        """Everything so far."""
        return PositionColumns(
            account_start=np.array(self._starts, dtype=np.intp),
            time=np.array(self._times, dtype=np.int64),
            spot=SpotColumns(*_arrays(self._spot, "iiif")),
            perp=PerpColumns(*_arrays(self._perp, "iiiiffff")),
            option=OptionColumns(*_arrays(self._option, "iiiifbffffffff")),
        )

    def _coin(self, position: Holding | Supply | Debt, portfolio: Portfolio, sign: int) -> Row:
        asset = position.asset
        value = usd(position.raw, asset.decimals, _mark(portfolio, asset.id))
        return self._numbering.number(self._numbering.of(asset.id)), sign * value

    def _perpetual(self, perp: Perp, portfolio: Portfolio) -> Row:
        asset, quote = perp.settlement, _mark(portfolio, perp.settlement.id)
        payment = self._numbering.number(self._numbering.of(asset.id))
        return (
            self._numbering.number(self._numbering.paid_in(perp.index, asset.id)),
            payment,
            usd(perp.size_raw * perp.mark_price_raw, perp.size_decimals + perp.price_decimals, quote),
            usd(perp.pnl_raw + perp.funding_raw + perp.borrowing_raw, asset.decimals, quote),
            *(
                math.nan if raw is None else usd(raw, asset.decimals, quote)
                for raw in (perp.funding_24h_raw, perp.borrowing_24h_raw)
            ),
        )

    def _contract(self, option: Option, portfolio: Portfolio) -> Row:
        unit = int(10**option.price_decimals)
        return (
            self._numbering.number(self._numbering.of(option.index)),
            self._numbering.number(self._numbering.of(option.settlement.id)),
            1.0 if option.right == "call" else -1.0,
            option.style == "american",
            option.strike_raw / unit,
            math.nan if option.expiry is None else option.expiry,
            math.nan if option.iv is None else option.iv,
            option.rate,
            math.nan if option.mark_raw is None else option.mark_raw / unit,
            option.size_raw / int(10**option.size_decimals),
            usd(1, 0, _mark(portfolio, option.index)),
            usd(1, 0, _mark(portfolio, option.settlement.id)),
        )


def _arrays(rows: list[Row], kinds: str) -> list[Any]:
    """Rows as arrays: of positions (i), truths (b) and floats (f)."""
    types = {"i": np.intp, "b": np.bool_, "f": np.float64}
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(kinds)
    return [np.array(column, dtype=types[kind]) for column, kind in zip(columns, kinds, strict=True)]


def _mark(portfolio: Portfolio, asset: AssetId) -> Quote:
    quote = portfolio.marks.get(asset)
    if quote is None or quote.price <= 0:
        raise UnusablePrice(asset, "the price book", 0 if quote is None else quote.price)
    return quote


def _unknown(perp: Perp) -> list[str]:
    costs = {"funding": perp.funding_24h_raw, "borrowing": perp.borrowing_24h_raw}
    return [
        f"the {name} of {perp.market} is unknown: no add-on for it"
        for name, raw in costs.items()
        if raw is None
    ]


def _told(option: Option, time: int) -> list[str]:
    sentences = []
    if option.style == "perpetual":
        worth = "intrinsic value, for want of a mark" if option.mark_raw is None else "its mark"
        sentences.append(f"{option.instrument} has no expiry: worth {worth}, it moves as intrinsic value")
    elif (option.iv is None or math.isnan(option.iv)) and not option.is_expired(time):
        how = "at the highest known or its class's" if option.size_raw < 0 else "at intrinsic value"
        sentences.append(f"no implied volatility for {option.instrument}: valued {how}")
    return sentences
