"""Debts repaid, and assets deposited and withdrawn, at the venue of an account."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aggregator.contract.approvals import token_address
from aggregator.model.accounts import Account
from aggregator.model.actions import (
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
from aggregator.model.positions import Debt
from aggregator.model.rules import Refused
from aggregator.planning.candidates import Candidate, Done, Outcome, asked, balance, some
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
