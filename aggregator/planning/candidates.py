"""The steps that a plan may be made of: each can be done by any amount, on a copy of the portfolio."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from aggregator.model.accounts import Account
from aggregator.model.actions import (
    Action,
    AdjustableRule,
    Applied,
    Traded,
    Untold,
)
from aggregator.model.assets import Asset
from aggregator.model.errors import UnusablePrice
from aggregator.model.plans import Move
from aggregator.model.positions import Holding, Option, Perp
from aggregator.model.rules import Amount, Refused
from aggregator.planning.halving import largest
from aggregator.planning.limits import Kind
from aggregator.risk.copies import Copy, purse_of


@dataclass(frozen=True, slots=True)
class Done:
    """What one step did: `move` as it is asked of the venue, `amount` what was moved.

    `fee` is what the venue takes of an asset, `paid` and `received` what the wallet pays and gets. `parts`
    are the steps of a bundle.
    """

    move: Move
    amount: Amount | None
    paid: tuple[Amount, ...]
    received: tuple[Amount, ...]
    fee: Amount | None = None
    parts: tuple[Ordered, ...] = ()


Outcome = Done | Refused | Untold


@dataclass(frozen=True, slots=True)
class Ordered:
    """One step: what was done with a candidate, and the states before and after it."""

    candidate: Candidate
    raw: int
    done: Done
    before: Copy
    after: Copy


@dataclass(frozen=True, slots=True)
class Candidate(ABC):
    """One kind of step with one account.

    `name` is unique. `unit_usd` is what its smallest unit is worth today, so that x dollars are
    `x / unit_usd` units; `most` is how many of them there can be. `touches` are the accounts that change
    beside wallets.
    """

    name: str
    kind: Kind
    account_id: str
    unit_usd: float
    most: int

    @abstractmethod
    def do(self, copy: Copy, raw: int) -> Outcome:
        """Do so much of it on the copy, which stays as it is where that is refused or can't be told."""
        ...

    @property
    def touches(self) -> tuple[str, ...]:
        """The accounts whose own test may change."""
        return (self.account_id,)

    @property
    def counterpart(self) -> Candidate | None:
        """What undoes it, whether or not a plan may do that."""
        return None

    @property
    def margin(self) -> Candidate | None:
        """What adds the margin that its venue asks for it first, where something can."""
        return None

    def prepared(self, copy: Copy) -> Copy:
        """A state in which margin is no bound of it, or only as a venue's cap on margin is.

        What it does and costs is sampled there.
        """
        if self.margin is None:
            return copy
        after = copy.fork()
        posted = self.margin.do(after, self.margin.taken(copy, self.margin.most))
        return after if isinstance(posted, Done) else copy

    def taken(self, copy: Copy, wanted: int) -> int:
        """How much of an amount a venue takes in a state: of a deposit only what a cap leaves."""

        def is_taken(raw: int) -> bool:
            return isinstance(self.do(copy.fork(), raw), Done)

        return wanted if is_taken(wanted) else largest(is_taken, wanted)

    def raw(self, usd: float) -> int:
        """The units that so many dollars are, rounded up, at most all that there can be."""
        return min(self.most, max(0, math.ceil(usd / self.unit_usd)))

    def at_most(self, raw: int) -> float:
        """So many units in USD, a little less where `raw` of that would be more."""
        usd = raw * self.unit_usd
        while self.raw(usd) > raw:
            usd = math.nextafter(usd, 0.0)
        return usd

    @property
    def most_usd(self) -> float:
        """All of it, in USD."""
        return self.most * self.unit_usd


def balance(copy: Copy, purse_id: str, asset: Asset) -> int:
    """What a wallet account has of an asset, in its smallest unit; owed where it is below zero."""
    account = copy.accounts.get(purse_id)
    if account is None:
        return 0
    return sum(
        position.raw if isinstance(position, Holding) else -position.raw
        for position in account.positions
        if not isinstance(position, Perp | Option) and position.asset.id == asset.id
    )


def purse_id(copy: Copy, account_id: str) -> str:
    """The wallet account that pays for an account."""
    return purse_of(copy, copy.accounts[account_id]).id


def asked(
    copy: Copy, account: Account, rule: AdjustableRule, action: Action
) -> Applied | Traded | Refused | Untold:
    """What the rule says at the account's prices and block; Untold where it can't be judged at a price."""
    try:
        return rule.apply(account.prices, copy.portfolio.blocks[account.chain].timestamp, action)
    except UnusablePrice as error:
        return Untold(str(error))


def some(amount: Amount | None) -> tuple[Amount, ...]:
    """None or one."""
    return () if amount is None else (amount,)
