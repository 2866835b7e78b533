"""The steps that a plan may be made of: each can be done by any amount, on a copy of the portfolio."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from aggregator.contract.approvals import token_address
from aggregator.model.accounts import Account
from aggregator.model.actions import (
    Action,
    AdjustableRule,
    Applied,
    Deposit,
    Repay,
    Traded,
    Untold,
    Withdraw,
)
from aggregator.model.assets import Asset
from aggregator.model.calls import CallableRule, Hands
from aggregator.model.errors import UnusablePrice
from aggregator.model.plans import Move, Swap, Transfer
from aggregator.model.positions import Debt, Holding, Option, Perp
from aggregator.model.rules import Amount, Refused
from aggregator.model.spot_markets import SpotMarket, Swapped
from aggregator.planning.halving import largest
from aggregator.planning.limits import Kind
from aggregator.pricing.book import usd
from aggregator.risk.changed import total
from aggregator.risk.copies import Copy, pay, purse_of
from aggregator.risk.steps import applied

DUST_USD = 0.01
"""A debt of which less would be left is repaid as a whole."""
INTEREST = 100_000
"""One part of so many is paid beside a debt that is repaid as a whole: an hour of 88% a year."""
NEARLY = 1_000
"""One part of so many less interest than that is enough: what the program's rounding leaves unpaid."""
EVERY = 1_000_000
"""One part of so many less than all of a debt is what the program's rounding makes of all."""
LEAST_REST = 50
"""One part of so many stays at least of an account's debts that are repaid in several parts, or nothing."""


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


@dataclass(frozen=True, slots=True)
class AssetCandidate(Candidate):
    """Repay, deposit or withdraw an asset."""

    asset: Asset

    @property
    def lent(self) -> bool:
        """Whether it repays with borrowed money, of which there is no more than that."""
        return False

    @property
    def counterpart(self) -> Candidate | None:
        """A deposit, of a withdrawal."""
        return replace(self, kind="deposit") if self.kind == "withdraw" else None

    def do(self, copy: Copy, raw: int) -> Outcome:
        """See Candidate."""
        account = copy.accounts.get(self.account_id)
        if account is None or not isinstance(account.rule, AdjustableRule):
            return Untold("its rule can't tell")
        action: Repay | Deposit | Withdraw
        more = 0
        match self.kind:
            case "repay":
                repaid = self._repaid(copy, account, raw)
                if isinstance(repaid, Refused):
                    return repaid
                action, more = repaid
            case "withdraw":
                action = Withdraw(self.asset.id, raw)
            case _:
                action = Deposit(self.asset.id, raw)
        done = asked(copy, account, account.rule, action)
        if isinstance(done, Traded):
            raise TypeError(f"{account.protocol} answers {self.kind} as if it were a trade")
        if not isinstance(done, Applied):
            return done
        applied(copy, account, self.asset, done)
        copy.note(account.id, action)
        paid, received = some(done.paid), some(done.received)
        if more and done.paid is not None:
            pay(copy, copy.accounts[self.account_id], self.asset, more)
            paid = (replace(done.paid, raw=done.paid.raw + more),)
        return Done(action, (paid or received or (None,))[0], paid, received)

    def _repaid(self, copy: Copy, account: Account, raw: int) -> tuple[Repay, int] | Refused:
        """The repayment, and what is paid for interest: of all of a debt that would else be next to nothing.

        Interest runs on all that was owed at first, also on what was repaid in part since. Money that the
        wallet is to get later in a plan may come with it; what it has already may not suffice. A health of a
        debt of dust tells nothing, since the interest of a moment moves it: what was repaid in part keeps a
        rest, or nothing where the protocol can be asked for all, whatever that is by then.
        """
        first = next((one for one in copy.portfolio.accounts if one.id == self.account_id), account)
        owed, before = (total(one, Debt, self.asset.id) for one in (account, first))
        has, more = balance(copy, purse_of(copy, account).id, self.asset), interest(max(owed, before))
        later = has < owed and not self.lent and owed - raw <= owed // EVERY
        enough = has - owed >= more - more // NEARLY
        every = (enough or later) and (owed - raw) * self.unit_usd < DUST_USD
        if enough:
            more = min(more, has - owed)
        if every and _all_is_timeless(copy, first, account, self.asset):
            return Repay(self.asset.id, None), more
        before_usd, all_usd = _owed_usd(copy, first), _owed_usd(copy, account)
        if all_usd < before_usd and (all_usd - raw * self.unit_usd) * LEAST_REST < before_usd:
            return Refused("what was repaid in part keeps a rest, or nothing")
        return Repay(self.asset.id, raw), 0


def _all_is_timeless(copy: Copy, first: Account, account: Account, asset: Asset) -> bool:
    """Whether the calls of a whole repayment, approvals aside, are what they were before parts were repaid.

    A protocol that is told all in shares of today leaves what interest makes of them until parts are mined.
    """
    hands = Hands(account.owner_path[-1], purse_of(copy, account).owner_path[-1])
    asked, token = [], token_address(asset.id)
    for one in (first, account):
        if not isinstance(one.rule, CallableRule):
            return True
        calls = one.rule.calls(Repay(asset.id, None), hands)
        if isinstance(calls, Untold):
            return True
        asked.append([(call.to, call.data, call.value) for call in calls if call.to != token])
    return asked[0] == asked[1]


def _owed_usd(copy: Copy, account: Account) -> float:
    """All that an account owes."""
    owed = [p for p in account.positions if isinstance(p, Debt) and p.asset.id in copy.portfolio.marks]
    return sum(p.raw * usd(copy.portfolio.marks[p.asset.id]) / float(10**p.asset.decimals) for p in owed)


def interest(owed: int) -> int:
    """What a debt may grow by until its repayment is mined."""
    return owed // INTEREST + 1


@dataclass(frozen=True, slots=True)
class SwapCandidate(Candidate):
    """Sell an asset of a wallet for another at the market that the copy's exchange stands at."""

    sold: Asset
    bought: Asset
    market: SpotMarket
    slippage: Decimal

    @property
    def touches(self) -> tuple[str, ...]:
        """None but wallets."""
        return ()

    def do(self, copy: Copy, raw: int) -> Outcome:
        """See Candidate; the wallet is given what is sure, the quote less the slippage."""
        key = self.market.chain, self.market.assets, self.market.label
        market = copy.markets.get(key, self.market)
        sold = Amount(self.sold.id, raw)
        found = market.swap(sold)
        if not isinstance(found, Swapped):
            return found
        least = Amount(self.bought.id, int(found.received.raw * (1 - Fraction(self.slippage))))
        purse = copy.accounts[self.account_id]
        pay(copy, purse, self.sold, raw)
        pay(copy, copy.accounts[self.account_id], self.bought, -least.raw)
        copy.markets[key] = found.successor
        return Done(Swap(market, sold, least), sold, (sold,), (least,))


@dataclass(frozen=True, slots=True)
class TransferCandidate(Candidate):
    """Send an asset to another wallet of the same person; over a bridge it arrives as `arrives_as`."""

    asset: Asset
    arrives_as: Asset
    to: str
    kept: Decimal

    @property
    def touches(self) -> tuple[str, ...]:
        """None but wallets."""
        return ()

    def do(self, copy: Copy, raw: int) -> Outcome:
        """See Candidate."""
        scale = Fraction(10) ** (self.arrives_as.decimals - self.asset.decimals)
        there = int(raw * (1 - Fraction(self.kept)) * scale)
        pay(copy, copy.accounts[self.account_id], self.asset, raw)
        pay(copy, copy.accounts[self.to], self.arrives_as, -there)
        sent, arrives = Amount(self.asset.id, raw), Amount(self.arrives_as.id, there)
        return Done(Transfer(sent, arrives, self.to), sent, (sent,), (arrives,))


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
