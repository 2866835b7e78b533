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
        """The calls that do an action, in order, approvals of tokens among them, all sent by `hands.sender`.

        The sender pays, and gets what is withdrawn. Where somebody else holds the account it acts for them as
        far as the protocol lets it; see DelegatedRule for what they must allow first.

        An amount of None (all of it) is sent as the protocol wants it said, so that interest until the
        transaction is mined is in it; the approval of a debt's whole repayment has a margin for it, which is
        taken back afterwards. Untold where the rule does not know an address, or the protocol has no call for
        the action.
        """
        ...


@dataclass(frozen=True, slots=True)
class Permits:
    """What a holder sends before somebody else acts for the account, and afterwards to take it back."""

    before: tuple[UnsignedCall, ...]
    after: tuple[UnsignedCall, ...]


@runtime_checkable
class DelegatedRule(CallableRule, Protocol):
    """A rule whose protocol lets somebody else act for an account, such as a contract of its holder."""

    def permits(self, action: Action, hands: Hands) -> Permits | Untold:
        """What `hands.holder` sends so that `calls(action, hands)` of another sender go through.

        Nothing for a repayment or a deposit, which anybody may make. Untold where nobody else can, or an
        address is not known.
        """
        ...
