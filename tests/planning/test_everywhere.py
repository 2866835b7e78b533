"""Cascades of wallets that have something everywhere: value is conserved whatever the protocol does.

The comets, GMX and Synthetix V3's surroundings are stand-ins; see tests/devnet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aggregator.app.checks import scenarios_of
from aggregator.model.positions import Debt, Supply
from aggregator.planning import impact
from aggregator.planning.cascade import Terms, cascade
from aggregator.planning.valuation import Worth
from aggregator.risk.assess import assess
from aggregator.risk.numbering import Numbering
from aggregator.risk.scenarios import CustomScenario
from tests.planning.keepers import asked, read
from tests.test_lending import borrow_everywhere

if TYPE_CHECKING:
    from aggregator.model.cascades import Cascade
    from tests.devnet.world import World


def names(found: Cascade) -> set[str]:
    return {step.account_id.partition(":")[0] for step in found.steps}


@pytest.mark.parametrize("change", [-0.75, 0.9])
def test_perps_of_every_venue(perps_world: World, change: float) -> None:
    """A crash and a rally: what fails is closed, or there is a reason; the sums are checked by the engine."""
    portfolio, scenarios = read(perps_world, perps_world.wallets["hedged"])
    shock = CustomScenario("shock", {"ETH": change, "BTC": change})
    for terms in (Terms(impact.none), Terms(lag=1), Terms(lambda _, p, q: p * 0.999**q)):
        found = cascade(portfolio, [shock], scenarios=scenarios, terms=terms)
        assert found.cascade.converged
        failing = {
            account.id
            for account in found.shocked.accounts
            if account.rule is not None
            and account.rule.health(account.prices, perps_world.node.timestamp).liquidatable
        }
        assert failing
        touched = {step.account_id for step in found.cascade.steps}
        refused = {one.account_id for one in found.cascade.refusals}
        assert failing <= touched | refused
        assert touched
        for step in found.cascade.steps:
            assert step.liquidated_usd > 0.0
            assert step.closed


def test_lenders_of_every_kind(devnet: World) -> None:
    """Venus' cTokens and a comet's absorption as well; the comet's amounts are the contract's."""
    user = devnet.spare[0]
    borrow_everywhere(devnet, user)
    answer = asked(devnet, user)
    [portfolio] = answer.portfolios
    scenarios = scenarios_of(answer)
    crash = CustomScenario("crash", {"ETH": -0.62, "BTC": -0.62, "wstETH": -0.12})
    found = cascade(portfolio, [crash], scenarios=scenarios, terms=Terms(impact.none))
    assert found.cascade.converged
    assert names(found.cascade) == {"aave_v3", "compound_v2", "compound_v3", "morpho_blue"}
    assert not found.cascade.refusals
    assert found.cascade.bad_debt_usd > 0.0
    # Venus tells its reserves, which pay first; of the others no fund is known.
    [venus] = [s for s in found.cascade.steps if s.account_id.startswith("compound_v2") and s.borne]
    assert venus.borne[0][0] == "insurance_fund"
    before = {account.id: account for account in found.shocked.accounts}
    worth = Worth.of(found.shocked, Numbering(scenarios, portfolio.classes))
    for step in found.cascade.steps:
        account = before[step.account_id]
        if account.protocol != "compound_v3":
            continue
        assert step.liquidated_usd == pytest.approx(worth.account_usd(account, Supply))
        debt = worth.account_usd(account, Debt)
        assert step.penalty_usd == pytest.approx(step.liquidated_usd + step.bad_debt_usd - debt)
    after = assess(found.final, families=answer.families, scenarios=scenarios)
    assert not [risk for risk in after.accounts if risk.liquidatable]
