"""What an owner's action does to a whole account, and where its calls go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.aave_v3.actions import Acted, ActionRefusal, acted
from adapters.aave_v3.collateral import Opening, becoming, by_itself
from adapters.aave_v3.interest import Accrual
from adapters.aave_v3.margin import Leg
from adapters.aave_v3.room import SupplyCap
from adapters.aave_v3.terms import PoolTerms, ReserveTerms
from adapters.aave_v3.transactions import NO_POOL, Side
from adapters.aave_v3.versions import RELEASES
from aggregator.model.actions import (
    NO_DERIVATIVES,
    Action,
    Applied,
    AssetAction,
    Deposit,
    Repay,
    Trade,
    Untold,
    Withdraw,
)
from aggregator.model.assets import AssetId
from aggregator.model.rules import WAD, Amount, Refused
from aggregator.model.shared import SharedRoom

if TYPE_CHECKING:
    from adapters.aave_v3.liquidation import LiquidatableAaveRule


def apply(
    rule: LiquidatableAaveRule, prices: Mapping[AssetId, int], time: int, action: Action
) -> Applied | Refused | Untold:
    """See LiquidatableAaveRule.apply."""
    if isinstance(action, Trade):
        return NO_DERIVATIVES
    if isinstance(action, Deposit):
        rule = _opened(rule, action.asset)
    at = rule.find(action.asset)
    if at is None:
        return Untold(f"the account has no {action.asset}, and what the pool would count it at is not known")
    return _applied(rule, at, prices, time, action)


def _applied(
    rule: LiquidatableAaveRule, at: int, prices: Mapping[AssetId, int], time: int, action: AssetAction
) -> Applied | Refused | Untold:
    version, terms = RELEASES[rule.release], rule.terms[at]
    why = becoming(version, rule.legs, rule.terms, terms)
    done = acted(version, rule.legs[at], terms, time, action, why)
    if not isinstance(done, Acted):
        return done
    legs = list(rule.legs)
    legs[at] = replace(done.leg, accrual=done.leg.accrual.updated(rule.maths, time))
    pool = None if rule.pool is None else replace(rule.pool, read_at=time)
    after = _terms_after(rule, at, done, time, action)
    successor = replace(rule, terms=(*rule.terms[:at], after, *rule.terms[at + 1 :]), pool=pool)
    successor = successor.with_legs(legs)
    out = isinstance(action, Withdraw)
    if out:
        health = successor.health(prices, time).health
        if health is not None and health < WAD:
            return ActionRefusal.UNHEALTHY.of(version)
        if health is not None and _any_ltv_zero(successor) and terms.ltv_zero is False:
            return ActionRefusal.LTV.of(version)
    moved = Amount(action.asset, done.amount)
    return Applied(
        paid=None if out else moved,
        received=moved if out else None,
        supplied=None if isinstance(action, Repay) else done.leg.supplied(rule.maths, time),
        owed=done.leg.owed(rule.maths, time) if isinstance(action, Repay) else None,
        successor=successor,
        room=None
        if pool is None
        else ReserveRoom(_venue(legs[at], pool), legs[at].accrual, after.cash, after.supply_cap),
    )


@dataclass(frozen=True, slots=True)
class ReserveRoom(SharedRoom):
    """A reserve after a step, for all of its accounts: its interest, its cash and its supply cap."""

    accrual: Accrual
    cash: int | None
    supply_cap: SupplyCap | None


def with_room(rule: LiquidatableAaveRule, left: SharedRoom) -> LiquidatableAaveRule:
    """See LiquidatableAaveRule.with_room."""
    if not isinstance(left, ReserveRoom) or rule.pool is None:
        return rule
    if all(left.venue != _venue(leg, rule.pool) for leg in (*rule.legs, *(o.leg for o in rule.openings))):
        return rule
    pairs = [_left(pair, rule.pool, left) for pair in zip(rule.legs, rule.terms, strict=True)]
    opened = [_left((one.leg, one.terms), rule.pool, left) for one in rule.openings]
    return replace(
        rule,
        legs=tuple(leg for leg, _ in pairs),
        terms=tuple(terms for _, terms in pairs),
        openings=tuple(Opening(leg, terms) for leg, terms in opened),
    )


def _venue(leg: Leg, pool: PoolTerms) -> str:
    return f"{leg.feed.asset} in {pool.address}"


def _left(pair: tuple[Leg, ReserveTerms], pool: PoolTerms, left: ReserveRoom) -> tuple[Leg, ReserveTerms]:
    leg, terms = pair
    if left.venue != _venue(leg, pool):
        return pair
    terms = replace(terms, cash=left.cash, supply_cap=left.supply_cap)
    return replace(leg, accrual=left.accrual), terms


def _terms_after(
    rule: LiquidatableAaveRule, at: int, done: Acted, time: int, action: AssetAction
) -> ReserveTerms:
    """The reserve's terms after an action: its cash, and what all have supplied.

    What counted for nothing counts with the rest once the asset is a collateral.
    """
    leg, terms = rule.legs[at], rule.terms[at]
    before = leg.supplied_scaled
    if isinstance(action, Deposit) and terms.dormant:
        before, terms = terms.dormant, replace(terms, dormant=0)
    if terms.supply_cap is not None:
        added = done.leg.supplied_scaled - before
        terms = replace(terms, supply_cap=terms.supply_cap.after(added, leg.accrual, rule.maths, time))
    if terms.cash is not None:
        into = -done.amount if isinstance(action, Withdraw) else done.amount
        terms = replace(terms, cash=terms.cash + into)
    return terms


def side_of(rule: LiquidatableAaveRule, asset: AssetId) -> Side | Untold:
    """Where the calls of an action with an asset go."""
    if rule.pool is None:
        return NO_POOL
    opened = _opened(rule, asset)
    at = opened.find(asset)
    if at is None:
        return Side(rule.pool.address, None, None, rule.maths, rule.pool.read_at)
    leg, terms = opened.legs[at], opened.terms[at]
    enables = not leg.supplied_scaled and not by_itself(terms)
    return Side(rule.pool.address, terms.a_token, leg, rule.maths, rule.pool.read_at, enables=enables)


def _opened(rule: LiquidatableAaveRule, asset: AssetId) -> LiquidatableAaveRule:
    """The account with a leg for an asset that is one of its openings; it holds nothing yet."""
    found = next((one for one in rule.openings if one.leg.feed.asset == asset), None)
    if found is None:
        return rule
    left = tuple(one for one in rule.openings if one is not found)
    return replace(rule, legs=(*rule.legs, found.leg), terms=(*rule.terms, found.terms), openings=left)


def _any_ltv_zero(rule: LiquidatableAaveRule) -> bool:
    """Whether a collateral has a loan-to-value of zero: then only such a one may be taken out."""
    both = zip(rule.legs, rule.terms, strict=True)
    return any(leg.supplied_scaled and terms.ltv_zero for leg, terms in both)
