"""Accounts of one plan that draw on the same cash, or fill the same cap: together no more than there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from aggregator.model.accounts import Account
from aggregator.model.actions import Action, Applied, Deposit, Repay, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.plans import Plan
from aggregator.model.rules import Refused
from aggregator.model.shared import SharedRoom
from aggregator.planning.later import later_rule
from aggregator.planning.limits import Kind, Limits
from aggregator.risk.copies import Copy
from aggregator.risk.steps import act
from tests.planning.acting import LendingRule, flat, lender
from tests.planning.test_repair import planned
from tests.risk.builders import COINS, holding, portfolio, wallet

UNIT = 10**18
USDC, ETH = COINS["USDC"].asset.id, COINS["ETH"].asset.id


@dataclass(frozen=True, slots=True)
class Left(SharedRoom):
    """What a pool of the tests has left of an asset: to pay out, and to take."""

    raw: int


@dataclass(frozen=True, slots=True)
class PooledRule(LendingRule):
    """A lender at a pool that pays out no more than `liquid` USDC and takes no more than `below` ETH."""

    liquid: int = 0
    below: int = 0

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Applied | Refused | Untold:
        """See AdjustableRule."""
        done = LendingRule.apply(self, prices, time, action)
        if not isinstance(done, Applied):
            return done
        after = done.successor
        assert isinstance(after, PooledRule)
        if isinstance(action, Withdraw | Repay) and action.asset == USDC:
            moved = done.paid or done.received
            assert moved is not None
            liquid = self.liquid + (moved.raw if done.paid else -moved.raw)
            if liquid < 0:
                return Refused("it has too little cash")
            return replace(done, successor=replace(after, liquid=liquid), room=Left("USDC", liquid))
        if isinstance(action, Deposit) and action.asset == ETH:
            below = self.below - action.raw
            if below < 0:
                return Refused("above the cap")
            return replace(done, successor=replace(after, below=below), room=Left("ETH", below))
        return done

    def with_room(self, left: SharedRoom) -> PooledRule:
        """See RoomRule."""
        assert isinstance(left, Left)
        return replace(self, liquid=left.raw) if left.venue == "USDC" else replace(self, below=left.raw)


def pooled(
    name: str, amounts: Mapping[str, float], *, threshold: float = 0.8, cash: int = 0, below: int = 0
) -> Account:
    """An account in the pool, of which the rule knows what is left."""
    made = lender(name, amounts, threshold=threshold)
    rule = made.rule
    assert isinstance(rule, LendingRule)
    known = PooledRule(
        rule.weights,
        rule.cash,
        threshold=rule.threshold,
        supplies=rule.supplies,
        liquid=cash * UNIT,
        below=below * UNIT,
    )
    return replace(made, rule=known)


def moved(plan: Plan, account: str, kind: type) -> float:
    """Whole coins that all steps of a kind move."""
    amounts = [
        step.amount.raw
        for step in plan.steps
        if (step.account_id, type(step.move)) == (account, kind) and step.amount
    ]
    return sum(amounts) / UNIT


SHORT = lender("short", {"ETH": 25, "USDC": -70_000})
"""Lacks 6,000 USDC of repayment to a health of 1.25."""


@pytest.mark.parametrize("cash", [5_000, 7_000])
def test_two_accounts_take_out_no_more_than_there_is(cash: int) -> None:
    """Each has 4,000 that would be free; the rest is sold of the collateral, for a fee."""
    lent = [pooled(name, {"USDC": 4_000}, cash=cash) for name in ("one", "other")]
    plan = planned(SHORT, *lent, wallet(), markets=[flat("ETH", "USDC")])
    assert plan.status == "feasible"
    taken = sum(moved(plan, name, Withdraw) for name in ("one", "other"))
    assert taken == pytest.approx(min(cash, 6_000), rel=1e-4)
    assert taken <= cash
    assert (moved(plan, "short", Withdraw) > 0.0) == (cash == 5_000)


def test_room_below_a_cap_goes_to_whom_it_helps_more() -> None:
    """Both lack collateral; a deposit of ETH counts more in the one that comes last."""
    less = pooled("less", {"ETH": 10, "USDC": -20_000}, threshold=0.5, below=4)
    more = pooled("more", {"ETH": 10, "USDC": -32_000}, threshold=0.8, below=4)
    kinds: frozenset[Kind] = frozenset({"deposit"})
    # more: 0.8 * 4,000 * (10 + d) = 1.25 * 32,000, d = 2.5; less: 0.5 * 4,000 * (10 + d) = 25,000, d = 2.5
    plan = planned(less, more, wallet(holding("ETH", 9)), limits=Limits(kinds))
    assert plan.status == "infeasible"
    assert moved(plan, "more", Deposit) == pytest.approx(2.5, rel=1e-4)
    assert moved(plan, "less", Deposit) == pytest.approx(1.5, rel=1e-4)
    assert {one.account_id for one in plan.shortfalls} == {"less"}


def test_an_account_that_shares_its_room_with_nobody_fills_it() -> None:
    """One elsewhere takes the same coin, and has a part in no row."""
    capped = pooled("capped", {"ETH": 10, "USDC": -32_000}, below=1)
    elsewhere = lender("elsewhere", {"ETH": 10, "USDC": -10_000})
    kinds: frozenset[Kind] = frozenset({"deposit"})
    plan = planned(capped, elsewhere, wallet(holding("ETH", 9)), limits=Limits(kinds))
    assert plan.status == "infeasible"
    assert moved(plan, "capped", Deposit) == pytest.approx(1.0, rel=1e-9)


def test_what_is_left_holds_later_too() -> None:
    """Ten minutes later another account's step has been done as well."""
    one, other = (pooled(name, {"USDC": 4_000}, cash=5_000) for name in ("one", "other"))
    copy = Copy.of(portfolio(one, other, wallet()))
    act(copy, "one", COINS["USDC"].asset, Withdraw(USDC, 3_000 * UNIT), "a test")
    for rule in (copy.accounts["other"].rule, later_rule(copy, copy.accounts["other"])):
        assert isinstance(rule, PooledRule)
        assert rule.liquid == 2_000 * UNIT
    fork = copy.fork()
    act(fork, "other", COINS["USDC"].asset, Withdraw(USDC, 2_000 * UNIT), "a test")
    assert isinstance(copy.accounts["one"].rule, PooledRule)
    assert copy.accounts["one"].rule.liquid == 2_000 * UNIT
