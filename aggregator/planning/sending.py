"""The unsigned calls of a step: what its account's rule, or its market, would have sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from aggregator.contract.approvals import token_address, transfer
from aggregator.model.accounts import Account
from aggregator.model.actions import Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.calls import CallableRule, Hands, UnsignedCall
from aggregator.model.plans import Flash, Swap, Transfer
from aggregator.model.units import Address
from aggregator.planning.bundle_calls import bundle_calls
from aggregator.planning.candidates import Ordered
from aggregator.risk.copies import Copy, purse_of

DEADLINE_S = 3_600
"""After the block: a swap that is sent later reverts."""


def sender_of(copy: Copy, account: Account) -> Address:
    """Who pays and sends: the wallet's own address that stands behind the account."""
    return purse_of(copy, account).owner_path[-1]


def unsigned(step: Ordered) -> Sequence[UnsignedCall] | Untold:
    """The calls of one step, in order, or why they can't be told."""
    copy, move = step.before, step.done.move
    account = copy.accounts[step.candidate.account_id]
    sender = sender_of(copy, account)
    match move:
        case Repay() | Deposit() | Withdraw() | Trade():
            rule = account.rule
            if not isinstance(rule, CallableRule):
                return Untold(f"{account.protocol} does not tell its calls")
            return rule.calls(move, Hands(account.owner_path[-1], sender))
        case Swap():
            deadline = copy.portfolio.blocks[account.chain].timestamp + DEADLINE_S
            return move.market.calls(move.sold, move.least, sender, deadline)
        case Transfer():
            return _transfer(copy, account, move)
        case Flash():
            return bundle_calls(step, copy.portfolio.blocks[account.chain].timestamp + DEADLINE_S)
        case _:
            assert_never(move)


def _transfer(copy: Copy, account: Account, move: Transfer) -> Sequence[UnsignedCall] | Untold:
    target = copy.accounts[move.to]
    token = token_address(move.sent.asset)
    if target.chain != account.chain:
        return Untold("a bridge is the user's own choice")
    if token is None:
        value = move.sent.raw
        call = UnsignedCall(target.owner_path[-1], b"", value, f"send {value} wei to {target.owner_path[-1]}")
        return (call,)
    return (transfer(token, target.owner_path[-1], move.sent.raw),)
