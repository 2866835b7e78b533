"""Loans for one transaction: what they cost, and the call of a contract of the user's that takes one.

A bundle is run by an executor: a contract that the user owns and names. It borrows, sends a list of calls, is
asked for the loan and its fee, and sends its owner what is left, all in one transaction or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount, Refused, Rule
from aggregator.model.units import Address


class FlashLender(Protocol):
    """A market that lends for one transaction."""

    def fee(self, lent: Amount) -> Amount | Refused | Untold:
        """What is paid on top of so much, with the lender's own rounding; the amount is 0 where it is free.

        Refused where the lender would revert, as where it lends none of the asset, or has less.
        """
        ...

    def calls(
        self, lent: Amount, inner: Sequence[UnsignedCall], executor: Address, left: Sequence[AssetId]
    ) -> Sequence[UnsignedCall] | Untold:
        """What the executor's owner sends: borrow, send `inner` as the executor, pay back with the fee.

        `inner` are calls of which the executor is the sender; they must leave it what is to be paid back.
        `left` are the tokens of which it sends its owner whatever it has at the end, coins always.
        """
        ...


@runtime_checkable
class LendingRule(Rule, Protocol):
    """A rule at whose protocol its account's market, or any other, lends for one transaction."""

    @property
    def lender(self) -> FlashLender | None:
        """None where what it takes was not read."""
        ...
