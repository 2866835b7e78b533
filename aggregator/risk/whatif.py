"""What would become of a portfolio after actions, done on a copy of it and assessed anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction

from aggregator.contract import RuleFamily
from aggregator.model.accounts import Account
from aggregator.model.actions import Deposit, Repay, Withdraw
from aggregator.model.assets import USD, Asset, AssetId, Classification, index_id
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Perp, Supply
from aggregator.model.readings import Quote
from aggregator.model.stresses import WhatIf
from aggregator.model.units import unscaled
from aggregator.risk.assess import assessments
from aggregator.risk.book import book
from aggregator.risk.changed import ORIGIN, total
from aggregator.risk.copies import Copy
from aggregator.risk.greeks import position_greeks
from aggregator.risk.scenarios import ScenarioSet
from aggregator.risk.steps import act, close
from aggregator.risk.stress import new_flags, reassessed
from aggregator.risk.trading import trade
from aggregator.risk.wishes import Kind, Wish, account_of, asset_of

ORDER: tuple[Kind, ...] = ("close", "repay", "deposit", "withdraw", "open")
"""Closing and paying first, so that what is taken out afterwards finds the account at its best."""

DECIMALS = 18
"""Of sizes and prices of what is opened."""

NO_DELTA = 1e-8
"""Of the deltas of all positions: what is left of a hedge to nine digits is none."""


def whatif(
    portfolio: Portfolio,
    wishes: Sequence[Wish],
    *,
    families: Mapping[str, RuleFamily],
    scenarios: ScenarioSet,
) -> WhatIf:
    """The portfolio today and after the wishes, in the order of ORDER.

    Accounts whose rule can't tell what its protocol would do keep their positions and lose their own health,
    which makes the answer incomplete. Raises BadConfiguration where a protocol would refuse an action, and
    where what is named is not there; otherwise as `assess`.
    """
    [(today, before)] = assessments([portfolio], families=families, scenarios=scenarios)
    copy = Copy.of(portfolio)
    ordered = sorted(wishes, key=lambda wish: ORDER.index(wish.kind))
    for wish in ordered:
        _do(copy, wish, scenarios)
    [(changed, after)] = assessments([copy.result()], families=families, scenarios=scenarios)
    return WhatIf(
        today=reassessed(today, before),
        after=reassessed(changed, after),
        done=tuple(wish.option for wish in ordered),
        told=tuple(dict.fromkeys((*copy.told, *copy.lacking, *new_flags(before, after)))),
    )


def _do(copy: Copy, wish: Wish, scenarios: ScenarioSet) -> None:
    now = replace(copy.portfolio, accounts=tuple(copy.accounts.values()))
    if wish.kind == "open":
        _open(copy, wish, None if wish.account is None else account_of(now, wish), scenarios)
        return
    account = account_of(now, wish)
    if wish.kind == "close":
        close(copy, account.id, wish.name, Fraction(1) if wish.share is None else wish.share, wish.option)
        return
    asset = asset_of(now, account, wish)
    raw = _raw(account, asset, wish)
    if wish.kind == "repay":
        act(copy, account.id, asset, Repay(asset.id, raw), wish.option)
    elif wish.kind == "withdraw":
        act(copy, account.id, asset, Withdraw(asset.id, raw), wish.option)
    elif wish.amount is None or raw is None:
        raise BadConfiguration(wish.option, "say how much is deposited, in units")
    else:
        act(copy, account.id, asset, Deposit(asset.id, raw), wish.option)


def _raw(account: Account, asset: Asset, wish: Wish) -> int | None:
    """The amount in the smallest unit, rounded down; None for all of it."""
    if wish.amount is not None:
        raw = unscaled(wish.amount, asset.decimals, rounding="down")
        if raw <= 0:
            raise BadConfiguration(wish.option, f"give an amount of {asset.symbol} above 0")
        return raw
    if wish.share is None or wish.share == 1:
        return None
    kind = Debt if wish.kind == "repay" else Supply
    return int(total(account, kind, asset.id) * wish.share)


def _open(copy: Copy, wish: Wish, account: Account | None, scenarios: ScenarioSet) -> None:
    """A perp at the mark of its underlying, in an account or in one of its own that nothing liquidates.

    Where the account has one on that underlying already its venue's rule says what it takes, if it can.
    """
    underlying = _underlying(copy.portfolio, wish)
    index = _marked(copy, underlying)
    size = wish.amount if wish.amount is not None else _against(copy, underlying, wish, scenarios)
    if account is not None and (held := _perp_of(account, underlying)) is not None:
        size_raw = unscaled(size, held.size_decimals, rounding="down")
        if size_raw == 0:
            raise BadConfiguration(wish.option, f"give at least 1e-{held.size_decimals} of a unit")
        trade(copy, account.id, held, size_raw, wish.option)
        return
    target = account or _hypothetical(copy, underlying)
    settlement = _settlement(copy, target)
    price = _price(
        copy.portfolio.marks[index], copy.portfolio.marks[settlement.id], settlement, copy.portfolio
    )
    size_raw = unscaled(size, DECIMALS, rounding="down")
    if size_raw == 0:
        raise BadConfiguration(wish.option, f"give at least 1e-{DECIMALS} of a unit")
    perp = Perp(
        market=f"{underlying} perp",
        index=index,
        underlying=underlying,
        size_raw=size_raw,
        size_decimals=DECIMALS,
        entry_price_raw=price,
        mark_price_raw=price,
        price_decimals=DECIMALS,
        pnl_raw=0,
        funding_raw=0,
        settlement=settlement,
        origin=ORIGIN,
        funding_24h_raw=None,
    )
    target = replace(target, positions=(*target.positions, perp))
    if account is not None:
        target = copy.lose(target, "what its venue asks for another position is not known")
    copy.accounts[target.id] = target
    copy.told.append(f"the {underlying} perp opens at the mark: no fee, price impact or funding is counted")
    if account is None:
        copy.told.append(
            f"the {underlying} perp is in no venue: nothing asks margin for it, or liquidates it"
        )


def _perp_of(account: Account, underlying: str) -> Perp | None:
    """The account's own perp on an underlying: its venue's rule tells what more of it takes."""
    for position in account.positions:
        if isinstance(position, Perp) and position.underlying == underlying:
            return position
    return None


def _underlying(portfolio: Portfolio, wish: Wish) -> str:
    known = sorted(set(portfolio.spots) - {USD})
    name = wish.name or ""
    found = next((one for one in known if one.casefold() == name.casefold()), None)
    if found is None:
        near = get_close_matches(name, known, n=4, cutoff=0.4) or known
        raise BadConfiguration(wish.option, f"no price of {name!r} is known: there are {', '.join(near)}")
    return found


def _against(copy: Copy, underlying: str, wish: Wish, scenarios: ScenarioSet) -> Decimal:
    """The size that takes away the delta that the whole has after what was done before, to nine digits."""
    deltas = [
        part.greeks.delta_units
        for part in position_greeks(book([copy.result()], scenarios), 0)
        if part.greeks.underlying == underlying
    ]
    delta = math.fsum(deltas)
    if abs(delta) <= NO_DELTA * math.fsum(map(abs, deltas)):
        raise BadConfiguration(wish.option, f"there is no delta to {underlying} to hedge: give a size")
    return Decimal(f"{-delta:.9g}")


def _hypothetical(copy: Copy, underlying: str) -> Account:
    portfolio = copy.portfolio
    name = f"whatif:{underlying}"
    return copy.accounts.get(name) or Account(
        id=name,
        protocol="whatif",
        kind="perp",
        chain=next(account.chain for account in portfolio.accounts),
        label=f"hypothetical {underlying} perp",
        owner_path=(portfolio.wallet,),
        positions=(),
        rule=None,
        reported=None,
        debt_is_recourse=True,
    )


def _settlement(copy: Copy, account: Account) -> Asset:
    """What the account's perps are settled in, or what it has posted; without either dollars themselves."""
    perps = [position.settlement for position in account.positions if isinstance(position, Perp)]
    posted = [position.asset for position in account.positions if isinstance(position, Supply)]
    if perps or posted:
        return (perps or posted)[0]
    dollar = index_id(USD)
    _mark(copy, Quote(dollar, 1, 0, ORIGIN), Classification(USD, "base"))
    return Asset(dollar, USD, DECIMALS)


def _marked(copy: Copy, underlying: str) -> AssetId:
    """The index of an underlying, with a mark: its spot, where no protocol quotes the index itself."""
    index = index_id(underlying)
    if index not in copy.portfolio.marks:
        price = unscaled(Decimal(repr(copy.portfolio.spots[underlying])), DECIMALS, rounding="up")
        _mark(copy, Quote(index, price, DECIMALS, ORIGIN), Classification(underlying, "base"))
    return index


def _mark(copy: Copy, quote: Quote, known: Classification) -> None:
    portfolio = copy.portfolio
    copy.portfolio = replace(
        portfolio,
        marks={**portfolio.marks, quote.asset: quote},
        classes={**portfolio.classes, quote.asset: known},
    )


def _price(index: Quote, payment: Quote, settlement: Asset, portfolio: Portfolio) -> int:
    """The index's price in the settlement asset: venues take a token that stands for a dollar for one."""
    known = portfolio.classes.get(settlement.id)
    dollars = index.price * int(10**DECIMALS) // int(10**index.decimals)
    if known is not None and known.underlying == USD:
        return dollars
    return dollars * int(10**payment.decimals) // payment.price
