"""Plans by the application: what liquidations they avoid, and names that only some wallets know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import pytest

from aggregator import app
from aggregator.app.answers import Answer
from aggregator.app.markets import NO_MARKETS
from aggregator.model.accounts import Account
from aggregator.model.actions import Repay
from aggregator.model.assets import AssetId
from aggregator.model.errors import BadConfiguration
from aggregator.model.plans import Plan, Targets
from aggregator.model.rules import Amount, Liquidated, Refused, Repayment
from aggregator.risk.scenarios import CustomScenario
from tests.planning.acting import LendingRule, lender
from tests.risk.builders import COINS, holding, portfolio, wallet
from tests.risk.linear import FAMILIES

ETH, USDC = COINS["ETH"], COINS["USDC"]
TARGETS = Targets(floor=1.0, health=1.25, kappa=0.0)
RICH = wallet(holding("USDC", 60_000))


@dataclass(frozen=True, slots=True)
class OnceRule(LendingRule):
    """All of the debt in USDC is repaid at once, for ETH worth a twentieth more."""

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        """See LiquidatableRule."""
        if not self.health(prices, time).liquidatable or repayment.collateral != ETH.asset.id:
            return Refused("healthy")
        held, owed = self.weights
        seized = owed.requirement * prices[owed.feed.asset] * 105 // (prices[held.feed.asset] * 100)
        left = self.supplies[0] - seized
        after = self._with(0, replace(held, power=left * self.threshold // 10_000), left)
        after = after._with(1, replace(owed, requirement=0), 0)
        paid = (Amount(USDC.asset.id, owed.requirement),)
        return Liquidated(paid, (Amount(ETH.asset.id, seized),), (), (), after)


def liquidatable(account: Account) -> Account:
    """The account, whose protocol tells how it is liquidated."""
    rule = account.rule
    assert isinstance(rule, LendingRule)
    known: dict[str, Any] = {field.name: getattr(rule, field.name) for field in fields(rule)}
    return replace(account, rule=OnceRule(**known))


@cache
def demo() -> Answer:
    """The settings and tokens of the demo."""
    return app.replay(app.demo())


def planned(*wallets: tuple[Account, ...], **asked: Any) -> tuple[Plan, ...]:
    """The plans of wallets of these accounts."""
    mine = tuple(portfolio(*accounts) for accounts in wallets)
    answer = replace(demo(), portfolios=mine, families=FAMILIES, history=None, markets=NO_MARKETS)
    return app.repair(answer, app.PlanRequest(targets=TARGETS, **asked))


def test_a_liquidation_of_today_is_avoided() -> None:
    """25 ETH at 4,000 count as 80,000, and 85,000 are owed: a twentieth is lost, and what sales cost."""
    [plan] = planned((liquidatable(lender("aave", {"ETH": 25, "USDC": -85_000})), RICH))
    assert plan.status == "feasible"
    assert plan.avoided_usd is not None
    assert plan.avoided_usd == pytest.approx(4_250.0, rel=0.01)
    assert plan.avoided_usd >= 4_250.0


def test_what_is_not_liquidated_today_avoids_nothing_known() -> None:
    """A health below its target costs nothing yet; in a scenario it does."""
    accounts = (liquidatable(lender("aave", {"ETH": 25, "USDC": -70_000})), RICH)
    [plan] = planned(accounts)
    assert (plan.status, plan.avoided_usd) == ("feasible", None)
    [plan] = planned(accounts, shock=CustomScenario("crash", {"ETH": -0.2}))
    assert plan.status == "feasible"
    assert plan.avoided_usd == pytest.approx(3_500.0, rel=0.01)


@pytest.mark.parametrize(
    "asked", [{}, {"shock": CustomScenario("crash", {"ETH": -0.1})}], ids=["now", "crash"]
)
def test_a_liquidation_that_nobody_can_tell_is_not_free(asked: dict[str, Any]) -> None:
    """No rule says how: what is avoided is not known, and not zero."""
    [plan] = planned((lender("aave", {"ETH": 25, "USDC": -85_000}), RICH), **asked)
    assert plan.status == "feasible"
    assert plan.avoided_usd is None


def test_a_name_need_not_be_in_every_wallet() -> None:
    """Where it is not, nothing but the wallet may be touched."""
    low = {"ETH": 25, "USDC": -70_000}
    first, second = planned((lender("aave", low), RICH), (lender("other", low), RICH), only=("aave",))
    assert [type(step.move) for step in first.steps] == [Repay]
    assert (second.status, second.steps) == ("infeasible", ())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"only": ("nobody",)}, "no kind of step and no account is called so: aave"),
        ({"only": (" ",)}, "no kind of step and no account is called so"),
        ({"only": ("bridge",), "bridge": False}, "not together with --no-bridge"),
        ({"only": ("repay", "bridge"), "estimates": False}, "not together with --no-estimates"),
        ({"only": ("flash",)}, "name yours with --flash-executor"),
        ({"only": ("repay",), "executor": "0x" + "01" * 20}, "name flash there too"),
    ],
)
def test_limits_that_rule_each_other_out(asked: dict[str, Any], words: str) -> None:
    """They are refused: no plan at all would look like none that is possible."""
    with pytest.raises(BadConfiguration, match=words):
        planned((lender("aave", {"ETH": 25, "USDC": -70_000}), RICH), **asked)
