"""What a plan asks of venues is taken some minutes later, too: funding goes on until a step is mined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from aggregator.model.accounts import Account
from aggregator.model.actions import (
    Action,
    AdjustableRule,
    Applied,
    Deposit,
    Trade,
    Traded,
    Untold,
    Withdraw,
)
from aggregator.model.assets import AssetId
from aggregator.model.plans import Targets
from aggregator.model.rules import Health, Refused
from aggregator.planning.certificate import states
from aggregator.planning.later import AHEAD_S, later_test
from aggregator.planning.limits import Charges, Limits
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from aggregator.risk.copies import Copy
from tests.planning.acting import LendingRule, MarginRule, lender, trader
from tests.risk.builders import CHAIN, COINS, few_draws, portfolio, wallet
from tests.risk.linear import FAMILIES, LinearRule


@dataclass(frozen=True, slots=True)
class FundedRule(MarginRule):
    """The position pays or gets `funding` (18 decimals) a second for each unit of it, since `since`."""

    funding: int = 0
    since: int = 0

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """See Rule."""
        return LinearRule.health(self.settled(time), prices, time)

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule."""
        return MarginRule.apply(self.settled(time), prices, time, action)

    def settled(self, time: int) -> FundedRule:
        """With what it has paid until then."""
        [weight] = self.weights
        paid = abs(weight.power) * self.funding * (time - self.since) // 10**18
        return replace(self, cash=self.cash - paid, margin=self.margin - paid, since=time)


def funded_trader(usd_a_second: float) -> Account:
    """25 ETH, $20,000 of margin."""
    perps = trader("perps", 25, 20_000, maintenance=0.01, free=0.05)
    rule = perps.rule
    assert isinstance(rule, MarginRule)
    funded = FundedRule(
        rule.weights,
        rule.cash,
        rule.settlement,
        rule.margin,
        rule.fee,
        rule.free,
        round(usd_a_second / 25 * 10**18),
        portfolio(perps).blocks[CHAIN].timestamp,
    )
    return replace(perps, rule=funded)


@pytest.mark.parametrize("usd_a_second", [0.08, 0.0, -0.08])
def test_margin_is_let_out_after_a_part_was_closed(usd_a_second: float) -> None:
    """The venue keeps 5% of what is left; until the closing is mined, funding is that of all of it."""
    perps = funded_trader(usd_a_second)
    funded = perps.rule
    assert isinstance(funded, FundedRule)
    time = portfolio(perps).blocks[CHAIN].timestamp
    problem = Problem(
        portfolio=portfolio(perps, lender("aave", {"ETH": 25, "USDC": -80_000}), wallet()),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=Targets(floor=1.0, health=1.25, kappa=0.0),
        limits=Limits(frozenset({"reduce", "withdraw", "repay"})),
        charges=Charges(gas_elsewhere_usd=0.0, slippage=Decimal(0)),
    )
    plan = repair(problem)
    assert plan.status == "feasible", plan.shortfalls
    moves = [step.move for step in plan.steps if step.account_id == perps.id]
    assert [type(move) for move in moves] == [Trade, Withdraw]
    late: AdjustableRule = funded
    for move in moves:
        assert isinstance(move, Trade | Withdraw)
        done = late.apply(perps.prices, time + AHEAD_S, move)
        assert isinstance(done, Applied | Traded), done
        assert isinstance(done.successor, FundedRule)
        late = done.successor


def test_what_is_gone_by_now_still_has_its_price() -> None:
    """The account had another collateral, which was taken out; later it is asked for what it was at first."""
    account = lender("aave", {"ETH": 25, "BTC": 1, "USDC": -60_000})
    asset = COINS["ETH"].asset
    assert isinstance(account.rule, LendingRule)
    copy = Copy.of(portfolio(account))
    kept = [i for i, weight in enumerate(account.rule.weights) if weight.feed.asset != COINS["BTC"].asset.id]
    left = replace(
        account.rule,
        weights=tuple(account.rule.weights[i] for i in kept),
        supplies=tuple(account.rule.supplies[i] for i in kept),
    )
    now = copy.accounts[account.id] = replace(account, rule=left)
    copy.note(account.id, Deposit(asset.id, 1))
    assert set(now.prices) < set(account.prices)
    said = later_test(copy, now)
    assert said is not None
    assert said.health == account.rule.health(account.prices, 0).health


def test_an_account_that_has_lost_its_rule_has_none_later() -> None:
    """Its own test tells nothing now: what the rule said before does not stand for it."""
    account = lender("aave", {"ETH": 25, "USDC": -60_000})
    copy = Copy.of(portfolio(account))
    copy.note(account.id, Deposit(COINS["ETH"].asset.id, 1))
    assert later_test(copy, copy.accounts[account.id]) is not None
    assert later_test(copy, copy.lose(account, "nobody knows")) is None


@pytest.mark.parametrize("usd_a_second", [0.08, 0.0, -0.08])
def test_a_state_tells_what_ten_minutes_do(usd_a_second: float) -> None:
    """Funding of all of the position until four fifths are closed, or of the rest afterwards."""
    account = funded_trader(usd_a_second)
    assert isinstance(account.rule, FundedRule)
    copy = Copy.of(portfolio(account))
    trade = Trade("ETH", -20 * 10**18)
    time = copy.portfolio.blocks[CHAIN].timestamp
    done = account.rule.apply(account.prices, time, trade)
    assert isinstance(done, Traded), done
    copy.accounts[account.id] = replace(account, rule=done.successor)
    copy.note(account.id, trade)
    [state] = states([copy], families=FAMILIES, scenarios=few_draws())
    [found] = state.accounts
    gained = -usd_a_second * AHEAD_S
    assert found.power_ahead_usd == pytest.approx(found.power_usd + gained / 5)
    assert found.requirement_ahead_usd == pytest.approx(found.requirement_usd)
    assert found.health is not None
    at_once, sent_later = found.health, (found.power_usd + gained) / found.requirement_usd
    assert found.health_low == pytest.approx(min(at_once, sent_later))
    assert found.health_high == pytest.approx(max(at_once, sent_later))
