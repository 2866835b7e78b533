"""What somebody would do, as it is asked for, and which account and asset of a portfolio is meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from aggregator.model.accounts import Account
from aggregator.model.assets import Asset
from aggregator.model.errors import BadConfiguration
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Holding, Supply
from aggregator.risk.changed import is_called

Kind = Literal["close", "repay", "deposit", "withdraw", "open"]


@dataclass(frozen=True, slots=True)
class Wish:
    """One action. `account` is an id, an adapter's name or a part of a label; `name` an asset or a market.

    `amount` is in whole units, signed where something is opened; `share` is a part of what there is. With
    neither it is all of it. `option` is the option as it was given, for messages.
    """

    kind: Kind
    account: str | None
    name: str | None
    amount: Decimal | None
    share: Fraction | None
    option: str


def assigned(portfolios: Sequence[Portfolio], wishes: Iterable[Wish]) -> list[list[Wish]]:
    """The wishes of each portfolio: an account must be one of exactly one of them.

    Raises BadConfiguration where that is not so, and where a wish without an account meets several.
    """
    result: list[list[Wish]] = [[] for _ in portfolios]
    for wish in wishes:
        if wish.account is None:
            if len(portfolios) != 1:
                raise BadConfiguration(wish.option, "name one wallet, or an account with @ACCOUNT")
            result[0].append(wish)
            continue
        found = [i for i, portfolio in enumerate(portfolios) if _candidates(portfolio, wish)]
        if len(found) != 1:
            everyone = [account for portfolio in portfolios for account in portfolio.accounts]
            raise BadConfiguration(wish.option, _unclear(wish, everyone, many=len(found) > 1))
        result[found[0]].append(wish)
    return result


def account_of(portfolio: Portfolio, wish: Wish) -> Account:
    """The account that a wish names; raises BadConfiguration where it names none, or several."""
    found = _candidates(portfolio, wish)
    if len(found) != 1:
        raise BadConfiguration(wish.option, _unclear(wish, found or portfolio.accounts, many=bool(found)))
    return found[0]


def asset_of(portfolio: Portfolio, account: Account, wish: Wish) -> Asset:
    """The asset that a wish names: one of the account's, or to deposit any that is held on its chain."""
    if wish.kind == "repay":
        held = _assets(account, Debt)
    elif wish.kind == "withdraw":
        held = _assets(account, Supply)
    else:
        near = [one for one in portfolio.accounts if one.chain == account.chain]
        held = _assets(account, Supply) or {}
        for other in near:
            held = {**_assets(other, Holding, Supply, Debt), **held}
    names = (wish.name or "").casefold()
    found = [asset for asset in held.values() if names in (asset.symbol.casefold(), asset.id)]
    own = {asset.id for asset in _assets(account, Supply, Debt).values()}
    found = [asset for asset in found if asset.id in own] or found
    if len(found) != 1:
        known = ", ".join(sorted({asset.symbol for asset in held.values()})) or "nothing"
        what = "is several: give its id" if found else f"is not there: {account.label} has {known}"
        raise BadConfiguration(wish.option, f"{wish.name!r} {what}")
    return found[0]


def _assets(account: Account, *kinds: type[Holding | Supply | Debt]) -> dict[str, Asset]:
    return {
        position.asset.id: position.asset
        for position in account.positions
        if isinstance(position, Holding | Supply | Debt) and isinstance(position, kinds)
    }


def _candidates(portfolio: Portfolio, wish: Wish) -> list[Account]:
    """Accounts of that id, else of that adapter, else with that in their label; of several those that have
    what is named."""
    name = (wish.account or "").casefold()
    accounts = portfolio.accounts
    for found in (
        [a for a in accounts if a.id.casefold() == name],
        [a for a in accounts if a.protocol.casefold() == name],
        [a for a in accounts if name in a.label.casefold()],
    ):
        if len(found) > 1 and wish.name is not None:
            having = [a for a in found if any(is_called(p, wish.name) for p in a.positions)]
            return having or found
        if found:
            return found
    return []


def _unclear(wish: Wish, accounts: Sequence[Account], *, many: bool) -> str:
    shown = "; ".join(f"{account.label} ({account.id})" for account in accounts[:8])
    if many:
        return f"{wish.account!r} is more than one account, give an id: {shown}"
    return f"no account is called {wish.account!r}: there are {shown or 'none'}"
