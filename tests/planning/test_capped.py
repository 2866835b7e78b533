"""Plans at venues that take little more: what there is room for is used to the last unit, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from aggregator.model.accounts import Account
from aggregator.model.actions import Action, Applied, Deposit, Repay, Trade, Traded, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.plans import Plan, Targets
from aggregator.model.positions import Debt, Holding, Supply
from aggregator.model.rules import Refused
from aggregator.planning.allowed import Allowed
from aggregator.planning.limits import Charges, Kind, Limits
from aggregator.planning.prices import variable
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair, start_of
from tests.planning.acting import LendingRule, above_cap, lender
from tests.planning.opening import OpeningRule, venue
from tests.risk.builders import few_draws, holding, portfolio, wallet
from tests.risk.linear import FAMILIES

DECIMALS = 8
GRAIN = 10 ** (18 - DECIMALS)
"""Of the tests' coins, which have 18 decimals, in a coin of a few: there a single unit is told apart."""


@dataclass(frozen=True, slots=True)
class CappedLender(LendingRule):
    """A lender of coins with few decimals that takes only `room` more."""

    room: int = 0

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Applied | Refused | Untold:
        """See AdjustableRule."""
        if not isinstance(action, Deposit | Repay | Withdraw):
            return Untold("it has no derivatives")
        if refused := above_cap(action, self.room):
            return refused
        asked = action if action.raw is None else replace(action, raw=action.raw * GRAIN)
        done = LendingRule.apply(self, prices, time, asked)
        if not isinstance(done, Applied) or not isinstance(done.successor, CappedLender):
            return done
        room = self.room - action.raw if isinstance(action, Deposit) else self.room
        return Applied(
            paid=done.paid and replace(done.paid, raw=done.paid.raw // GRAIN),
            received=done.received and replace(done.received, raw=done.received.raw // GRAIN),
            supplied=None if done.supplied is None else done.supplied // GRAIN,
            owed=None if done.owed is None else done.owed // GRAIN,
            successor=replace(done.successor, room=room),
        )


@dataclass(frozen=True, slots=True)
class CappedVenue(OpeningRule):
    """A venue whose vault takes only `room` more."""

    room: int = 0

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule."""
        if refused := above_cap(action, self.room):
            return refused
        done = OpeningRule.apply(self, prices, time, action)
        if isinstance(action, Deposit) and isinstance(done, Applied):
            assert isinstance(done.successor, CappedVenue)
            return replace(done, successor=replace(done.successor, room=self.room - action.raw))
        return done


def grained(account: Account) -> Account:
    """With coins of few decimals."""
    found: list[Holding | Supply | Debt] = []
    for position in account.positions:
        assert isinstance(position, Holding | Supply | Debt)
        asset = replace(position.asset, decimals=DECIMALS)
        found.append(replace(position, asset=asset, raw=position.raw // GRAIN))
    return replace(account, positions=tuple(found))


def problem(kinds: frozenset[Kind], *accounts: Account, health: float, kappa: float = 0.0) -> Problem:
    return Problem(
        portfolio=portfolio(*accounts),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=Targets(floor=1.0, health=health, kappa=kappa),
        limits=Limits(kinds),
        charges=Charges(gas_elsewhere_usd=0.0, slippage=Decimal(0)),
    )


def repaired(room: int) -> Plan:
    """The plan of a borrower who needs 8.4 ETH more, where there is less room than that."""
    account = grained(lender("aave", {"ETH": 10, "USDC": -31_000}))
    rule = account.rule
    assert isinstance(rule, LendingRule)
    capped = CappedLender(rule.weights, rule.cash, rule.threshold, rule.supplies, room)
    kinds: frozenset[Kind] = frozenset({"deposit"})
    held = grained(wallet(holding("ETH", 9)))
    return repair(problem(kinds, replace(account, rule=capped), held, health=1.9))


@pytest.mark.parametrize(
    "room",
    [
        pytest.param(240_115_429, id="in USD and back it is a unit more"),
        pytest.param(16_218_933, id="less than what is tried first"),
        pytest.param(30_000, id="a dollar"),
    ],
)
def test_what_there_is_room_for_is_deposited(room: int) -> None:
    """All of it, by one step."""
    plan = repaired(room)
    assert plan.status == "infeasible"
    assert [step.amount and step.amount.raw for step in plan.steps] == [room]


def capped_venue(room: int, fee: int) -> Account:
    """A venue where a perp could be opened, for a fee in basis points."""
    new = venue("new", fee=fee)
    rule = new.rule
    assert isinstance(rule, OpeningRule)
    return replace(
        new,
        rule=CappedVenue(rule.weights, rule.cash, rule.settlement, rule.margin, rule.fee, room=room * 10**18),
    )


def hedged(new: Account, kappa: float) -> Problem:
    """A borrower with ETH, $20,000 in the wallet, and a venue where nothing was."""
    kinds: frozenset[Kind] = frozenset({"hedge", "deposit"})
    lent, held = lender("aave", {"ETH": 25, "USDC": -72_000}), wallet(holding("USDC", 20_000))
    made = problem(kinds, lent, held, health=1.0, kappa=kappa)
    return replace(made, portfolio=replace(made.portfolio, openable=(new,)))


def test_a_trade_costs_the_same_below_a_cap_on_margin() -> None:
    """The wallet has more than the vault takes: costs are sampled with the margin that it does."""
    made = hedged(capped_venue(5_000, fee=50), kappa=0.0)
    start = start_of(made)
    [short] = [one for one in Allowed(start, made).all() if one.name.startswith("open short")]
    found = variable(start, short, made.charges)
    assert [one.slope for one in found.segments] == [pytest.approx(50 / 10_000, rel=1e-3)]
    # A tenth of the notional is asked for as margin, after the fee.
    assert found.most == pytest.approx(5_000 / (0.1 + 0.005), rel=1e-3)


def test_a_perp_is_opened_below_a_cap_on_margin() -> None:
    """What the vault takes suffices: the plan is the one without a cap."""
    plan, free = (repair(hedged(capped_venue(room, fee=5), kappa=6.0)) for room in (10_000, 10**9))
    assert plan.status == free.status == "feasible"
    moves = [[type(step.move) for step in one.steps] for one in (plan, free)]
    assert moves[0] == moves[1] == [Deposit, Trade]
    assert plan.cost_usd == pytest.approx(free.cost_usd, rel=1e-3)


@pytest.mark.parametrize("room", [100, 500, 1_000, 2_000])
def test_a_cap_on_margin_that_is_too_low_is_used_up(room: int) -> None:
    """The target is out of reach: what all of the margin allows is opened, but for some of it to spare."""
    plan = repair(hedged(capped_venue(room, fee=5), kappa=6.0))
    assert plan.status == "infeasible"
    [opened] = [step.move for step in plan.steps if isinstance(step.move, Trade)]
    assert 0.9 < -opened.size_raw / 10**18 * 4_000 * (0.1 + 0.0005) / room <= 1.0
