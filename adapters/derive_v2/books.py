"""From an account's balances to what its manager judges, market by market; in one round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.derive_v2 import calls
from adapters.derive_v2.calls import Balance
from adapters.derive_v2.feeds import Balances, read_holdings, read_price
from adapters.derive_v2.managers import Manager, MarketAt, PortfolioManager, StandardManager
from adapters.derive_v2.margin import Book
from adapters.derive_v2.overview import Overview
from adapters.derive_v2.parameters import Library, library, standard_parameters
from adapters.derive_v2.portfolio import Portfolio, PortfolioParameters
from adapters.derive_v2.portfolio_2 import Collateral, Portfolio2, Portfolio2Parameters
from adapters.derive_v2.standard import Standard, StandardMarket
from adapters.derive_v2.system import Shared, System, token_behind
from aggregator.contract import Read, ask, attempt, both, join
from aggregator.model.assets import AssetId, index_id
from aggregator.model.errors import MalformedReply, ReadError, Unsupported
from aggregator.model.units import Address

_STRIKE_UNIT = 10**10
_NOTHING = Balances(0, 0, {})


@dataclass(frozen=True, slots=True)
class Case:
    """An account to be judged by its manager at a time."""

    system: System
    shared: Shared
    manager: Manager
    found: Overview
    time: int

    @property
    def origin(self) -> str:
        """Where its balances come from."""
        return calls.BALANCES.at(self.system.sub_accounts, self.found.account).origin

    @property
    def markets(self) -> Mapping[int, MarketAt]:
        """The manager's markets; the only one of a portfolio manager is number 1."""
        if isinstance(self.manager, StandardManager):
            return self.manager.markets
        return {1: self.manager.market}

    def market_named(self, name: str) -> MarketAt:
        """The market of this name."""
        return next(market for market in self.markets.values() if market.name == name)

    @property
    def collaterals(self) -> tuple[Balance, ...]:
        """What is neither cash nor of any market: in version 2 of the portfolio manager alone."""
        of_markets = {asset for market in self.markets.values() for asset in market.assets}
        apart = of_markets | {self.system.cash}
        return tuple(one for one in self.found.balances if one.asset not in apart)

    @property
    def bases(self) -> tuple[Address, ...]:
        """All that is held as collateral, but cash."""
        bases = {market.base for market in self.markets.values()}
        held = tuple(one.asset for one in self.found.balances if one.asset in bases)
        return (*held, *(one.asset for one in self.collaterals))


def split(case: Case) -> dict[int, Balances]:
    """What the account has of each market; raises Unsupported on an asset that the manager does not know."""
    of = {asset: number for number, market in case.markets.items() for asset in market.assets}
    perps, bases = dict[int, int](), dict[int, int]()
    options: dict[int, dict[int, list[tuple[int, bool, int]]]] = {}
    strangers = case.collaterals
    if strangers and not (isinstance(case.manager, PortfolioManager) and case.manager.version == 2):
        raise Unsupported(
            f"asset {strangers[0].asset} in account {case.found.account}",
            f"its manager {case.manager.address} has no market of it",
        )
    kinds = {market.option for market in case.markets.values()}
    for one in case.found.balances:
        if one.sub_id and one.asset not in kinds:
            raise MalformedReply(case.origin, f"number {one.sub_id} of {one.asset}, which has no numbers")
        if one.asset not in of:
            continue
        number = of[one.asset]
        if one.asset == case.markets[number].option:
            when, strike, is_call = _decoded(case, one.sub_id)
            options.setdefault(number, {}).setdefault(when, []).append((strike, is_call, one.amount))
        elif one.asset == case.markets[number].perp:
            perps[number] = one.amount
        else:
            bases[number] = _positive(case, one)
    return {
        number: Balances(
            perps.get(number, 0),
            bases.get(number, 0),
            {when: tuple(rows) for when, rows in options.get(number, {}).items()},
        )
        for number in sorted({*perps, *bases, *options})
    }


def _decoded(case: Case, sub_id: int) -> tuple[int, int, bool]:
    """Expiry in Unix seconds, strike with 18 decimals, whether a call."""
    if sub_id >= 2**96:
        raise MalformedReply(case.origin, f"an option of number {sub_id}, above 96 bits")
    return sub_id & (2**32 - 1), (sub_id >> 32 & (2**63 - 1)) * _STRIKE_UNIT, bool(sub_id >> 95)


def _positive(case: Case, has: Balance) -> int:
    if has.amount < 0:
        raise MalformedReply(case.origin, f"collateral below zero: {has.amount} of {has.asset}")
    return has.amount


def read_book(case: Case) -> Read[Book]:
    """What the manager judges of an account."""
    by_market, manager = split(case), case.manager
    if isinstance(manager, StandardManager):
        markets = yield from join([_market(case, *one) for one in by_market.items()])
        return Standard(tuple(markets), manager.depeg_threshold, manager.depeg_factor)
    has = by_market.get(1, _NOTHING)
    asset = yield from _spot_asset(case, manager.market, has)
    held, (parameters, collaterals) = yield from both(
        read_holdings(manager.market, case.found.account, has, asset, case.time), _library(case, manager)
    )
    if isinstance(parameters, Portfolio2Parameters):
        return Portfolio2(held, collaterals, parameters, manager.scenarios)
    return Portfolio(held, parameters, manager.scenarios)


def _market(case: Case, number: int, has: Balances) -> Read[StandardMarket]:
    at = case.markets[number]
    asset = yield from _spot_asset(case, at, has)
    held, parameters = yield from both(
        read_holdings(at, case.found.account, has, asset, case.time),
        standard_parameters(case.manager.address, number),
    )
    return StandardMarket(held, parameters)


def _spot_asset(case: Case, at: MarketAt, has: Balances) -> Read[AssetId]:
    """Whose price a market's spot feed gives: the underlying's, or that of collateral held alone."""
    if at.base is None or not has.base or has.perp or has.options:
        return index_id(at.name)
    token = yield from token_behind(case.shared, at.base)
    return case.system.token_id(token)


def _library(
    case: Case, manager: PortfolioManager
) -> Read[tuple[PortfolioParameters | Portfolio2Parameters, tuple[Collateral, ...]]]:
    """Parameters, and collaterals by their haircuts; version 2.1 may have another library for an account."""
    own: Library | ReadError = case.shared.libraries[manager.lib]
    if isinstance(own, ReadError):
        raise own.with_traceback(None)
    if manager.version == 1:
        return own, ()
    [override], collaterals = yield from both(
        attempt([calls.ACCOUNT_LIB.at(manager.address, case.found.account)]),
        join([_collateral(case, manager.lib, one) for one in case.collaterals]),
    )
    # Version 2.0 has one library, and no function that tells of others.
    if isinstance(override, ReadError) or override == manager.lib:
        return own, tuple(collaterals)
    parameters, collaterals = yield from both(
        library(override, manager.version),
        join([_collateral(case, override, one) for one in case.collaterals]),
    )
    return parameters, tuple(collaterals)


def _collateral(case: Case, lib: Address, has: Balance) -> Read[Collateral]:
    """A collateral at its own feed's price; one without a feed fails as the manager's own sum does."""
    amount = _positive(case, has)
    token = yield from token_behind(case.shared, has.asset)
    feed = case.shared.collateral_feeds.get((case.manager.address, has.asset))
    if feed is None:
        [feed] = yield from ask([calls.COLLATERAL_FEED.at(case.manager.address, has.asset)])
    (price, confidence), [(_, is_cancelling, mm_haircut, im_haircut)] = yield from both(
        read_price(feed, case.system.token_id(token)),
        ask([calls.COLLATERAL_PARAMETERS.at(lib, has.asset)]),
    )
    return Collateral(price, amount, confidence, is_cancelling, mm_haircut, im_haircut)
