"""Accounts whose own test has no answer lose it, are named, and cost nobody else a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from aggregator.contract import RuleFamily, Shocked
from aggregator.model.accounts import Account
from aggregator.model.errors import NativeUnknown
from aggregator.model.results import Verdict
from aggregator.model.rules import Rule
from aggregator.risk.assess import assess, assessments
from aggregator.risk.explain import explain, explained
from aggregator.risk.scenarios import CustomScenario
from aggregator.risk.standing import standings
from aggregator.risk.stress import Stress, stress
from aggregator.risk.whatif import whatif
from tests.risk.builders import few_draws, portfolio, wallet
from tests.risk.builders import holding as held
from tests.risk.linear import FAMILIES, LinearColumns, LinearFamily, LinearRule, lending, margined

GOOD = lending("good", {"ETH": 10.0, "USDC": -20_000.0})
BAD = lending("bad", {"WBTC": 1.0, "DAI": -50_000.0})
OTHER = margined("other", "BTC", 0.1, 2_000.0)
COINS = wallet(held("ETH", 1.0))
MINE = portfolio(GOOD, BAD, OTHER, COINS)
Floats = NDArray[np.float64]
Defect = Callable[[Floats, Floats], None]
"""What goes wrong with an account's power (scenarios,), to be overwritten, at the prices of its feeds."""

ETH_USD, BTC_USD = 4_000.0, 99_900.0


@dataclass
class Broken(LinearFamily):
    """Like LinearFamily, but for one rule."""

    bad: Rule | None
    defect: Defect

    def margin(self, columns: LinearColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """With the defect where that rule is among these."""
        N, Q = super().margin(columns, shocked)
        first = 0
        for row, rule in enumerate(columns.rules):
            if rule == self.bad:
                self.defect(N[row], shocked.prices[first : first + len(rule.feeds)])
            first += len(rule.feeds)
        return N, Q


class Refuses(LinearFamily):
    """Takes no rule that is the bad account's."""

    def columns(self, rules: Sequence[Rule]) -> LinearColumns:
        """As always, without that rule."""
        if BAD.rule in rules:
            raise KeyError("no column for it")
        return super().columns(rules)


def raising(_: Floats, __: Floats) -> None:
    """Always, as a defect would."""
    raise IndexError("list index out of range")


def far_down(_: Floats, prices: Floats) -> None:
    """Where WBTC costs half: today nobody would notice."""
    if (prices[0] < BTC_USD / 2.0).any():
        raise ZeroDivisionError("division by zero")


def no_number(power: Floats, _: Floats) -> None:
    """Instead of a margin."""
    power[:] = np.nan


def families(defect: Defect, bad: Account = BAD) -> dict[str, RuleFamily]:
    """The family of the tests with a defect for one account."""
    return {"linear": Broken(bad.rule, defect)}


def without(account: Account) -> Account:
    return replace(account, rule=None)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (families(raising), "IndexError: list index out of range"),
        (families(far_down), "ZeroDivisionError: division by zero"),
        (families(no_number), "ArithmeticError: its margin at some prices is not a number"),
        ({"linear": Refuses()}, "KeyError: 'no column for it'"),
    ],
    ids=["always", "in a scenario", "no number", "as columns"],
)
def test_one_account_loses_its_own_test_alone(broken: dict[str, RuleFamily], told: str) -> None:
    """All else is what it is where that account had none; it is named, and the whole is not known to hold."""
    theirs = portfolio(lending("theirs", {"ETH": 10.0, "USDC": -30_000.0}))
    before, (judged, risk), after = assessments(
        [theirs, MINE, theirs], families=broken, scenarios=few_draws()
    )
    known = portfolio(GOOD, without(BAD), OTHER, COINS)
    # As many wallets at once: what sums of other shapes are to the last bit is the processor's choice.
    alike, (_, expected), _ = assessments([theirs, known, theirs], families=FAMILIES, scenarios=few_draws())
    assert risk.accounts == expected.accounts
    assert (risk.kappa, risk.requirement_usd) == (expected.kappa, expected.requirement_usd)
    assert {one.account_id: one.native_health is None for one in risk.accounts if one.sets_band} == {
        "good": False,
        "bad": True,
        "other": False,
    }
    assert (expected.verdict, risk.verdict) == (Verdict.OK, Verdict.UNKNOWN)
    assert risk.worst_case is not None
    [failure] = judged.failures
    assert isinstance(failure.error, NativeUnknown)
    assert (failure.deployment, failure.error.why) == ("bad", told)
    assert judged.unjudged == ("bad",)
    assert not judged.coverage.complete
    assert before == after == alike


def test_where_nobody_fails_alone_all_lose_it() -> None:
    """A family that fails for accounts together can be believed of none of them."""

    @dataclass
    class Together(LinearFamily):
        def margin(self, columns: LinearColumns, shocked: Shocked) -> tuple[Floats, Floats]:
            N, Q = super().margin(columns, shocked)
            return (N, Q) if len(columns.rules) == 1 else (N[:1], Q[:1])

    [(judged, risk)] = assessments([MINE], families={"linear": Together()}, scenarios=few_draws())
    assert judged.unjudged == ("good", "bad", "other")
    assert all(one.native_health is None for one in risk.accounts)
    [why] = {failure.error.why for failure in judged.failures if isinstance(failure.error, NativeUnknown)}
    assert why.startswith("ValueError: the margin of linear has the shapes (1, ")


def test_a_rule_that_fails_by_itself() -> None:
    """What the exact rule raises, today or at a later time, counts as what its family raises."""

    @dataclass(frozen=True)
    class Ageing(LinearRule):
        def health(self, prices, time):  # type: ignore[no-untyped-def]  # as the rule's
            if time > MINE.blocks[BAD.chain].timestamp:
                raise OverflowError("too late")
            return super().health(prices, time)

    assert isinstance(BAD.rule, LinearRule)
    ageing = replace(BAD, rule=Ageing(BAD.rule.weights, BAD.rule.cash))
    mine = portfolio(GOOD, replace(ageing, kind="lending"))
    [(judged, _)] = assessments([mine], families=FAMILIES, scenarios=few_draws())
    assert judged.unjudged == ("bad",)


def test_states_of_a_plan() -> None:
    """Each variant stands as it does without that test."""
    variants = [MINE, portfolio(GOOD, COINS)]
    found = standings(variants, families=families(far_down), scenarios=few_draws())
    known = [portfolio(GOOD, without(BAD), OTHER, COINS), variants[1]]
    assert found == standings(known, families=FAMILIES, scenarios=few_draws())
    assert [one.account_id for one in found[0].accounts] == ["good", "other"]


def test_changes_say_whose_health_is_unknown() -> None:
    """Today, after a scenario and after an action."""
    crash = Stress(CustomScenario("crash", {"ETH": -0.1}))
    report = stress(MINE, [crash], families=families(raising), scenarios=few_draws())
    assert report.today.unknown == ("bad",)
    assert [outcome.after.unknown for outcome in report.outcomes] == [("bad",)]
    found = whatif(MINE, [], families=families(raising), scenarios=few_draws())
    assert (found.today.unknown, found.after.unknown) == (("bad",), ("bad",))


def test_an_explanation_looks_farther() -> None:
    """What fails beyond every scenario and search of the assessment is found by it, and assessed anew."""

    def farther(_: Floats, prices: Floats) -> None:
        if prices[0].max() > 105.0 * ETH_USD:
            raise OverflowError("too far")

    asked, ours = families(farther, GOOD), few_draws()
    [(same, risk)] = assessments([MINE], families=asked, scenarios=ours)
    assert same is MINE
    judged, again, why = explained(MINE, risk, families=asked, scenarios=ours)
    assert judged.unjudged == ("good",)
    assert (risk.verdict, again.verdict) == (Verdict.OK, Verdict.UNKNOWN)
    known = portfolio(without(GOOD), BAD, OTHER, COINS)
    expected = assess(known, families=FAMILIES, scenarios=ours)
    theirs = explain(known, expected, families=FAMILIES, scenarios=ours)
    # What has no test fails where its equity ends; of one whose test is not known that is no answer.
    prices = tuple(one for one in theirs.distance.prices if one.account_id != "good")
    assert prices != theirs.distance.prices
    assert why == replace(theirs, distance=replace(theirs.distance, prices=prices))
    assert explained(MINE, risk, families=FAMILIES, scenarios=ours)[:2] == (MINE, risk)
