"""Corners of cascades and ladders: long paths, sums that overflow, accounts nobody can judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from aggregator.model.accounts import Account, Reported
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.positions import Supply
from aggregator.model.rules import WAD, Health
from aggregator.planning import impact as impacts
from aggregator.planning.cascade import MOST_ROUNDS, Terms, cascade
from aggregator.planning.ladder import ladder, unknown_rungs
from aggregator.planning.market_risk import market_risk
from aggregator.risk.scenarios import CustomScenario
from tests.planning.plain import FAMILIES, PlainRule, borrower
from tests.planning.test_cascade_vectors import rows
from tests.risk.builders import (
    COINS,
    account,
    option,
    perp,
    portfolio,
    raw,
    scenarios,
    supply,
    wallet,
)

STILL = CustomScenario("still", {})


@dataclass(frozen=True, slots=True)
class Blind(PlainRule):
    """Its oracle has no answer."""

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:  # noqa: ARG002
        raise UnusablePrice(self.held.asset, "feed", 0)


def fall(change: float) -> CustomScenario:
    return CustomScenario("fall", {"ETH": change})


def test_a_path_of_more_moments_than_rounds_is_followed_to_its_end() -> None:
    """The cap is on what follows from one moment: the crash at the end of a long path counts."""
    path = [fall(-0.0001 * i) for i in range(MOST_ROUNDS + 20)]
    found = cascade(portfolio(borrower("one", 100, 300_000)), [*path, fall(-0.3)], scenarios=scenarios())
    assert found.cascade.converged
    assert [step.round for step in found.cascade.steps] == [len(path) + 1]
    assert not [sentence for sentence in found.cascade.told if "rounds" in sentence]


def test_a_path_that_is_cut_off_says_where() -> None:
    """What is liquidated a little at a time never ends: what would come after that moment is not shown."""
    slow = replace(rows([(100.0, 310_000.0)], 4_000.0), part=np.array([1e-4]), part_from=np.array([0.0]))
    found = cascade(
        portfolio(),
        [fall(-0.1), fall(-0.2), fall(-0.3)],
        scenarios=scenarios(),
        terms=Terms(impacts.none, rounds=5),
        borrowers=slow,
    ).cascade
    assert (found.converged, found.rounds) == (False, 5)
    assert "after 5 rounds something could still be liquidated" in found.told
    assert "the path is not followed beyond moment 1 of 3" in found.told


@pytest.mark.parametrize(
    "one",
    [
        replace(borrower("mine", 10, 38_000), rule=None),
        account("mine", supply("USD", 1_000), perp("ETH", 10), kind="perp"),
        account("mine", option("ETH", -1, "call", 5_000, years=0.1, iv=0.6, mark=10.0), kind="option"),
        account("mine", supply("USD", 1), kind="perp", reported=Reported(WAD, False, None, "venue")),  # noqa: FBT003
    ],
)
def test_an_account_without_a_rule_is_named(one: Account) -> None:
    """That nothing is liquidated would be more than anybody knows."""
    found = cascade(portfolio(one), [fall(-0.5)], scenarios=scenarios()).cascade
    assert not found.steps
    assert "mine: whether it is liquidated is not known, for its rule is not" in found.told


def test_what_can_not_be_liquidated_needs_no_rule() -> None:
    """A wallet's coins, what is lent without a debt, a bought option: nothing is said of them."""
    bought = option("ETH", 1, "call", 5_000, years=0.1, iv=0.6, mark=10.0)
    ours = portfolio(wallet(), account("lent", supply("USD", 5)), account("bought", bought, kind="option"))
    assert cascade(ours, [fall(-0.5)], scenarios=scenarios()).cascade.told == ()


def test_a_sum_that_is_no_number_is_an_error() -> None:
    """What overflows must not pass for conserved."""
    huge = rows([(1e308, 1e308)], 4_000.0)
    with pytest.raises(ArithmeticError), np.errstate(over="ignore", invalid="ignore"):
        cascade(portfolio(), [STILL], scenarios=scenarios(), borrowers=huge)


def test_a_loan_of_dollars_that_fails_now_is_in_the_ladder() -> None:
    """No underlying moves it: its rung is today's, in dollars."""
    ours = portfolio(borrower("dollars", 10_000, 9_000, of="USDC", owes="DAI"))
    [rung] = ladder(ours, families=FAMILIES, scenarios=scenarios())
    assert (rung.account_id, rung.underlying, rung.price_usd, rung.distance) == ("dollars", "USD", 1.0, 0.0)
    assert rung.liquidated_usd > 0.0


def test_the_ladder_says_whose_rung_it_does_not_know() -> None:
    """No rule, or one that has no answer today; of others nothing is said."""
    rule = borrower("blind", 10, 30_000).rule
    assert isinstance(rule, PlainRule)
    blind = Blind(**{one.name: getattr(rule, one.name) for one in fields(rule)})
    ours = portfolio(
        borrower("known", 10, 30_000),
        replace(borrower("unknown", 10, 30_000), rule=None),
        replace(borrower("blind", 10, 30_000), rule=blind),
        replace(
            account("venue", supply("USD", 1), kind="perp"),
            reported=Reported(WAD // 2, True, None, "venue"),  # noqa: FBT003
        ),
    )
    told = unknown_rungs(ours)
    assert [sentence.partition(":")[0] for sentence in told] == ["unknown", "blind", "venue"]


def test_market_risk_keeps_what_single_cascades_say() -> None:
    """With how many said it: a mean over cascades that did not end is none, in silence."""
    slow = replace(rows([(100.0, 310_000.0)], 4_000.0), part=np.array([1e-4]), part_from=np.array([0.0]))
    paused = borrower("paused", 10, 39_000, refusal="ReservePaused")
    terms = Terms(impacts.none, rounds=3)
    done = [
        cascade(portfolio(paused), [one], scenarios=scenarios(), terms=terms, borrowers=slow).cascade
        for one in (fall(-0.2), STILL)
    ]
    told = market_risk(done).told
    assert told[0] == "paused: fails and is not liquidated (in 2 of 2)"
    assert "after 3 rounds something could still be liquidated (in 1 of 2)" in told
    assert market_risk(done[:1] * 3).told[0].endswith("(in 3 of 3)")


@pytest.mark.parametrize("first", [True, False])
def test_what_is_lent_beside_the_same_collateral_stays(first: bool) -> None:
    """Half of a debt is paid out of the collateral alone, whichever position stands first."""
    lent = Supply(COINS["ETH"].asset, raw(3), is_collateral=False, origin="lent")
    one = borrower("mine", 10, 33_500)
    positions = (lent, *one.positions) if first else (*one.positions, lent)
    found = cascade(
        portfolio(replace(one, positions=positions)),
        [STILL],
        scenarios=scenarios(),
        terms=Terms(impacts.none, rounds=1),
    )
    [step], [left] = found.cascade.steps, found.final.accounts
    assert (step.liquidated_usd, step.bad_debt_usd) == pytest.approx((16_750 * 1.05, 0.0))
    kept = {p.is_collateral: p.raw / 1e18 for p in left.positions if isinstance(p, Supply)}
    assert kept == pytest.approx({False: 3.0, True: 10 - 16_750 * 1.05 / 4_000})
