"""Explanations: contributions add up, changes do what they say, what fails first and what prevents it."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from aggregator.model.accounts import Account, Reported
from aggregator.model.explanation import Explanation
from aggregator.model.portfolio import Portfolio
from aggregator.model.results import RiskResult
from aggregator.risk.assess import assess
from aggregator.risk.book import book
from aggregator.risk.contributions import contributions, worst_draws
from aggregator.risk.explain import explain
from aggregator.risk.scan import scan
from aggregator.risk.tail import Drawn
from aggregator.risk.variations import Swap, kappas
from tests.risk.books import silos
from tests.risk.builders import COINS, account, debt, holding, option, portfolio, scenarios, supply, wallet
from tests.risk.linear import FAMILIES, lending, margined


def assessed(mine: Portfolio) -> RiskResult:
    return assess(mine, families=FAMILIES, scenarios=scenarios())


def explained(*accounts: Account) -> tuple[RiskResult, Explanation]:
    mine = portfolio(*accounts)
    risk = assessed(mine)
    return risk, explain(mine, risk, families=FAMILIES, scenarios=scenarios())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(silos("a"))
def test_contributions_add_up(accounts: tuple[Account, ...]) -> None:
    """All lines are M; positions of an account are its loss in the scenario, or the draws, that bind."""
    mine = portfolio(*accounts)
    scanned = scan(book([mine], scenarios()), FAMILIES)
    risk = assessed(mine)
    lines = contributions(scanned, risk, worst_draws(scanned, risk))
    total = math.fsum(line.usd for line in lines)
    assert total == pytest.approx(risk.requirement_usd, rel=1e-9, abs=1e-9 * risk.gross_usd)
    assert risk.binding is not None
    lost: dict[str, float] = defaultdict(float)
    for line in lines:
        if line.kind == "position" and line.account_id is not None:
            lost[line.account_id] += line.usd
    for account_id, usd in risk.binding.by_account:
        assert lost[account_id] == pytest.approx(usd, abs=1e-9 * risk.gross_usd)


def drawn(risk: RiskResult) -> list[float]:
    """TailMean of a wallet by level, as its result has it."""
    return [point.whole_usd for point in risk.survival if point.branch == "draws"]


def crossed(risk: RiskResult) -> bool:
    """Whether draws end a wallet's survival, at its last point of them."""
    return drawn(risk)[-1] < risk.add_on_usd


def shorts(hedge: float) -> tuple[Account, ...]:
    """Shorts whose worst draws are worse than every scenario, and what hedges them elsewhere."""
    call = option("BTC", -0.02, "call", 120_000.0, years=0.1, iv=0.6)
    return (
        margined("perp", "ETH", -10.0, 50_000.0),
        account("option", supply("USDC", 9_000.0), call, protocol="lyra_v1", kind="option"),
        wallet(holding("ETH", hedge)),
    )


def test_where_shortfall_binds_lines_are_those_of_the_worst_draws() -> None:
    """Each is what one more of the position would add, and none is a rest."""
    risk, why = explained(*shorts(2.0))
    assert risk.tails is not None
    assert risk.tails.requirement_usd > risk.scan_requirement_usd
    assert why.draws == 164
    assert risk.binding is not None
    assert (why.scenario, why.level) == (risk.binding.name, risk.binding.level)
    lines = {(line.kind, line.account_id, line.ordinal): line.usd for line in why.contributions}
    positions = {key: usd for key, usd in lines.items() if key[0] == "position"}
    assert lines["position", "perp", 1] > lines["position", "option", 1] > 0.0
    assert lines["position", "wallet", 0] < 0.0
    total = math.fsum(line.usd for line in why.contributions)
    assert total == pytest.approx(risk.requirement_usd, rel=1e-12)
    assert len(positions) == 3  # dollars lose nothing
    step = 1e-5
    more = assessed(portfolio(*shorts(2.0 * (1.0 + step))))
    assert more.tails is not None
    slope = (more.tails.requirement_usd - risk.tails.requirement_usd) / step
    assert slope == pytest.approx(lines["position", "wallet", 0], rel=1e-3)


def test_lines_of_a_perp() -> None:
    """-18%: 10 ETH lose 7,200; add-ons 200 and 20; the protocol's haircut on what is left of 9,000."""
    _, why = explained(margined("perp", "ETH", 10.0, 9_000.0))
    lines = {(line.kind, line.label): line.usd for line in why.contributions}
    assert lines["position", None] == pytest.approx(7_200.0)
    assert lines["add_on", "perps"] == pytest.approx(200.0)
    assert lines["add_on", "half-spread"] == pytest.approx(20.0)
    assert lines["haircut", None] == pytest.approx(0.02 * 1_800.0)
    assert why.requirement_usd == pytest.approx(7_456.0)
    assert all(line.usd for line in why.contributions)


def test_changes_do_what_they_say() -> None:
    """Each kappa is that of a book that somebody really changes so."""
    loan, perp = lending("loan", {"ETH": 25.0, "USDC": -60_000.0}), margined("perp", "ETH", 5.0, 6_000.0)
    risk, why = explained(loan, perp)
    size = 0.01 * risk.gross_usd
    by = {(c.kind, c.account_id, c.ordinal): c for c in why.changes}
    repaid = lending("loan", {"ETH": 25.0, "USDC": -60_000.0 + size})
    assert by["repay", "loan", 1].kappa == pytest.approx(assessed(portfolio(repaid, perp)).kappa, rel=1e-9)
    smaller = margined("perp", "ETH", 5.0 - size / 4_000.0, 6_000.0)
    assert by["reduce", "perp", 1].kappa == pytest.approx(assessed(portfolio(loan, smaller)).kappa, rel=1e-9)
    sold = lending("loan", {"ETH": 25.0 - size / 4_000.0, "USDC": -60_000.0, "USD": size})
    assert by["reduce", "loan", 0].kappa == pytest.approx(assessed(portfolio(sold, perp)).kappa, rel=1e-9)
    short = margined("hedge", "ETH", -size / 4_000.0, 1e-9, protocol="wallet")
    hedge = by["hedge", None, None]
    assert hedge.underlying == "ETH"
    assert hedge.size_usd == pytest.approx(size)
    assert hedge.kappa == pytest.approx(assessed(portfolio(loan, perp, short)).kappa, rel=1e-6)
    assert all(change.size_usd <= size * (1 + 1e-12) for change in why.changes)
    gains = [change.score_change for change in why.changes]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 0.0


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(silos("a"), silos("b"))
def test_a_swap_gives_what_the_assessment_of_each_gives(
    own: tuple[Account, ...], others: tuple[Account, ...]
) -> None:
    """One account in place of another, or beside all."""
    bare = [replace(account, rule=None, reported=None) for account in own]
    swaps = [Swap(i % len(own), replace(other, rule=None, reported=None)) for i, other in enumerate(others)]
    swaps += [Swap(None, swap.account) for swap in swaps[:1]]
    mine = portfolio(*bare)
    expected = [assessed(replace(mine, accounts=swap.of(mine.accounts))).kappa for swap in swaps]
    for known in (drawn(assessed(mine)), []):
        found = kappas(mine, swaps, scenarios(), drawn=known)
        assert found.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_change_that_draws_decide() -> None:
    """Where the whole crosses each change is drawn, as it would be alone; before, bounds tell the sign."""
    perp = margined("perp", "ETH", -10.0, 15_000.0)
    _, call, coins = shorts(1.0)
    mine = portfolio(perp, call, coins)
    risk = assessed(mine)
    swaps = [Swap(0, margined("perp", "ETH", size, 15_000.0)) for size in (-9.0, -9.9, -10.0, -10.1)]
    swaps += [Swap(2, wallet(holding("ETH", 1.1))), Swap(None, replace(coins, id="more"))]
    swaps += [Swap(1, replace(perp, id="another"))]
    after = [assessed(replace(mine, accounts=swap.of(mine.accounts))) for swap in swaps]
    assert all(math.isfinite(one.kappa) for one in after)
    assert sum(crossed(one) for one in after) > len(after) // 2
    found = kappas(mine, swaps, scenarios(), drawn=drawn(risk))
    assert found.tolist() == pytest.approx([one.kappa for one in after], rel=1e-9)
    assert found.tolist() == kappas(mine, swaps, scenarios(), drawn=[]).tolist()


def test_what_is_far_from_crossing_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small change of a book that draws leave far from zero costs a few prices and no draw."""
    call = option("ETH", -2.0, "call", 4_400.0, years=0.1, iv=0.7)
    mine = portfolio(account("options", supply("USDC", 90_000.0), call))
    risk = assessed(mine)
    smaller = account("options", supply("USDC", 90_000.0), replace(call, size_raw=call.size_raw * 19 // 20))
    after = assessed(portfolio(smaller)).kappa

    def worst(*_: object) -> None:
        raise AssertionError("a draw was followed")

    monkeypatch.setattr(Drawn, "worst", worst)
    assert kappas(mine, [Swap(0, smaller)], scenarios(), drawn=drawn(risk)).tolist() == [after]


def test_options_are_closed_at_their_value() -> None:
    """A written option is bought back: what it owes leaves in dollars, so equity stays."""
    call = option("ETH", -10.0, "call", 4_000.0, years=0.1, iv=0.7, mark=300.0)
    options = account("options", supply("USD", 9_000.0), call, protocol="lyra_v1", kind="option")
    risk, why = explained(options)
    [closed] = [c for c in why.changes if c.kind == "reduce" and c.ordinal == 1]
    share = closed.size_usd / 40_000.0
    fewer = replace(call, size_raw=round(call.size_raw * (1.0 - share)))
    paid = account(
        "options", supply("USD", 9_000.0 - 3_000.0 * share), fewer, protocol="lyra_v1", kind="option"
    )
    after = assessed(portfolio(paid))
    assert closed.kappa == pytest.approx(after.kappa, rel=1e-9)
    assert after.equity_usd == pytest.approx(risk.equity_usd, rel=1e-9)


def test_what_prevents_a_loans_liquidation() -> None:
    """25 ETH of 100,000 at .83 for 79,000: N = 83,000. A health of 1.25 needs 79,000 - 83,000/1.25 = 12,600
    repaid, or (1.25 * 79,000 - 83,000)/.83 of collateral. Then ETH liquidates at 66,400/25/.83 = 3,200."""
    _, why = explained(lending("loan", {"ETH": 25.0, "USDC": -79_000.0}))
    assert why.threat is not None
    assert (why.threat.account_id, why.threat.factor, why.threat.direction) == ("loan", "ETH", "down")
    assert why.threat.price_usd == pytest.approx(79_000 / 25 / 0.83)
    assert why.threat.standard_move == 0.18
    healthy, surviving = why.preventions
    assert (healthy.goal, surviving.goal) == ("health", "stress")
    assert healthy.repay_usd == pytest.approx(12_600.0)
    assert healthy.deposit_usd == pytest.approx((1.25 * 79_000 - 83_000) / 0.83)
    assert healthy.price_usd == pytest.approx(3_200.0)
    # The estimate is exact where one coin is borrowed against one other.
    repaid, _ = explained(lending("loan", {"ETH": 25.0, "USDC": -79_000.0 + 12_600.0}))
    assert repaid.accounts[0].native_health == pytest.approx(1.25, rel=1e-9)
    assert repaid.accounts[0].liquidation_prices[0].price_usd == pytest.approx(3_200.0)
    assert surviving.repay_usd is not None
    enough, _ = explained(lending("loan", {"ETH": 25.0, "USDC": -79_000.0 + surviving.repay_usd}))
    assert enough.accounts[0].lam_native == pytest.approx(1.0, abs=1e-3)


def test_what_prevents_a_perps_liquidation() -> None:
    """-25 ETH on 5,000: 3% of 100,000 is maintained. 1.25 of it is there already; a standard stress takes
    100,000 * (1/.82 - 1) or 18% up, whichever the scenarios have."""
    _, why = explained(margined("perp", "ETH", -25.0, 5_000.0))
    healthy, surviving = why.preventions
    assert healthy.repay_usd is None
    assert healthy.deposit_usd == 0.0
    assert surviving.deposit_usd == pytest.approx(18_000.0 + 0.03 * 118_000.0 - 5_000.0)
    assert surviving.distance == pytest.approx(0.18)


def test_what_can_be_liquidated_now() -> None:
    """It says so, and what brings it back."""
    _, why = explained(lending("loan", {"ETH": 25.0, "USDC": -85_000.0}))
    assert why.threat is not None
    assert why.threat.now
    assert why.threat.price_usd is None
    assert why.preventions[0].repay_usd == pytest.approx(85_000.0 - 83_000.0 / 1.25)


def test_a_wallet_without_debt_is_not_threatened() -> None:
    """No account that anybody can liquidate: nothing to prevent, and nothing raises the score."""
    _, why = explained(wallet(holding("ETH", 1.0), holding("USDC", 500.0)))
    assert why.threat is None
    assert why.preventions == ()
    assert {change.score_change for change in why.changes} == {0.0}


def test_a_loan_whose_peg_is_its_only_risk() -> None:
    """wstETH against ETH: no price of ETH liquidates it, the staked token's own does."""
    owed = 25.0 * 4_800.0 * 0.93 / 1.05 / 4_000.0
    _, why = explained(lending("loop", {"wstETH": 25.0, "ETH": -owed}, threshold=0.93))
    assert why.threat is not None
    assert why.threat.factor is not None
    assert why.threat.factor.startswith("eip155:1/erc20:")
    assert why.threat.price_usd == pytest.approx(4_800.0 / 1.05, rel=1e-6)
    assert why.threat.standard_move == 0.07
    assert why.preventions[0].repay_usd == pytest.approx(owed * 4_000.0 * (1 - 1.05 / 1.25))
    # At a health of 1.25 N may lose a fifth.
    assert why.preventions[0].price_usd == pytest.approx(4_800.0 / 1.25, rel=1e-6)
    assert not why.preventions[0].safe


def test_a_repayment_that_ends_the_threat() -> None:
    """10,000 USD and 0.6 ETH against 10,000 DAI: 8,300 + 1,992 of power, so ETH may fall by 292/1,992. After
    10,000 - 10,292/1.25 are repaid the dollars alone carry the rest."""
    _, why = explained(lending("loan", {"USD": 10_000.0, "ETH": 0.6, "DAI": -10_000.0}))
    assert why.threat is not None
    assert why.threat.distance == pytest.approx(-292.0 / 1_992.0)
    healthy, _ = why.preventions
    assert healthy.repay_usd == pytest.approx(10_000.0 - 10_292.0 / 1.25)
    assert healthy.safe
    assert healthy.price_usd is None


def test_an_account_without_positions() -> None:
    """Its rule depends on a price that nothing else does; it has no line."""
    idle = replace(margined("idle", "BTC", 1.0, 100.0), positions=())
    _, why = explained(idle, lending("loan", {"ETH": 25.0, "USDC": -60_000.0}))
    assert {line.account_id for line in why.contributions} == {"loan"}
    assert math.fsum(line.usd for line in why.contributions) == pytest.approx(why.requirement_usd)


def test_a_peg_that_fails_before_any_coin() -> None:
    """10,000 USDC at .83 against 7,500 DAI and 0.1 ETH: USDC at .9518 does it, within its 5%; ETH has to
    double."""
    _, why = explained(lending("loan", {"USDC": 10_000.0, "ETH": -0.1, "DAI": -7_500.0}))
    assert why.threat is not None
    assert why.threat.factor == COINS["USDC"].asset.id
    assert why.threat.price_usd == pytest.approx(7_900.0 / 8_300.0)
    assert why.threat.standard_move == 0.05
    assert why.threat.scenario == "PEG USDC down"


def test_margin_of_an_account_that_has_posted_none() -> None:
    """Its profit carries it: what it lacks is margin, in what its perp is settled in."""
    _, why = explained(margined("perp", "ETH", 1.0, 0.0, pnl=300.0))
    healthy, surviving = why.preventions
    assert healthy.deposit_usd == 0.0
    assert surviving.deposit_usd == pytest.approx(720.0 + 0.03 * 3_280.0 - 300.0)


def test_an_account_that_only_its_protocol_judges() -> None:
    """Nobody knows its test, so nobody knows what prevents its liquidation."""
    told = Reported(health=13 * 10**17, liquidatable=None, liquidation_price=None, origin="test")
    _, why = explained(account("told", supply("ETH", 10.0), debt("USDC", 20_000.0), reported=told))
    assert why.threat is not None
    assert why.threat.price_usd is None
    assert why.preventions == ()
