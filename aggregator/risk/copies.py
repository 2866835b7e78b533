"""A portfolio that is being changed, step by step: its accounts, and the wallets that pay and receive."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from aggregator.model.accounts import Account
from aggregator.model.actions import Action
from aggregator.model.assets import Asset, AssetId
from aggregator.model.errors import NativeUnknown
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp
from aggregator.model.rules import Rule
from aggregator.model.shared import SharedRoom
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import ChainId, plain, scaled
from aggregator.risk.changed import ORIGIN
from aggregator.risk.moving import without_native

MarketKey: TypeAlias = tuple[ChainId, tuple[AssetId, AssetId], str]


@dataclass
class Copy:
    """A portfolio that is being changed: its accounts by id, what is lost of their rules, and what to say.

    `markets` are exchanges that have been used, by chain, sides and label, as they stand then. `acts` is what
    a plan has done with each account, and what steps of others left it of a shared room, in order; `later`
    keeps what `planning.later` made of so many of them.
    """

    portfolio: Portfolio
    accounts: dict[str, Account]
    lost: dict[str, NativeUnknown]
    told: list[str]
    markets: dict[MarketKey, SpotMarket] = field(default_factory=dict)
    acts: dict[str, tuple[Action | SharedRoom, ...]] = field(default_factory=dict)
    later: dict[str, tuple[int, Rule | None]] = field(default_factory=dict)

    @staticmethod
    def of(portfolio: Portfolio) -> Copy:
        """A copy on which nothing has been done yet."""
        return Copy(portfolio, {account.id: account for account in portfolio.accounts}, {}, [])

    def fork(self) -> Copy:
        """Another one in the same state, which can be changed without this one."""
        return Copy(
            self.portfolio,
            dict(self.accounts),
            dict(self.lost),
            list(self.told),
            dict(self.markets),
            dict(self.acts),
            dict(self.later),
        )

    def note(self, account_id: str, action: Action | SharedRoom) -> None:
        """Keep what was done with an account, or left to it."""
        self.acts[account_id] = (*self.acts.get(account_id, ()), action)

    def result(self) -> Portfolio:
        """The portfolio after everything; incomplete where an account's own health is not known then.

        An account without any position is gone.
        """
        accounts = tuple(account for account in self.accounts.values() if account.positions)
        lost = [(account, self.lost[account.id]) for account in accounts if account.id in self.lost]
        return replace(self.portfolio, accounts=accounts, **without_native(self.portfolio, lost))

    @property
    def lacking(self) -> tuple[str, ...]:
        """What wallets would have to find elsewhere, in sentences."""
        owed = [
            (account.label, p)
            for account in self.accounts.values()
            for p in account.positions
            if account.kind == "wallet" and isinstance(p, Debt)
        ]
        return tuple(
            f"{label} lacks {plain(scaled(p.raw, p.asset.decimals))} {p.asset.symbol}: it is counted as owed"
            for label, p in owed
        )

    def lose(self, account: Account, why: str) -> Account:
        """The account without its rule, which can't tell its own health any more.

        Where nothing is left that needs margin, nothing is required, and nothing unknown.
        """
        if needs_margin(account):
            self.lost.setdefault(account.id, NativeUnknown(account.label, why))
        else:
            self.lost.pop(account.id, None)
        return replace(account, rule=None, reported=None)


def needs_margin(account: Account) -> bool:
    """Whether anything is owed or open in it."""
    return any(isinstance(p, Perp | Option | Debt) for p in account.positions)


def pay(copy: Copy, account: Account, asset: Asset, raw: int) -> None:
    """Take an amount out of the wallet that an account belongs to, or add one below zero.

    What the wallet lacks is owed by it, which is said: the whole is worth what it would be if that came from
    nowhere else.
    """
    purse = purse_of(copy, account)
    has = sum(p.raw for p in purse.positions if isinstance(p, Holding) and p.asset.id == asset.id)
    owes = sum(p.raw for p in purse.positions if isinstance(p, Debt) and p.asset.id == asset.id)
    left = has - owes - raw
    others = [p for p in purse.positions if not (isinstance(p, Holding | Debt) and p.asset.id == asset.id)]
    if left > 0:
        others.append(Holding(asset, left, ORIGIN))
    if left < 0:
        others.append(Debt(asset, -left, "variable", ORIGIN))
    copy.accounts[purse.id] = replace(purse, positions=tuple(others))


def purse_of(copy: Copy, account: Account) -> Account:
    """The wallet account that pays: of the address that holds the account, else of one that owns it."""
    wallets = [a for a in copy.accounts.values() if a.kind == "wallet" and a.chain == account.chain]
    for holder in reversed(account.owner_path):
        for one in wallets:
            if one.owner_path[-1] == holder:
                return one
    if account.kind == "wallet":
        return account
    made = account.bare_wallet
    copy.accounts[made.id] = made
    return made
