"""What an owner's own actions do to the base of a comet, to the unit.

Source: `supplyBase`, `withdrawBase` and `principalValue` of Comet.sol and CometCore.sol, github
compound-finance/comet at d5a30b0.
"""

from __future__ import annotations

from adapters.compound_v3.interest import INDEX_SCALE, Accrual


def with_base(now: Accrual, principal: int, amount: int) -> int:
    """The principal once so much base is supplied: it pays the debt first, what is over is a supply.

    A negative amount is withdrawn. Both sides are rounded against the owner.
    """
    balance = now.supplied(principal) - now.owed(principal) + amount
    if balance >= 0:
        return now.principal_of_supply(balance)
    return -((-balance * INDEX_SCALE + now.borrow_index - 1) // now.borrow_index)
