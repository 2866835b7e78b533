"""Flash bundles: a debt is repaid with money that is lent for one transaction and comes back within it.

What an account's floor forbids as separate steps (collateral that secures the debt pays for it) is possible
in one: only the state at its end counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aggregator.model.flash import FlashLender, LendingRule
from aggregator.model.plans import Flash
from aggregator.model.rules import Amount
from aggregator.model.units import Address, ChainId
from aggregator.planning.candidates import Candidate, Done, Ordered, Outcome, balance, purse_id
from aggregator.planning.lending import AssetCandidate
from aggregator.planning.ordering import rounding
from aggregator.planning.swaps import SwapCandidate
from aggregator.risk.copies import Copy, pay

Executors = Mapping[ChainId, Address]
"""The contracts of the user's that run bundles, by chain."""


LEAST_SHARE = 10**7
"""The program's amounts are exact to one part of so many."""


@dataclass(frozen=True, slots=True)
class FlashRepay(AssetCandidate):
    """Repay a debt with borrowed money: the wallet is charged the fee as well, when the bundle ends."""

    lender_id: str
    lender: FlashLender

    def do(self, copy: Copy, raw: int) -> Outcome:
        """See Candidate: the repayment and the fee, as of a bundle whose rest is done elsewhere."""
        fee = self.lender.fee(Amount(self.asset.id, raw))
        if not isinstance(fee, Amount):
            return fee
        done = repayment(self).do(copy, raw)
        if isinstance(done, Done):
            pay(copy, copy.accounts[self.account_id], self.asset, fee.raw)
        return done


@dataclass(frozen=True, slots=True)
class LentRepay(AssetCandidate):
    """A repayment within a bundle."""

    @property
    def lent(self) -> bool:
        """See AssetCandidate."""
        return True


def repayment(one: FlashRepay) -> AssetCandidate:
    """The repayment alone."""
    return LentRepay(one.name, "repay", one.account_id, one.unit_usd, one.most, one.asset)


@dataclass(frozen=True, slots=True)
class Bundle(Candidate):
    """A repayment with borrowed money, and what pays for it; it is done as a whole, or not at all."""

    repay: FlashRepay
    lent: int
    parts: tuple[tuple[Candidate, int], ...]
    executor: Address

    def do(self, copy: Copy, raw: int) -> Outcome:
        """See Candidate; `raw` is 1. Only the state at the end must be one that wallets can pay.

        What the program's rounding leaves unpaid is not borrowed.
        """
        del raw
        tried = copy.fork()
        done = self._with(tried, self.lent)
        if not isinstance(done, Done):
            return done
        short = -balance(tried, purse_id(tried, self.account_id), self.repay.asset)
        rest = short + short // 100 + 1 if 0 < short <= self.lent // LEAST_SHARE else 0
        return self._with(copy, self.lent - rest)

    def _with(self, copy: Copy, raw: int) -> Outcome:
        lent = Amount(self.repay.asset.id, raw)
        fee = self.repay.lender.fee(lent)
        if not isinstance(fee, Amount):
            return fee
        done: list[Ordered] = []
        for one, amount in ((repayment(self.repay), raw), *self.parts):
            before, sold = copy.fork(), amount
            if isinstance(one, SwapCandidate):
                has = balance(copy, one.account_id, one.sold)
                sold = has if 0 < amount - has <= amount // LEAST_SHARE else amount
            found = one.do(copy, sold)
            if not isinstance(found, Done):
                return found
            done.append(Ordered(one, sold, found, before, copy.fork()))
        pay(copy, copy.accounts[self.account_id], self.repay.asset, fee.raw)
        move = Flash(self.repay.lender_id, lent, fee, ())
        return Done(move, lent, (fee,), (), fee, tuple(done))


def flash_repays(copy: Copy, candidates: Sequence[Candidate], executors: Executors) -> list[FlashRepay]:
    """For each repayment the one with borrowed money, where somebody on its chain lends the asset."""
    found: list[FlashRepay] = []
    for one in candidates:
        if not isinstance(one, AssetCandidate) or one.kind != "repay":
            continue
        account = copy.accounts[one.account_id]
        if account.chain not in executors or account.owner_path[-1] != account.owner_path[0]:
            continue
        lender = _cheapest(copy, one)
        if lender is not None:
            name = one.name.replace("repay", "flash", 1)
            found.append(
                FlashRepay(
                    name, "flash", one.account_id, one.unit_usd, one.most, one.asset, lender[0], lender[1]
                )
            )
    return found


def without_loops(copy: Copy, candidates: Sequence[Candidate], lent: Sequence[FlashRepay]) -> list[Candidate]:
    """The candidates where what can be repaid with borrowed money is else repaid with what the wallet has.

    What is taken out and sold for a debt costs no gas in a bundle only.
    """
    borrowed = {("repay", one.account_id, one.asset.id) for one in lent}
    found: list[Candidate] = []
    for one in candidates:
        if not isinstance(one, AssetCandidate) or (one.kind, one.account_id, one.asset.id) not in borrowed:
            found.append(one)
        elif (has := balance(copy, purse_id(copy, one.account_id), one.asset)) > 0:
            found.append(replace(one, most=min(one.most, has)))
    return found


def _cheapest(copy: Copy, one: AssetCandidate) -> tuple[str, FlashLender] | None:
    """The lender of least fee for the whole debt, the account's own first where they are equal."""
    chain = copy.accounts[one.account_id].chain
    best: tuple[int, str, FlashLender] | None = None
    others = [account for account in copy.accounts.values() if account.chain == chain]
    others.sort(key=lambda account: account.id != one.account_id)
    for account in others:
        lender = account.rule.lender if isinstance(account.rule, LendingRule) else None
        fee = None if lender is None else lender.fee(Amount(one.asset.id, one.most))
        if lender is not None and isinstance(fee, Amount) and (best is None or fee.raw < best[0]):
            best = fee.raw, account.id, lender
    return None if best is None else best[1:]


def bundled(
    copy: Copy, candidates: Sequence[Candidate], amounts: Mapping[str, int], executors: Executors
) -> tuple[list[Candidate], dict[str, int]]:
    """Candidates and amounts in which each repayment with borrowed money has become a bundle.

    Its parts are the account's own collateral that is taken out and what is sold of it for the debt.
    """
    left = dict(amounts)
    kept: list[Candidate] = [one for one in candidates if not isinstance(one, FlashRepay)]
    for one in candidates:
        if not isinstance(one, FlashRepay) or not left.pop(one.name, 0):
            continue
        # What pays for it is rounded too: a little less is sold than is taken out, and less yet is lent.
        lent = amounts[one.name] - min(amounts[one.name] // 2, 3 * rounding(amounts[one.name]))
        purse = purse_id(copy.fork(), one.account_id)
        taken = [c for c in _taken_out(candidates, one) if left.get(c.name)]
        sold = {c.asset.id for c in taken}
        swaps = [
            c
            for c in candidates
            if isinstance(c, SwapCandidate)
            and (c.account_id, c.bought.id) == (purse, one.asset.id)
            and c.sold.id in sold
            and left.get(c.name)
        ]
        parts = (
            *((c, left.pop(c.name)) for c in taken),
            *((c, (raw := left.pop(c.name)) - rounding(raw)) for c in swaps),
        )
        chain = copy.accounts[one.account_id].chain
        bundle = Bundle(
            f"bundle {one.name}",
            "flash",
            one.account_id,
            one.unit_usd * lent,
            1,
            one,
            lent,
            parts,
            executors[chain],
        )
        kept.append(bundle)
        left[bundle.name] = 1
    return kept, left


def _taken_out(candidates: Sequence[Candidate], one: FlashRepay) -> list[AssetCandidate]:
    return [
        c
        for c in candidates
        if isinstance(c, AssetCandidate) and (c.kind, c.account_id) == ("withdraw", one.account_id)
    ]
