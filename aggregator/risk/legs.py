"""Positions as legs: the one place where exact integers become floats.

A spot leg is an exposure to its token. A perp is two: its notional on the index as paid in the settlement
asset, and profit, accrued funding and borrowing less that notional on the settlement asset itself; so it is
worth what has accrued today, and gains size * (P' - P) in the settlement asset when prices move.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from aggregator.model.accounts import Account
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.readings import Quote
from aggregator.risk.contracts import Contract
from aggregator.risk.numbering import Numbering
from aggregator.risk.scenarios import ScenarioSet

YEAR_S = 365 * 86_400


@dataclass(frozen=True, eq=False, slots=True)
class Legs:
    """Legs as arrays, in the order of accounts and positions.

    `account`, `position`, `factor`, `exposure_usd`: linear legs; `position` is the place in the account.
    `holder`, `held_as` (likewise a place), `contract`, `quantity`: options held, or written (< 0); `group`
    numbers their (underlying, expiry, strike), `unit_usd` is the notional of one.
    `perp_account`, `perp_net_usd`: net perp notional per account and underlying. Per account: `linear_usd`
    (gross: values of spot legs, notionals of perps), `derivative_usd` (gross notional of perps and options),
    `funding_usd` (funding and borrowing expected over 24 hours, paid < 0), `debt_usd`.
    """

    account: NDArray[np.intp]
    position: NDArray[np.intp]
    factor: NDArray[np.intp]
    exposure_usd: NDArray[np.float64]
    holder: NDArray[np.intp]
    held_as: NDArray[np.intp]
    contract: NDArray[np.intp]
    quantity: NDArray[np.float64]
    group: NDArray[np.intp]
    unit_usd: NDArray[np.float64]
    perp_account: NDArray[np.intp]
    perp_net_usd: NDArray[np.float64]
    linear_usd: NDArray[np.float64]
    derivative_usd: NDArray[np.float64]
    funding_usd: NDArray[np.float64]
    debt_usd: NDArray[np.float64]


def usd(raw: int, decimals: int, quote: Quote) -> float:
    """`raw / 10**decimals` of an asset in USD, correctly rounded: integers become floats here."""
    return float(raw * quote.price / 10 ** (decimals + quote.decimals))


class LegBuilder:
    """Collects the legs of accounts, one account after another."""

    def __init__(self, scenarios: ScenarioSet, numbering: Numbering) -> None:
        self._scenarios, self._numbering = scenarios, numbering
        self._linear: list[tuple[int, int, int, float]] = []
        self._options: list[tuple[int, int, int, float, int, float]] = []
        self._contracts: dict[Contract, int] = {}
        self._groups: dict[tuple[str, int | None, float], int] = {}
        self._perp_net: dict[tuple[int, str], float] = defaultdict(float)
        self._totals: list[list[float]] = []

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """The distinct contracts so far."""
        return tuple(self._contracts)

    def add(
        self, account: Account, portfolio: Portfolio, *, time: int, known_iv: Mapping[str, float]
    ) -> list[str]:
        """Append an account's legs; returns what the user must be told of their valuation.

        `known_iv`: the highest known IV of each underlying in the portfolio. Raises UnusablePrice where an
        asset has no mark.
        """
        at, told = len(self._totals), []
        linear = derivative = funding = debt = 0.0
        for place, position in enumerate(account.positions):
            leg = (at, place)
            match position:
                case Holding() | Supply():
                    linear += self._spot(leg, position, portfolio, 1)
                case Debt():
                    owed = self._spot(leg, position, portfolio, -1)
                    linear, debt = linear + owed, debt + owed
                case Perp():
                    notional = self._perp(leg, position, portfolio)
                    linear, derivative = linear + notional, derivative + notional
                    quote = _mark(portfolio, position.settlement.id)
                    for name in ("funding", "borrowing"):
                        expected = getattr(position, f"{name}_24h_raw")
                        if expected is None:
                            told.append(f"the {name} of {position.market} is unknown: no add-on for it")
                        else:
                            funding += usd(expected, position.settlement.decimals, quote)
                case Option():
                    derivative += self._option(leg, position, portfolio, time, known_iv)
                    told += _told(position, time)
                case _:
                    assert_never(position)
        self._totals.append([linear, derivative, funding, debt])
        return told

    def legs(self) -> Legs:
        """Everything so far as arrays."""
        linear, options, totals = self._linear, self._options, np.array(self._totals).reshape(-1, 4)
        return Legs(
            account=np.array([row[0] for row in linear], dtype=np.intp),
            position=np.array([row[1] for row in linear], dtype=np.intp),
            factor=np.array([row[2] for row in linear], dtype=np.intp),
            exposure_usd=np.array([row[3] for row in linear], dtype=np.float64),
            holder=np.array([row[0] for row in options], dtype=np.intp),
            held_as=np.array([row[1] for row in options], dtype=np.intp),
            contract=np.array([row[2] for row in options], dtype=np.intp),
            quantity=np.array([row[3] for row in options], dtype=np.float64),
            group=np.array([row[4] for row in options], dtype=np.intp),
            unit_usd=np.array([row[5] for row in options], dtype=np.float64),
            perp_account=np.array([at for at, _ in self._perp_net], dtype=np.intp),
            perp_net_usd=np.array(list(self._perp_net.values()), dtype=np.float64),
            linear_usd=totals[:, 0],
            derivative_usd=totals[:, 1],
            funding_usd=totals[:, 2],
            debt_usd=totals[:, 3],
        )

    def _spot(
        self, leg: tuple[int, int], position: Holding | Supply | Debt, portfolio: Portfolio, sign: int
    ) -> float:
        asset = position.asset
        value = usd(position.raw, asset.decimals, _mark(portfolio, asset.id))
        self._linear.append((*leg, self._numbering.number(self._numbering.of(asset.id)), sign * value))
        return value

    def _perp(self, leg: tuple[int, int], perp: Perp, portfolio: Portfolio) -> float:
        quote = _mark(portfolio, perp.settlement.id)
        notional = usd(perp.size_raw * perp.mark_price_raw, perp.size_decimals + perp.price_decimals, quote)
        cash = usd(perp.pnl_raw + perp.funding_raw + perp.borrowing_raw, perp.settlement.decimals, quote)
        price = self._numbering.paid_in(perp.index, perp.settlement.id)
        payment = self._numbering.of(perp.settlement.id)
        self._linear.append((*leg, self._numbering.number(payment), cash - notional))
        self._linear.append((*leg, self._numbering.number(price), notional))
        self._perp_net[leg[0], price.underlying] += notional
        return abs(notional)

    def _option(
        self,
        leg: tuple[int, int],
        option: Option,
        portfolio: Portfolio,
        time: int,
        known_iv: Mapping[str, float],
    ) -> float:
        price, payment = self._numbering.of(option.index), self._numbering.of(option.settlement.id)
        unit = int(10**option.price_decimals)
        # Without an expiry there is no time to value: what the mark has above intrinsic value stays.
        seconds = 0 if option.expiry is None else max(option.expiry - time, 0)
        guessed = option.iv is None and seconds > 0
        iv, mark = option.iv or 0.0, None if option.mark_raw is None else option.mark_raw / unit
        if guessed and option.size_raw < 0:
            class_iv = self._scenarios.asset_parameters(price.underlying).iv
            iv = max(class_iv, known_iv.get(price.underlying, 0.0))
        elif guessed:
            mark = None
        contract = Contract(
            underlying=price.underlying,
            sign=1.0 if option.right == "call" else -1.0,
            strike=option.strike_raw / unit,
            years=seconds / YEAR_S,
            iv=iv,
            rate=option.rate,
            spot=usd(1, 0, _mark(portfolio, option.index)),
            mark=mark,
            at_least_model=guessed,
            price_factor=self._numbering.number(price),
            payment_factor=self._numbering.number(payment),
            settlement_usd=usd(1, 0, _mark(portfolio, option.settlement.id)),
        )
        number = self._contracts.setdefault(contract, len(self._contracts))
        key = (price.underlying, option.expiry, contract.strike)
        group = self._groups.setdefault(key, len(self._groups))
        quantity = option.size_raw / int(10**option.size_decimals)
        unit_usd = contract.spot * contract.settlement_usd
        self._options.append((*leg, number, quantity, group, unit_usd))
        return abs(quantity) * float(unit_usd)


def highest_iv(portfolio: Portfolio, numbering: Numbering) -> dict[str, float]:
    """The highest implied volatility that the portfolio's options know, by underlying."""
    known: dict[str, float] = {}
    for account in portfolio.accounts:
        for position in account.positions:
            if isinstance(position, Option) and position.iv is not None and math.isfinite(position.iv):
                underlying = numbering.of(position.index).underlying
                known[underlying] = max(position.iv, known.get(underlying, 0.0))
    return known


def _mark(portfolio: Portfolio, asset: AssetId) -> Quote:
    quote = portfolio.marks.get(asset)
    if quote is None or quote.price <= 0:
        raise UnusablePrice(asset, "the price book", 0 if quote is None else quote.price)
    return quote


def _told(option: Option, time: int) -> list[str]:
    sentences = []
    if option.style == "perpetual":
        worth = "intrinsic value, for want of a mark" if option.mark_raw is None else "its mark"
        sentences.append(f"{option.instrument} has no expiry: worth {worth}, it moves as intrinsic value")
    elif option.iv is None and not option.is_expired(time):
        how = "at the highest known or its class's" if option.size_raw < 0 else "at intrinsic value"
        sentences.append(f"no implied volatility for {option.instrument}: valued {how}")
    if option.style == "american":
        sentences.append(f"{option.instrument} can be exercised early: valued as European")
    return sentences
