"""Corners of plans: wallets without accounts, dust, markets that take too little or too much, limits kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from unittest.mock import patch

import pytest

from aggregator.model.actions import Action, Applied, Repay, Traded, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.plans import Flash, Swap, Transfer
from aggregator.model.rules import Amount, Refused
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address, ChainId
from aggregator.planning.allowed import Allowed
from aggregator.planning.limits import Limits
from aggregator.planning.ordering import sequence
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from aggregator.planning.solver import Solver
from aggregator.risk.copies import Copy
from tests.planning.acting import FlatMarket, LendingRule, MarginRule, flat, lender, trader
from tests.planning.test_repair import ALONE, FREE, moved, planned
from tests.planning.wallets import product
from tests.risk.builders import CHAIN, COINS, OTHER_CHAIN, few_draws, holding, portfolio, raw, supply, wallet
from tests.risk.builders import account as made
from tests.risk.linear import FAMILIES, lending

SHORT = lender("aave", {"ETH": 25, "USDC": -70_000})
SOLD = Limits(kinds=frozenset({"repay", "swap"}))
EXECUTORS = {CHAIN: Address("0x" + "ee" * 20)}


@dataclass(frozen=True, slots=True)
class BoundedMarket(FlatMarket):
    """Takes no less and no more than this at once."""

    least: int = 0
    most: int = 10**30

    def swap(self, sold: Amount) -> Swapped | Refused:
        """See SpotMarket."""
        if not self.least <= sold.raw <= self.most:
            return Refused("too little or too much")
        return FlatMarket.swap(self, sold)


@dataclass(frozen=True, slots=True)
class ClosingRule(MarginRule):
    """Nothing is left of the account once its position is closed; closing pays `better` of the fee back."""

    better: int = 0

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule."""
        done = MarginRule.apply(self, prices, time, action)
        if not isinstance(done, Traded) or done.fee is None or done.margin is None:
            return done
        more = done.fee.raw * self.better // 100
        after = done.successor
        assert isinstance(after, ClosingRule)
        after = replace(after, cash=after.cash + more, margin=after.margin + more)
        margin = (done.margin[0], done.margin[1] + more)
        return replace(done, successor=after if done.size_raw else None, margin=margin)


@dataclass(frozen=True, slots=True)
class RefusingRule(LendingRule):
    """Paused."""

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Refused:
        """See AdjustableRule."""
        del prices, time, action
        return Refused("paused")


def bounded(least: float, most: float) -> BoundedMarket:
    """ETH for USDC between so many ETH."""
    market = flat("ETH", "USDC")
    return BoundedMarket(market.assets, market.prices, market.fee, least=raw(least), most=raw(most))


def test_a_wallet_that_holds_nothing_may_have_no_account() -> None:
    """What is taken out comes to it, and what another one sends."""
    plan = planned(SHORT, markets=[flat("ETH", "USDC")])
    assert plan.status == "feasible"
    elsewhere = planned(replace(SHORT, chain=OTHER_CHAIN), wallet(holding("USDC", 20_000)))
    assert [type(step.move) for step in elsewhere.steps] == [Transfer, Repay]


def test_the_same_market_on_two_chains_is_two() -> None:
    """Labels are the same where pools are of the same tokens."""
    market = flat("ETH", "USDC")
    accounts = [replace(SHORT, id=f"aave {c}", chain=c) for c in (CHAIN, OTHER_CHAIN)]
    purses = [replace(wallet(holding("ETH", 1.6), name=f"wallet {c}"), chain=c) for c in (CHAIN, OTHER_CHAIN)]
    thin = replace(market, chain=OTHER_CHAIN, fee=100)
    problem = Problem(
        portfolio(*accounts, *purses),
        FAMILIES,
        few_draws(),
        targets=ALONE,
        limits=SOLD,
        charges=FREE,
        markets={CHAIN: [market], OTHER_CHAIN: [thin]},
    )
    plan = repair(problem)
    assert plan.status == "feasible"
    for step in plan.steps:
        if isinstance(step.move, Swap):
            fee = 0.003 if step.account_id == f"wallet {CHAIN}" else 0.01
            assert step.amount is not None
            assert step.cost.usd == pytest.approx(fee * step.amount.raw / 10**18 * 4_000)


def test_dust_that_is_owed_is_repaid() -> None:
    """A debt of a third of a cent is a target like others."""
    dust = lender("dust", {"ETH": 0.000001, "USDC": -0.0031})
    plan = planned(dust, SHORT, wallet(holding("USDC", 20_000)))
    assert plan.status == "feasible"
    assert {step.account_id for step in plan.steps} == {"dust", "aave"}


@pytest.mark.parametrize("most_usd", [5.0, 30.0, 56.0, 70.0])
@pytest.mark.parametrize("executors", [{}, EXECUTORS])
def test_a_limit_on_the_cost_counts_the_gas_of_every_part(
    most_usd: float, executors: Mapping[ChainId, Address]
) -> None:
    """Of loops too, each of which costs gas again, and of bundles."""
    plan = planned(
        SHORT,
        wallet(),
        charges=replace(FREE, gas_elsewhere_usd=2.0),
        limits=Limits(most_cost_usd=most_usd, executors=executors),
        markets=[flat("ETH", "USDC")],
    )
    assert plan.cost_usd <= most_usd
    assert (plan.status == "feasible") == (most_usd == 70.0)
    assert plan.steps or most_usd == 5.0


def test_a_limit_that_a_bundle_keeps_is_kept_by_it() -> None:
    """Loops would cost $80."""
    plan = planned(
        SHORT,
        wallet(),
        charges=replace(FREE, gas_elsewhere_usd=5.0),
        limits=Limits(most_cost_usd=70.0, executors=EXECUTORS),
        markets=[flat("ETH", "USDC")],
    )
    assert plan.status == "feasible"
    assert [type(step.move) for step in plan.steps] == [Flash]


def test_a_bad_direct_market_does_not_hide_a_good_way() -> None:
    """By way of a third token it costs a hundredth."""
    ways = [flat("ETH", "BTC", 10), replace(flat("BTC", "USDC", 10), label="other")]
    known = made("btc", supply("BTC", 0.0001))
    good = planned(SHORT, known, wallet(), markets=ways)
    both = planned(SHORT, known, wallet(), markets=[*ways, replace(flat("ETH", "USDC", 3_000), label="bad")])
    assert good.status == both.status == "feasible"
    assert both.cost_usd == pytest.approx(good.cost_usd, rel=1e-6)


def test_two_markets_share_what_is_sold_as_a_fine_grid_has_it() -> None:
    """Costs are convex and not straight: samples are taken again where the solution is."""
    deep, shallow = (product("ETH", "USDC", usd, label=f"{usd}") for usd in (3e5, 1.5e5))
    plan = planned(SHORT, wallet(holding("ETH", 10)), markets=[deep, shallow], limits=SOLD)

    def paid(usd: float, bought: float) -> float:
        return usd * bought / (usd - bought) / 0.997 - bought

    least = min(paid(3e5, 6.0 * i) + paid(1.5e5, 6_000.0 - 6.0 * i) for i in range(1_001))
    assert plan.status == "feasible"
    assert least - 0.01 <= plan.cost_usd <= 1.002 * least


@pytest.mark.parametrize(("least", "most"), [(0.1, 10.0), (0.0, 1.52)])
def test_a_market_may_take_no_less_or_no_more(least: float, most: float) -> None:
    """1.505 ETH are to be sold, for $18.05."""
    plan = planned(SHORT, wallet(holding("ETH", 10)), markets=[bounded(least, most)], limits=SOLD)
    assert plan.status == "feasible"
    assert plan.cost_usd == pytest.approx(18.054, rel=1e-3)


def test_a_perp_account_is_closed_whole() -> None:
    """Nothing of it is left, and no rule: that is no reason to leave dust of it open."""
    perp = trader("perps", 25, 4_000, maintenance=0.05)
    rule = perp.rule
    assert isinstance(rule, MarginRule)
    closing = ClosingRule(rule.weights, rule.cash, rule.settlement, rule.margin, fee=5)
    problem = Problem(portfolio(replace(perp, rule=closing), wallet()), FAMILIES, few_draws(), targets=ALONE)
    start = Copy.of(problem.portfolio)
    [reduce] = [one for one in Allowed(start, problem).all() if one.kind == "reduce"]
    found = sequence(start, [reduce], {reduce.name: reduce.most}, floor=Fraction(1), most_steps=9)
    assert [step.raw for step in found.steps] == [raw(25)]


def test_what_is_filled_better_than_the_mark_is_counted() -> None:
    """The cost is what is missing of the worth, whatever the venue calls its fee."""
    perp = trader("perps", 25, 4_000, maintenance=0.05)
    rule = perp.rule
    assert isinstance(rule, MarginRule)
    better = ClosingRule(rule.weights, rule.cash, rule.settlement, rule.margin, fee=5, better=50)
    plan = planned(replace(perp, rule=better), wallet(), targets=replace(ALONE, health=1.2))
    assert plan.cost_usd == pytest.approx(plan.before.equity_usd - plan.after.equity_usd)
    assert plan.steps[0].cost.slippage_usd < 0.0 < plan.steps[0].cost.fees_usd


def test_what_refuses_everything_is_left() -> None:
    """Said as what is missing."""
    rule = SHORT.rule
    assert isinstance(rule, LendingRule)
    paused = replace(SHORT, rule=RefusingRule(rule.weights, rule.cash, rule.threshold, rule.supplies))
    plan = planned(paused, wallet(holding("USDC", 20_000)))
    assert (plan.status, plan.steps) == ("infeasible", ())
    assert plan.shortfalls[0].missing_usd == pytest.approx(7_500.0)


def test_a_currency_without_a_mark_is_refused() -> None:
    """As a check refuses it."""
    of = portfolio(lending("aave", {"ETH": 25, "USDC": -70_000}, quote="LINK"), wallet())
    marks = {asset: mark for asset, mark in of.marks.items() if asset != COINS["LINK"].asset.id}
    with pytest.raises(UnusablePrice):
        repair(Problem(replace(of, marks=marks), FAMILIES, few_draws(), targets=ALONE))


def test_what_the_whole_lacks_is_what_would_do() -> None:
    """So many dollars more survive three standard stresses, and a dollar less does not."""
    targets = replace(ALONE, kappa=3.0)
    repaid = Limits(kinds=frozenset({"repay"}))
    accounts = lender("aave", {"ETH": 25, "USDC": -60_000}), wallet()
    plan = planned(*accounts, targets=targets, limits=repaid)
    [lacking] = plan.shortfalls
    cash = made("cash", supply("USD", lacking.missing_usd), protocol="wallet", kind="wallet")
    nearly = made("cash", supply("USD", lacking.missing_usd - 1), protocol="wallet", kind="wallet")
    assert planned(*accounts, cash, targets=targets, limits=repaid).after.kappa == pytest.approx(3.0)
    assert planned(*accounts, nearly, targets=targets, limits=repaid).after.kappa < 3.0


def test_a_solver_without_an_answer_is_told() -> None:
    """No crash, and no plan that nobody vouches for."""
    with patch.object(Solver, "solve", side_effect=ArithmeticError("numbers are too far apart")):
        plan = planned(SHORT, wallet(holding("USDC", 20_000)))
    assert (plan.status, plan.steps) == ("infeasible", ())
    assert any("search ended early" in sentence for sentence in plan.told)


def test_collateral_without_a_swap_is_moved() -> None:
    """A safe account may give what a short one needs."""
    rich = lender("rich", {"ETH": 50, "USDC": -10_000})
    plan = planned(SHORT, rich, wallet())
    assert plan.cost_usd == pytest.approx(0.0, abs=1e-6)
    assert isinstance(plan.steps[0].move, Withdraw)
    assert moved(plan, Withdraw) * 4_000 * 0.8 == pytest.approx(7_500.0, rel=1e-4)


def test_a_debt_is_repaid_to_the_last_in_several_parts() -> None:
    """A health of 40 leaves 1% of the debt by its cost alone, which interest on the parts would blur."""
    plan = planned(SHORT, wallet(), markets=[flat("ETH", "USDC")], targets=replace(ALONE, health=40.0))
    assert plan.status == "feasible"
    repaid = [step.move.raw for step in plan.steps if isinstance(step.move, Repay)]
    assert len(repaid) > 2
    assert repaid[-1] is None
    assert None not in repaid[:-1]
    # What was owed at first, and interest on all of it.
    assert moved(plan, Repay) == pytest.approx(70_000 * (1 + 1e-5), rel=1e-9)
    [account] = plan.after.accounts
    assert account.health is None
