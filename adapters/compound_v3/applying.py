"""What an owner's action does to a whole account in a comet, to the unit.

Source: `supplyInternal` and `withdrawInternal` of Comet.sol, github compound-finance/comet at d5a30b0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.compound_v3.actions import with_base
from adapters.compound_v3.collateral import Collateral, credit_of, usable, value_of
from adapters.compound_v3.interest import Accrual
from aggregator.model.actions import NO_DERIVATIVES, Action, Applied, Repay, Trade, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.rules import Amount, Refused
from aggregator.model.shared import SharedRoom

if TYPE_CHECKING:
    from adapters.compound_v3.margin import CometRule


@dataclass(frozen=True, slots=True)
class BaseRoom(SharedRoom):
    """A comet after its base was moved, for all of its accounts: its interest and its cash."""

    accrual: Accrual
    cash: int | None


@dataclass(frozen=True, slots=True)
class CollateralRoom(SharedRoom):
    """How much more of a collateral a comet takes after a step."""

    room: int | None


CAPPED = Refused("SupplyCapExceeded")
NO_CASH = Refused("the comet has too little of the base")


def apply(
    rule: CometRule, prices: Mapping[AssetId, int], time: int, action: Action
) -> Applied | Refused | Untold:
    """See CometRule.apply."""
    if isinstance(action, Trade):
        return NO_DERIVATIVES
    now = rule.accrual.at(time)
    owed, supplied = now.owed(rule.principal), now.supplied(rule.principal)
    if isinstance(action, Withdraw):
        if action.asset != rule.base.asset:
            return _without_collateral(rule, prices, action)
        amount = supplied if action.raw is None else action.raw
        if amount > supplied:
            return Untold("more base than is supplied would be borrowed")
        if rule.cash is not None and amount > rule.cash:
            return NO_CASH
        return _with_base(rule, now, -amount)
    if action.asset == rule.base.asset:
        return _with_base(rule, now, owed if action.raw is None else action.raw)
    if isinstance(action, Repay):
        return Refused(f"the debt is in {rule.base.asset}")
    return _with_collateral(rule, action.asset, action.raw)


def _with_base(rule: CometRule, now: Accrual, amount: int) -> Applied:
    """Base supplied, or withdrawn below zero."""
    after = replace(
        rule,
        accrual=now,
        principal=with_base(now, rule.principal, amount),
        cash=None if rule.cash is None else rule.cash + amount,
    )
    moved = Amount(rule.base.asset, abs(amount))
    venue = _venue(rule, rule.base.asset)
    return Applied(
        paid=moved if amount > 0 else None,
        received=moved if amount < 0 else None,
        supplied=now.supplied(after.principal),
        owed=now.owed(after.principal),
        successor=after,
        room=None if venue is None else BaseRoom(venue, now, after.cash),
    )


def _with_collateral(rule: CometRule, asset: AssetId, amount: int) -> Applied | Refused | Untold:
    """Collateral added: no interest is added for that."""
    held = next((one for one in rule.collaterals if one.feed.asset == asset), None)
    if held is None:
        return Untold(f"the account has no {asset} yet, and what the comet would count it at is not known")
    if held.room is not None and amount > held.room:
        return CAPPED
    more = held.with_more(amount)
    after = _replacing(rule, held, more)
    room = _collateral_room(rule, more)
    return Applied(Amount(asset, amount), None, more.balance, None, after, room=room)


def _without_collateral(
    rule: CometRule, prices: Mapping[AssetId, int], action: Withdraw
) -> Applied | Refused | Untold:
    """Collateral taken out: the comet looks at the debt as last accrued."""
    held = next((one for one in rule.collaterals if one.feed.asset == action.asset), None)
    if held is None or (action.raw is not None and action.raw > held.balance):
        return Refused("Panic(0x11)")
    amount = held.balance if action.raw is None else action.raw
    less = held.with_more(-amount)
    after = _replacing(rule, held, less)
    if rule.principal < 0:
        covered = _covered(after, prices)
        if covered is False or after.health(prices, rule.accrual.updated_at).liquidatable:
            return Refused("NotCollateralized")
        if covered is None:
            return Untold("the factor at which the comet lends on a collateral is not known")
    room = _collateral_room(rule, less)
    return Applied(None, Amount(action.asset, amount), less.balance, None, after, room=room)


def with_room(rule: CometRule, left: SharedRoom) -> CometRule:
    """See CometRule.with_room."""
    if isinstance(left, BaseRoom) and left.venue == _venue(rule, rule.base.asset):
        return replace(rule, accrual=left.accrual, cash=left.cash)
    if isinstance(left, CollateralRoom):
        for held in rule.collaterals:
            if left.venue == _venue(rule, held.feed.asset):
                return _replacing(rule, held, replace(held, room=left.room))
    return rule


def _collateral_room(rule: CometRule, held: Collateral) -> CollateralRoom | None:
    venue = _venue(rule, held.feed.asset)
    return None if venue is None else CollateralRoom(venue, held.room)


def _venue(rule: CometRule, asset: AssetId) -> str | None:
    return None if rule.comet is None else f"{asset} in {rule.comet}"


def _replacing(rule: CometRule, one: Collateral, other: Collateral) -> CometRule:
    changed = tuple(other if held is one else held for held in rule.collaterals)
    return replace(rule, collaterals=tuple(held for held in changed if held.balance))


def _covered(rule: CometRule, prices: Mapping[AssetId, int]) -> bool | None:
    """Whether the debt as last accrued may be owed; None where a factor is not known."""
    credit = 0
    for held in rule.collaterals:
        if held.borrow_factor is None:
            return None
        value = value_of(held.balance, usable(held.feed, prices), held.decimals)
        credit += credit_of(value, held.borrow_factor)
    owed = rule.accrual.owed(rule.principal)
    return credit >= value_of(owed, usable(rule.base, prices), rule.base_decimals)
