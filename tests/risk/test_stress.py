"""Stresses: what stands still keeps its numbers, what moves is worth what arithmetic and the model say."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account, Reported
from aggregator.model.errors import NativeUnknown
from aggregator.model.positions import Option, Perp
from aggregator.model.results import Band, Verdict
from aggregator.model.rules import WAD, Oracle
from aggregator.risk.book import book
from aggregator.risk.moving import moved
from aggregator.risk.native import margins, native_groups
from aggregator.risk.rays import Vol
from aggregator.risk.repricing import iv_after
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import CustomScenario
from tests.risk.books import silos
from tests.risk.builders import COINS, account, option, portfolio, scenarios
from tests.risk.linear import FAMILIES, LinearRule, lending, margined
from tests.risk.stressed import equity, outcome, report

NOTHING = CustomScenario("nothing", {"ETH": 0.0, "USDC": 0.0})


@given(silos("a"))
@settings(max_examples=15, deadline=None)
def test_no_move_changes_nothing(accounts: tuple[Account, ...]) -> None:
    """A scenario of zeros leaves the very portfolio, and with it every figure, to the bit."""
    ours = portfolio(*accounts)
    assert moved(ours, NOTHING, scenarios()) == ours
    found = report(ours, NOTHING)
    assert found.outcomes[0].after == found.today
    assert found.outcomes[0].loss_usd == 0.0


@given(silos("a"), st.sampled_from([-0.5, -0.2, 0.3]), st.sampled_from([Vol.NONE, Vol.UP, Vol.DOWN]))
@settings(max_examples=25, deadline=None)
def test_a_moved_portfolio_is_what_the_book_revalues(
    accounts: tuple[Account, ...], move: float, vol: Vol
) -> None:
    """Equity, N and Q after a scenario are those that the arrays of the scan give at multiple 1."""
    plan = CustomScenario("plan", {"ETH": move, "BTC": move / 2, "stable": -0.03, "wstETH": -0.1}, vol)
    ours = portfolio(*accounts)
    today = book([ours], scenarios())
    along = Revaluation.of(today, scenarios().custom([plan], today.axes))
    factors = along.factors(np.ones(1))
    power, required = margins(native_groups(today, FAMILIES), len(accounts), factors)
    after = book([moved(ours, plan, scenarios())], scenarios())
    slack = 1e-7 * (1.0 + today.gross_usd())
    np.testing.assert_array_less(np.abs(after.equity_usd() - along.values(np.ones(1))[:, 0, 0]), slack)
    again = margins(native_groups(after, FAMILIES), len(accounts), np.ones((len(after.factors), 1)))
    np.testing.assert_allclose(again[0][:, 0], power[:, 0, 0], rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(again[1][:, 0], required[:, 0, 0], rtol=1e-6, atol=1e-4)


def test_a_borrower_by_hand() -> None:
    """10 ETH at $4,000 against $20,000: at -30% equity is $8,000 and health 0.83 * 28,000 / 20,000."""
    one = outcome(CustomScenario("fall", {"ETH": -0.3}), lending("a", {"ETH": 10.0, "USDC": -20_000.0}))
    after = one.after.account("a")
    assert after is not None
    assert one.loss_usd == pytest.approx(12_000.0)
    assert after.equity_usd == pytest.approx(8_000.0)
    assert after.native_health == pytest.approx(0.83 * 28_000 / 20_000)
    assert one.after.liquidatable == ()
    [price] = [p for p in after.liquidation_prices if p.underlying == "ETH"]
    # The price at which it fails is where it was; it is nearer now.
    assert price.price_usd == pytest.approx(20_000 / 8.3, rel=1e-6)
    assert price.distance == pytest.approx(20_000 / 8.3 / 2_800 - 1.0, rel=1e-6)


def test_liquidations_and_survival() -> None:
    """At -45% the borrower's protocol may liquidate it; at -60% the whole is insolvent."""
    ours = portfolio(lending("a", {"ETH": 10.0, "USDC": -20_000.0}))
    found = report(ours, CustomScenario("x", {"ETH": -0.45}), CustomScenario("y", {"ETH": -0.6}))
    assert [one.after.liquidatable for one in found.outcomes] == [("a",), ("a",)]
    assert [one.after.survives for one in found.outcomes] == [True, False]
    assert found.outcomes[0].after.risk.band is Band.NATIVE_LIQUIDATION
    assert found.outcomes[1].after.risk.unified_band is Band.INSOLVENT


def test_a_hedge_gains_what_the_collateral_loses() -> None:
    """25 ETH and a short of 25: the whole loses nothing, and marks, profit and health move along."""
    accounts = (lending("a", {"ETH": 25.0, "USDC": -79_000.0}), margined("p", "ETH", -25.0, 5_000.0))
    one = outcome(CustomScenario("up", {"ETH": 0.1}), *accounts)
    assert one.loss_usd == pytest.approx(0.0, abs=1e-6)
    assert equity(one, "p") == pytest.approx(5_000 - 10_000)
    assert one.after.liquidatable == ("p",)
    [perp] = [p for a in one.after.portfolio.accounts for p in a.positions if isinstance(p, Perp)]
    assert perp.mark_price_raw / WAD == pytest.approx(4_400.0)
    assert perp.pnl_raw / WAD == pytest.approx(-10_000.0)
    assert one.after.portfolio.spots["ETH"] == pytest.approx(4_400.0)


def test_pegs_and_what_is_not_named() -> None:
    """A token's own peg, and `elsewhere` for underlyings without a move; stablecoins have none."""
    coins = {name: 1_000.0 / COINS[name].usd for name in ("USDC", "wstETH", "LINK", "BTC")}
    accounts = tuple(lending(name, {name: amount}) for name, amount in coins.items())
    one = outcome(CustomScenario("mixed", {"ETH": -0.1, "wstETH": -0.08}, elsewhere=-0.5), *accounts)
    assert equity(one, "USDC") == pytest.approx(1_000.0)
    assert equity(one, "wstETH") == pytest.approx(1_000.0 * 0.9 * 0.92)
    assert equity(one, "LINK") == equity(one, "BTC") == pytest.approx(500.0)


def test_a_price_that_falls_to_nothing() -> None:
    """It is worth nothing; the oracle answers its smallest unit, at which the account is liquidatable."""
    one = outcome(CustomScenario("gone", {"USDC": -1.0}), lending("a", {"USDC": 1_000.0, "ETH": -0.1}))
    assert equity(one, "a") == pytest.approx(-400.0)
    assert one.after.portfolio.accounts[0].prices[COINS["USDC"].asset.id] == 1
    assert one.after.liquidatable == ("a",)


def test_points_and_parts_of_volatility() -> None:
    """+20 points is IV + 0.20, +20% IV * 1.2; down it stops at a tenth; the mark follows the model."""
    ours = portfolio(account("o", option("ETH", 1.0, "call", 4_000, years=0.1, iv=0.6, mark=320.0)))
    contracts = book([ours], scenarios()).contracts
    size = scenarios().parameters.volatility
    for scenario, iv in (
        (CustomScenario("points", {}, iv_points=0.2), 0.8),
        (CustomScenario("times", {}, iv_times=1.2), 0.72),
        (CustomScenario("both", {}, iv_times=0.5, iv_points=0.1), 0.4),
        (CustomScenario("down", {}, iv_points=-0.9), 0.06),
    ):
        assert iv_after(contracts, scenario, size)[0] == pytest.approx(iv)
        [after] = moved(ours, scenario, scenarios()).accounts[0].positions
        assert isinstance(after, Option)
        assert after.iv == pytest.approx(iv)
        mark, change = (after.mark_raw or 0) / WAD, _call(iv) - _call(0.6)
        assert mark == pytest.approx(max(0.0, 320.0 + change), abs=1e-6)


def _call(iv: float) -> float:
    """An at-the-money call on 4,000 over 36.5 days without interest, by Black's formula."""
    spread = iv * math.sqrt(0.1) / 2.0
    return 4_000.0 * math.erf(spread / math.sqrt(2.0))


def test_a_guessed_volatility_moves_as_it_was_valued() -> None:
    """A written option without a known IV: the class's, raised by the shock; one held stays at intrinsic."""
    ours = portfolio(account("o", option("ETH", -1.0, "call", 4_000, years=0.1, iv=None)))
    one = report(ours, CustomScenario("points", {}, iv_points=0.2)).outcomes[0]
    assert one.loss_usd == pytest.approx(_call(0.95) - _call(0.75), abs=1e-6)
    held = account("o", option("ETH", 1.0, "call", 3_000, years=0.1, iv=None))
    assert outcome(CustomScenario("fall", {"ETH": -0.1}, iv_points=0.2), held).loss_usd == pytest.approx(
        400.0
    )


def test_order_does_not_matter() -> None:
    """Scenarios stand for themselves, each starting from today."""
    ours = portfolio(lending("a", {"ETH": 10.0, "USDC": -20_000.0}), margined("p", "BTC", 0.1, 2_000.0))
    plans = [CustomScenario(str(move), {"ETH": move, "BTC": move}) for move in (-0.3, -0.1, 0.2)]
    forward, backward = report(ours, *plans), report(ours, *reversed(plans))
    assert forward.outcomes == tuple(reversed(backward.outcomes))


def test_what_was_reported_counts_where_nothing_moved_only() -> None:
    """A protocol's own flag is of today's prices."""
    flagged = Reported(health=None, liquidatable=True, liquidation_price=None, origin="test")
    ours = lending("a", {"ETH": 10.0, "USDC": -20_000.0}, reported=flagged)
    assert outcome(CustomScenario("x", {"BTC": -0.1}), ours).after.liquidatable == ("a",)
    assert outcome(CustomScenario("x", {"ETH": 0.1}), ours).after.liquidatable == ()


class Stubborn(LinearRule):
    """A rule that has no answer at prices far from those it was read at."""

    def health(self, prices: Any, time: int) -> Any:
        if any(prices[feed.asset] < feed.price // 2 for feed in self.feeds):
            raise OverflowError("the contract reverts")
        return super().health(prices, time)


def test_an_account_whose_rule_has_no_answer_is_said() -> None:
    """Its own health is unknown then, the verdict too; the whole still counts its positions."""
    plain = lending("a", {"ETH": 10.0, "USDC": -10_000.0})
    assert isinstance(plain.rule, LinearRule)
    ours = replace(plain, rule=Stubborn(plain.rule.weights))
    one = outcome(CustomScenario("far", {"ETH": -0.6}), ours)
    assert one.after.unknown == ("a",)
    assert one.loss_usd == pytest.approx(24_000.0)
    assert one.after.risk.verdict is Verdict.UNKNOWN
    [failure] = one.after.portfolio.failures
    assert isinstance(failure.error, NativeUnknown)
    assert "the contract reverts" in str(failure.error)
    [point] = report(portfolio(ours), grid=(CustomScenario("far", {"ETH": -0.6}),)).grid
    assert (point.unknown, point.liquidatable) == (("a",), ())


@pytest.mark.parametrize(
    ("oracle", "health"),
    [(Oracle.MARKET, 0.7 * 0.8), (Oracle.RATE, 0.7), (Oracle.FIXED, 1.0)],
)
def test_rules_are_judged_at_what_their_oracle_sees(oracle: Oracle, health: float) -> None:
    """Of ETH at -30% and a peg at -20%: both, the underlying alone, or nothing."""
    ours = lending("a", {"wstETH": 10.0, "USDC": -20_000.0}, oracle=oracle)
    one = outcome(CustomScenario("both", {"ETH": -0.3, "wstETH": -0.2}), ours)
    after = one.after.account("a")
    assert after is not None
    assert after.native_health == pytest.approx(0.83 * 48_000 / 20_000 * health)
    assert after.equity_usd == pytest.approx(48_000 * 0.7 * 0.8 - 20_000)
