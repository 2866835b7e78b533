"""The whole answer: totals, worst scenarios, incomplete reads, emptiness, speed of import."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from aggregator.model.accounts import Account
from aggregator.model.errors import BadConfiguration, NoContract, UnusablePrice
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.readings import Failure
from aggregator.model.results import Band, RiskResult, Verdict
from aggregator.risk.assess import BLOCK_ACCOUNTS, assess, assess_all
from aggregator.risk.inputs import NO_HISTORY
from aggregator.risk.scenarios import FRAMEWORK_VERSION, scenario_set
from tests.risk.builders import (
    CHAIN,
    COINS,
    OTHER_CHAIN,
    TOKENS,
    WALLET,
    account,
    defaults,
    holding,
    option,
    portfolio,
    scenarios,
    supply,
    wallet,
)
from tests.risk.linear import FAMILIES, lending, margined

FAILED = Failure("aave_v3", "aave_v3:1:x", CHAIN, WALLET, NoContract("getUserAccountData"))


def of(ours: Portfolio) -> RiskResult:
    return assess(ours, families=FAMILIES, scenarios=scenarios())


def result(*accounts: Account) -> RiskResult:
    return of(portfolio(*accounts))


def three_protocols() -> tuple[Account, ...]:
    """Lending, a perp and options, and coins, on two chains."""
    return (
        lending("aave", {"ETH": 25.0, "WBTC": 0.5, "USDC": -50_000.0}),
        margined("perp", "ETH", -10.0, 8_000.0, chain=OTHER_CHAIN, settlement="sUSD"),
        account(
            "options",
            supply("sUSD", 20_000.0),
            option("ETH", -10.0, "call", 4_400.0, years=0.1, iv=0.7),
            option("ETH", 10.0, "put", 3_600.0, years=0.1, iv=0.7),
            protocol="lyra_v1",
            kind="option",
        ),
        wallet(holding("ETH", 3.3), holding("USDC", 6_000.0)),
    )


def test_totals() -> None:
    """Equity by hand; the requirement is scan plus add-ons; silos apart require more than together."""
    ours = result(*three_protocols())
    by_id = {risk.account_id: risk for risk in ours.accounts}
    assert by_id["aave"].equity_usd == pytest.approx(100_000 + 49_950 - 50_000)
    assert by_id["perp"].equity_usd == pytest.approx(8_000)
    assert by_id["wallet"].equity_usd == pytest.approx(3.3 * 4_000 + 6_000)
    assert ours.equity_usd == pytest.approx(math.fsum(risk.equity_usd for risk in ours.accounts))
    assert ours.requirement_usd == pytest.approx(ours.scan_requirement_usd + ours.add_on_usd)
    assert ours.requirement_usd < ours.isolated_requirement_usd
    assert ours.margin_coverage_ratio == pytest.approx(ours.equity_usd / ours.requirement_usd)
    assert ours.weakest_account == "perp"
    assert {entry.underlying for entry in ours.greeks} == {"ETH", "BTC"}
    assert ours.framework_version == FRAMEWORK_VERSION
    assert ours.parameters_hash == defaults().hash
    assert ours.scenario_hash == scenarios().hash
    assert NO_HISTORY in ours.flags


def test_gross_counts_notionals() -> None:
    """Spot at value, perps at notional, options at what they are worth."""
    assert result(lending("a", {"ETH": 1.0, "USDC": -1_000.0})).gross_usd == pytest.approx(5_000)
    assert result(margined("p", "ETH", -10.0, 8_000.0)).gross_usd == pytest.approx(48_000)
    held = result(account("o", option("ETH", -2.0, "put", 4_100.0, years=0.1, iv=0.5, mark=300.0)))
    assert held.gross_usd == pytest.approx(600)
    assert held.equity_usd == pytest.approx(-600)


def test_worst_scenarios() -> None:
    """Largest market loss first, each at its own level, split by account; nothing that loses nothing."""
    ours = result(lending("aave", {"ETH": 10.0, "USDC": -20_000.0}), wallet(holding("BTC", 0.1)))
    worst = ours.worst_scenarios
    losses = [loss.loss_usd for loss in worst]
    assert losses == sorted(losses, reverse=True)
    assert min(losses) > 0.0
    first = worst[0]
    assert first.name == "SYS down"
    assert first.level == 1.0
    assert first.loss_usd == pytest.approx(0.18 * 40_000 + 0.16 * 10_000)
    assert dict(first.by_account) == pytest.approx({"aave": 7_200.0, "wallet": 1_600.0})
    assert ours.binding == first
    # Besides the loss, the scan holds 0.5% of what is left in the lending protocol.
    assert ours.scan_requirement_usd == pytest.approx(8_800 + 0.005 * (20_000 - 7_200))
    few = assess(portfolio(*three_protocols()), families=FAMILIES, scenarios=scenarios(), worst=3)
    assert len(few.worst_scenarios) == 3


def test_worst_scenarios_differ_in_more_than_volatility() -> None:
    """Of the same prices with volatility up, unchanged and down, the worst is listed."""
    short = account("o", option("ETH", -1.0, "call", 4_400.0, years=0.1, iv=0.7), kind="option")
    names = [loss.name for loss in result(short).worst_scenarios]
    assert names[0] == "SYS up, vol up"
    bare = [name.removesuffix(", vol up").removesuffix(", vol down") for name in names]
    assert len(set(bare)) == len(bare)


def test_losses_in_between_are_found() -> None:
    """A long straddle loses most where nothing moves but volatility: full revaluation, not the corners."""
    legs = (
        option("ETH", 10.0, "call", 4_000.0, years=0.02, iv=0.6),
        option("ETH", 10.0, "put", 4_000.0, years=0.02, iv=0.6),
    )
    ours = result(account("o", *legs, protocol="lyra_v1", kind="option"))
    assert ours.binding is not None
    assert ours.binding.name == "VOL down"


def test_walk_away_equity() -> None:
    """A silo under water without recourse is left behind; one with recourse is owed."""
    broken = lending("aave", {"ETH": 1.0, "USDC": -5_000.0})
    cash = wallet(holding("USDC", 3_000.0))
    assert result(broken, cash).walk_away_equity_usd == pytest.approx(3_000)
    owed = replace(broken, debt_is_recourse=True)
    ours = result(owed, cash)
    assert ours.walk_away_equity_usd == ours.equity_usd == pytest.approx(2_000)


def test_insolvent() -> None:
    """More debt than everything: kappa 0, score 0."""
    ours = result(lending("aave", {"ETH": 1.0, "USDC": -5_000.0}))
    assert ours.kappa == ours.score == ours.multiples.solvency == 0.0
    assert ours.unified_band is Band.INSOLVENT
    assert ours.verdict is Verdict.LIQUIDATABLE


def test_transfers_cost() -> None:
    """Headroom counts 98% where everything is on its chain and 90% where it must be bridged."""
    debt = lending("a", {"USD": 1_000.0, "ETH": -0.5}, threshold=0.9)
    here, there = (
        lending("b", {"USD": 5_000.0, "ETH": -0.001}, threshold=0.9, chain=chain)
        for chain in (CHAIN, OTHER_CHAIN)
    )
    near, far = result(debt, here).multiples, result(debt, there).multiples
    assert near.native == far.native == 0.0
    assert 0.0 < far.operational < near.operational < near.solvency
    assert far.solvency == near.solvency


def test_incomplete() -> None:
    """Something missing: figures of what was read, verdict unknown; an account's own proof still stands."""
    safe = lending("aave", {"ETH": 25.0, "USDC": -10_000.0})
    broken = lending("aave", {"ETH": 25.0, "USDC": -90_000.0})
    coverage = Coverage(2, 1, 1)
    ours = of(portfolio(safe, failures=[FAILED], coverage=coverage))
    assert ours.verdict is Verdict.UNKNOWN
    assert ours.score is not None
    assert of(portfolio(safe, coverage=coverage)).verdict is Verdict.UNKNOWN
    assert of(portfolio(safe, failures=[FAILED])).verdict is Verdict.UNKNOWN
    assert of(portfolio(broken, failures=[FAILED], coverage=coverage)).verdict is Verdict.LIQUIDATABLE
    assert of(portfolio(failures=[FAILED], coverage=Coverage(1, 0, 1))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("accounts", [(), (account("empty"),)])
def test_no_positions(accounts: tuple[Account, ...]) -> None:
    """No score, band NONE, nothing required, and nothing wrong."""
    ours = result(*accounts)
    assert ours.score is None
    assert ours.band is Band.NONE
    assert ours.verdict is Verdict.OK
    assert ours.requirement_usd == ours.equity_usd == 0.0
    assert math.isinf(ours.margin_coverage_ratio)
    assert math.isinf(ours.kappa)
    assert ours.worst_scenarios == ()
    assert ours.binding is None


def test_nothing_but_dollars_requires_nothing() -> None:
    """M = 0: the ratio is infinite."""
    ours = result(wallet(holding("USD", 100.0)))
    assert ours.requirement_usd == 0.0
    assert math.isinf(ours.margin_coverage_ratio)
    assert ours.score == 100.0


def test_missing_price_is_an_error() -> None:
    """A position whose asset has no mark is never valued at nothing."""
    ours = portfolio(wallet(holding("ETH", 1.0)))
    marks = {asset: quote for asset, quote in ours.marks.items() if asset != COINS["ETH"].asset.id}
    with pytest.raises(UnusablePrice):
        of(replace(ours, marks=marks))


def test_missing_block_is_an_error() -> None:
    """An account without a pinned block has no time."""
    ours = replace(portfolio(wallet(holding("ETH", 1.0))), blocks={})
    with pytest.raises(BadConfiguration, match="no pinned block"):
        of(ours)


def test_late_feed_is_said_and_costs() -> None:
    """A feed past its heartbeat widens the scan range of what it prices."""
    ours = portfolio(lending("aave", {"ETH": 10.0, "USDC": -20_000.0}))
    late = scenario_set(defaults(), TOKENS, {"ETH": 0.5, "SOL": 9.0})
    stale = assess(ours, families=FAMILIES, scenarios=late)
    assert stale.requirement_usd > of(ours).requirement_usd
    said = [flag for flag in stale.flags if "heartbeat" in flag]
    assert said == ["the price of ETH is 12.0 hours past its heartbeat: its scan range is wider"]


def test_many_portfolios_in_blocks() -> None:
    """More accounts than a block holds: every portfolio has its own answer, in order."""
    many = [
        portfolio(lending(f"a{i}", {"ETH": 10.0, "USDC": -100.0 * i})) for i in range(BLOCK_ACCOUNTS + 44)
    ]
    ours = assess_all(many, families=FAMILIES, scenarios=scenarios())
    assert [result.accounts[0].account_id for result in ours] == [f"a{i}" for i in range(len(many))]
    for i in (0, BLOCK_ACCOUNTS - 1, BLOCK_ACCOUNTS, len(many) - 1):
        assert ours[i].kappa == pytest.approx(of(many[i]).kappa)
    assert assess_all([], families=FAMILIES, scenarios=scenarios()) == []


def test_what_others_hold_changes_nothing() -> None:
    """Evaluated beside other portfolios: the same worst scenarios, flags and figures (but for rounding)."""
    mine = portfolio(lending("mine", {"ETH": 10.0, "USDC": -20_000.0}))
    other = portfolio(*three_protocols(), lending("more", {"LINK": 900.0, "DAI": -5_000.0}))
    late = scenario_set(defaults(), TOKENS, {"ETH": 0.1, "BTC": 0.5})
    alone = assess(mine, families=FAMILIES, scenarios=late)
    for order in ([mine, other], [other, mine]):
        beside = assess_all(order, families=FAMILIES, scenarios=late)[order.index(mine)]
        names = [scenario.name for scenario in beside.worst_scenarios]
        assert names == [scenario.name for scenario in alone.worst_scenarios]
        assert beside.flags == alone.flags
        assert beside.binding is not None
        assert alone.binding is not None
        assert (beside.binding.name, beside.accounts[0].binding_ray) == (
            alone.binding.name,
            alone.accounts[0].binding_ray,
        )
        points = [(p.branch, p.level, p.ray) for p in beside.survival]
        assert points == [(p.branch, p.level, p.ray) for p in alone.survival]
        assert beside.kappa == pytest.approx(alone.kappa, rel=1e-12)
        assert beside.requirement_usd == pytest.approx(alone.requirement_usd, rel=1e-12)
        assert beside.multiples.native == pytest.approx(alone.multiples.native, rel=1e-12)


def test_imports_stay_light() -> None:
    """Importing the package brings neither scipy nor anything heavier."""
    code = (
        "import sys, aggregator.risk.assess\n"
        "heavy = {'scipy', 'pandas', 'numba', 'duckdb', 'web3', 'sqlmodel', 'gql'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_results_do_not_depend_on_the_hash_seed() -> None:
    """Property 6 over processes: sets and dicts leave no trace."""
    code = (
        "from tests.risk.test_assess import result, three_protocols\n"
        "from tests.risk.builders import scenarios\n"
        "print(scenarios().hash, result(*three_protocols()))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_what_is_no_number_is_never_a_perfect_score() -> None:
    """A value that leaves the floats is refused: it is below no limit, so it would survive everything."""
    with pytest.raises(ArithmeticError, match="not a number"), np.errstate(all="ignore"):
        result(account("o", option("ETH", 1.0, "call", 4_000.0, years=1.0, iv=0.5, rate=-1e6)))
