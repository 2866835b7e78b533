"""What a plan says of accounts that can't be judged: never that their targets hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from aggregator.model.accounts import Reported
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Health
from aggregator.planning.problem import Problem
from aggregator.planning.repair import repair
from aggregator.risk.scenarios import CustomScenario
from tests.planning.acting import LendingRule, lender
from tests.planning.test_repair import ALONE, FREE
from tests.risk.builders import COINS, few_draws, holding, portfolio, wallet
from tests.risk.linear import FAMILIES

ETH = COINS["ETH"].asset.id


@dataclass(frozen=True, slots=True)
class Blind(LendingRule):
    """Has no answer where ETH costs less than 3,000."""

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        if prices[ETH] < 3_000 * 10**8:
            raise UnusablePrice(ETH, "feed", prices[ETH])
        return LendingRule.health(self, prices, time)


def test_an_account_without_an_answer_in_a_stress_does_not_survive_it() -> None:
    """It is named, and the plan is not called safe."""
    made = lender("aave", {"ETH": 25, "USDC": -20_000})
    rule = made.rule
    assert isinstance(rule, LendingRule)
    blind = Blind(**{field.name: getattr(rule, field.name) for field in fields(rule)})
    problem = Problem(
        portfolio=portfolio(replace(made, rule=blind), wallet(holding("USDC", 10.0))),
        families=FAMILIES,
        scenarios=few_draws(),
        targets=ALONE,
        charges=FREE,
    )
    assert repair(problem).status == "safe"
    plan = repair(replace(problem, stress=CustomScenario("crash", {"ETH": -0.5})))
    assert plan.status == "infeasible"
    [missing] = plan.shortfalls
    assert missing.account_id == "aave"
    assert "not known" in missing.needed


def test_an_account_that_its_protocol_alone_judges_is_named() -> None:
    """No target of it is in the plan."""
    alone = replace(
        lender("venue", {"ETH": 1}),
        rule=None,
        reported=Reported(WAD, liquidatable=False, liquidation_price=None, origin="venue"),
    )
    problem = Problem(
        portfolio=portfolio(alone), families=FAMILIES, scenarios=few_draws(), targets=ALONE, charges=FREE
    )
    assert any("venue is judged by its protocol alone" in told for told in repair(problem).told)
