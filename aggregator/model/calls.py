"""Unsigned transactions: what somebody with a key would send. The product never signs or sends one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from aggregator.model.actions import Action, Untold
from aggregator.model.rules import Rule
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class UnsignedCall:
    """One call of a contract: `value` in wei, `description` a short sentence for whoever signs it.

    `later` names who must act before its effect is there, such as the keeper of a delayed order; None where
    it has its effect when it is mined.
    """

    to: Address
    data: bytes
    value: int
    description: str
    later: str | None = None


@dataclass(frozen=True, slots=True)
class Hands:
    """Who acts for an account: `holder` holds it, and `sender` sends the transaction.

    They differ where a proxy or a smart wallet holds the account: then `sender` is one that may speak for it.
    """

    holder: Address
    sender: Address


@runtime_checkable
class CallableRule(Rule, Protocol):
    """A rule that also knows the transactions of its owner's actions."""

    def calls(self, action: Action, hands: Hands) -> Sequence[UnsignedCall] | Untold:
        """The calls that do an action, in order, approvals of tokens among them, all sent by the holder.

        An amount of None (all of it) is sent as the protocol wants it said, so that interest until the
        transaction is mined is in it; the approval of a debt's whole repayment has a margin for it. Untold
        where the rule does not know an address, or the protocol has no call for the action.
        """
        ...
