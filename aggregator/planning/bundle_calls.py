"""The unsigned calls of a flash bundle: what the owner of its executor sends."""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.contract.approvals import token_address, transfer
from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import DelegatedRule, Hands, UnsignedCall
from aggregator.model.plans import Flash, Swap, Transfer
from aggregator.planning.bundles import Bundle
from aggregator.planning.candidates import Ordered
from aggregator.planning.swaps import SwapCandidate


def _lacking(step: Ordered) -> dict[AssetId, int]:
    """What the parts of a bundle take more of than they bring, the fee included: the wallet's own."""
    brought: dict[AssetId, int] = {}
    flows = [(part.done.received, part.done.paid) for part in step.done.parts]
    lent = () if step.done.amount is None else (step.done.amount,)
    for received, paid in (*flows, (lent, (*lent, *step.done.paid))):
        for amount in received:
            brought[amount.asset] = brought.get(amount.asset, 0) + amount.raw
        for amount in paid:
            brought[amount.asset] = brought.get(amount.asset, 0) - amount.raw
    return {asset: -raw for asset, raw in brought.items() if raw < 0}


def bundle_calls(step: Ordered, deadline: int) -> Sequence[UnsignedCall] | Untold:
    """What the executor's owner sends: permits, the bundle, and what takes the permits back."""
    bundle = step.candidate
    if not isinstance(bundle, Bundle):
        raise TypeError(f"{bundle.name} is no bundle")
    account = step.before.accounts[bundle.account_id]
    hands = Hands(account.owner_path[-1], bundle.executor)
    before: list[UnsignedCall] = []
    inner: list[UnsignedCall] = []
    after: list[UnsignedCall] = []
    touched: list[AssetId] = []
    for part in step.done.parts:
        move, candidate = part.done.move, part.candidate
        touched += [amount.asset for amount in (*part.done.paid, *part.done.received)]
        if isinstance(candidate, SwapCandidate):
            calls = candidate.market.calls(
                part.done.paid[0], part.done.received[0], bundle.executor, deadline
            )
        else:
            rule = part.before.accounts[candidate.account_id].rule
            if not isinstance(rule, DelegatedRule) or isinstance(move, Flash | Swap | Transfer):
                return Untold(f"{account.protocol} lets nobody else act for an account")
            calls = rule.calls(move, hands)
            permits = rule.permits(move, hands)
            if isinstance(permits, Untold):
                return permits
            before += permits.before
            after += permits.after
        if isinstance(calls, Untold):
            return calls
        inner += calls
    left = list(dict.fromkeys(touched))
    lent = step.done.amount
    if lent is None:
        raise TypeError(f"{bundle.name} borrows nothing")
    for asset, raw in _lacking(step).items():
        token = token_address(asset)
        if token is None:
            return Untold("a bundle can't be given coins")
        before.append(transfer(token, bundle.executor, raw))
    sent = bundle.repay.lender.calls(lent, inner, bundle.executor, left)
    return sent if isinstance(sent, Untold) else (*before, *sent, *after)
