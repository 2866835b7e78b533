"""Accounts by their own rules: liquidation prices, multiples, oracles, and the check against the protocol."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aggregator.contract import Shocked
from aggregator.model.accounts import Account, Reported
from aggregator.model.errors import BadConfiguration
from aggregator.model.results import AccountRisk, Band, RiskResult
from aggregator.model.rules import Oracle, prices_of
from aggregator.risk.accounts import check_bps
from aggregator.risk.assess import assess
from aggregator.risk.book import book
from aggregator.risk.liquidation import by_underlying
from aggregator.risk.native import native_groups
from tests.risk.builders import (
    CHAIN,
    OTHER_CHAIN,
    TIME,
    account,
    few_draws,
    holding,
    portfolio,
    supply,
    wallet,
)
from tests.risk.linear import FAMILIES, LinearColumns, LinearFamily, lending, margined

WAD = 10**18


class HalfTheDebt(LinearFamily):
    """A fast form with a defect."""

    def margin(
        self, columns: LinearColumns, shocked: Shocked
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        N, Q = super().margin(columns, shocked)
        return N, Q / 2


def result(*accounts: Account, prices: dict[str, float] | None = None) -> RiskResult:
    return assess(portfolio(*accounts, prices=prices), families=FAMILIES, scenarios=few_draws())


def only(*accounts: Account, prices: dict[str, float] | None = None) -> AccountRisk:
    return result(*accounts, prices=prices).accounts[0]


@given(st.floats(1.001, 20.0))
def test_multiple_of_a_borrower(health: float) -> None:
    """One hedge-quality base asset against stable debt: lam_nat = ln(HF) / -ln(1 - PSR), to a grid step."""
    ours = only(lending("a", {"ETH": 25.0, "USD": -83_000.0 / health}))
    exact = math.log(health) / -math.log(1.0 - 0.18)
    step = 0.05 if exact < 5.0 else 0.25
    assert abs(ours.lam_native - exact) < 0.05 * step
    assert ours.binding_ray == "SYS down"


@given(st.floats(1.01, 50.0))
def test_liquidation_price_of_a_borrower(health: float) -> None:
    """Collateral in ETH against dollars fails at today's price over its health factor."""
    ours = only(lending("a", {"ETH": 10.0, "wstETH": 5.0, "USDC": -53_120.0 / health}))
    assert ours.native_health is not None
    assert ours.native_health == pytest.approx(health, rel=1e-6)
    [price] = ours.liquidation_prices
    assert price.underlying == "ETH"
    assert price.direction == "down"
    # ours.native_health carries the rounding of the amounts.
    assert price.price_usd == pytest.approx(4_000.0 / ours.native_health, rel=2e-9)
    assert price.distance == pytest.approx(price.price_usd / 4_000.0 - 1.0)


def test_liquidation_price_of_borrowed_ether() -> None:
    """Dollars against borrowed ETH fail upwards; each underlying has a price of its own."""
    ours = only(lending("a", {"USDC": 60_000.0, "BTC": 0.2, "ETH": -10.0}, threshold=0.8))
    found = {(p.underlying, p.direction): p.price_usd for p in ours.liquidation_prices}
    assert found == pytest.approx({("ETH", "up"): 6_400.0})
    more = only(lending("a", {"USDC": 30_000.0, "BTC": 0.4, "ETH": -10.0}, threshold=0.8))
    found = {(p.underlying, p.direction): p.price_usd for p in more.liquidation_prices}
    assert found == pytest.approx({("BTC", "down"): 50_000.0, ("ETH", "up"): 5_600.0})


def test_a_loop_has_no_liquidation_price() -> None:
    """wstETH against ETH: both move with ETH, and no price of ETH breaks it."""
    ours = only(lending("a", {"wstETH": 10.0, "ETH": -10.0}, threshold=0.93))
    assert ours.liquidation_prices == ()
    assert ours.binding_ray == "PEG wstETH down"


def test_many_accounts_are_bisected_together() -> None:
    """Prices of one account do not depend on which others are in the book."""
    accounts = [
        lending(f"a{i}", {"ETH": 10.0, "BTC": 0.1, "USDC": -5_000.0 * i}, threshold=0.8) for i in range(1, 8)
    ]
    together = result(*accounts).accounts
    for alone, ours in zip(accounts, together, strict=True):
        assert only(alone).liquidation_prices == ours.liquidation_prices


def test_rate_oracle_ignores_the_peg() -> None:
    """Judged at ETH times the exchange rate, the loop survives any depeg: its own test is blind to it."""
    amounts = {"wstETH": 10.0, "ETH": -10.8}
    market = result(lending("a", amounts, threshold=0.95))
    rate = result(lending("a", amounts, threshold=0.95, oracle=Oracle.RATE))
    assert market.accounts[0].lam_native < 1.0
    assert math.isinf(rate.accounts[0].lam_native)
    assert not market.accounts[0].oracle_blind
    assert rate.accounts[0].oracle_blind
    assert market.kappa == rate.kappa
    assert any(flag.startswith("a: oracle blind") for flag in rate.flags)


def test_fixed_oracle_sees_nothing() -> None:
    """At pinned prices nothing moves the account's own test: no liquidation price, no multiple."""
    ours = only(lending("a", {"ETH": 10.0, "USDC": -30_000.0}, oracle=Oracle.FIXED))
    assert ours.liquidation_prices == ()
    assert math.isinf(ours.lam_native)
    assert ours.oracle_blind


def test_settlement_depeg_is_not_seen_by_a_perp() -> None:
    """A perp's own test counts sUSD as a dollar: lightly levered, it does not see a depeg."""
    assert only(margined("p", "ETH", 0.5, 10_000.0, settlement="sUSD")).oracle_blind
    assert not only(margined("p", "ETH", 0.5, 10_000.0, settlement="USD")).oracle_blind


def test_no_price_is_sought_for_an_account_that_fails_already() -> None:
    """Beside a healthy one of the same family, whose price is not touched by it."""
    failing = lending("a", {"ETH": 10.0, "USDC": -33_300.0})
    healthy = lending("b", {"ETH": 10.0, "USDC": -16_600.0})
    ours = book([portfolio(failing, healthy)], few_draws())
    [crossing] = by_underlying(ours, native_groups(ours, FAMILIES))
    assert (crossing.account, crossing.moved) == (1, "ETH")
    assert crossing.multiple == pytest.approx(0.5)


def test_liquidatable_now() -> None:
    """Below its requirement: multiple 0, no liquidation price, and the band of the whole."""
    ours = result(lending("a", {"ETH": 10.0, "USDC": -33_300.0}), wallet(holding("USDC", 1e6)))
    [risk, _] = ours.accounts
    assert risk.liquidatable
    assert risk.lam_native == ours.multiples.native == 0.0
    assert risk.binding_ray == "NONE"
    assert risk.liquidation_prices == ()
    assert ours.unified_band is Band.STRONG
    assert ours.band is Band.NATIVE_LIQUIDATION


def test_the_protocols_own_flag_counts() -> None:
    """Flagged by the protocol although the rule sees none: liquidatable, and the disagreement is said."""
    reported = Reported(health=None, liquidatable=True, liquidation_price=None, origin="r")
    ours = result(lending("a", {"ETH": 10.0, "USDC": -10_000.0}, reported=reported))
    assert ours.accounts[0].liquidatable
    assert ours.accounts[0].lam_native == ours.multiples.native == 0.0
    assert ours.accounts[0].liquidation_prices == ()
    assert "a: the protocol and our rule disagree on whether it is liquidatable" in ours.flags


def test_dust_does_not_set_the_band() -> None:
    """An account that owes less than $1 or 0.01% of gross is listed, and judged, but sets no band."""
    dust = lending("dust", {"USDC": 0.8, "ETH": -0.00019})
    big = lending("big", {"ETH": 100.0, "USDC": -10_000.0})
    ours = result(big, dust)
    assert [risk.sets_band for risk in ours.accounts] == [True, False]
    assert ours.accounts[1].liquidatable
    assert ours.weakest_account == "big"
    assert ours.band is Band.STRONG
    for owed_usd, sets in ((40.0, False), (44.0, True)):  # 0.01% of about $410,000
        small = lending("small", {"USDC": 60.0, "ETH": -owed_usd / 4_000.0})
        assert [risk.sets_band for risk in result(big, small).accounts] == [True, sets]


def test_check_against_the_protocol() -> None:
    """In basis points of what it reports; 0 where both require nothing; nothing where it is silent."""
    plain = lending("a", {"ETH": 10.0, "USDC": -10_000.0})
    assert plain.rule is not None
    health = plain.rule.health(prices_of(plain.rule), TIME).health
    assert health is not None

    def checked(answer: int | None, base: Account = plain) -> float | None:
        reported = Reported(answer, liquidatable=False, liquidation_price=None, origin="r")
        return only(replace(base, reported=reported)).check_bps

    assert checked(health) == 0.0
    assert checked(health * 10_000 // 10_003) == pytest.approx(3.0)
    assert checked(None) == 10_000.0
    no_debt = lending("a", {"ETH": 10.0})
    assert checked(None, no_debt) == 0.0
    assert checked(WAD, no_debt) == 10_000.0
    assert only(wallet(holding("ETH", 1.0))).check_bps is None
    off = replace(
        plain, reported=Reported(2 * health, liquidatable=False, liquidation_price=None, origin="r")
    )
    assert "a: our health differs from the protocol's own answer by 5,000.00 bp" in result(off).flags


def test_check_bps_edges() -> None:
    """Zero against zero agrees; against anything else it does not."""
    assert check_bps(0, 0) == 0.0
    assert check_bps(1, 0) == 10_000.0
    assert check_bps(0, WAD) == 10_000.0


def test_fast_form_that_disagrees_is_said() -> None:
    """A family whose arrays do not say what its rule says is a defect that the user must see."""
    ours = lending("a", {"ETH": 10.0, "USDC": -10_000.0})
    wrong = assess(portfolio(ours), families={"linear": HalfTheDebt()}, scenarios=few_draws())
    assert "a: the exact and the fast form of its rule differ; trust its health only" in wrong.flags
    assert not [flag for flag in result(ours).flags if "fast form" in flag]


def test_an_unknown_family_is_an_error() -> None:
    """A stored account whose adapter is not installed can't be judged."""
    with pytest.raises(BadConfiguration, match="rule family linear"):
        assess(portfolio(lending("a", {"ETH": 1.0})), families={}, scenarios=few_draws())


def test_each_chain_has_its_own_time() -> None:
    """Rules are evaluated at the time of their own chain's block."""
    ours = portfolio(lending("a", {"ETH": 1.0}), lending("b", {"ETH": 1.0}, chain=OTHER_CHAIN))
    late = {chain: replace(block, timestamp=TIME + int(chain)) for chain, block in ours.blocks.items()}
    groups = native_groups(book([replace(ours, blocks=late)], few_draws()), FAMILIES)
    assert [(group.time, group.account.tolist()) for group in groups] == [
        (TIME + CHAIN, [0]),
        (TIME + OTHER_CHAIN, [1]),
    ]


def test_rules_of_no_requirement() -> None:
    """Supply without debt: nothing required, headroom is equity."""
    ours = result(lending("a", {"ETH": 10.0}), account("b", supply("USDC", 1_000.0)))
    assert [risk.native_health for risk in ours.accounts] == [None, None]
    assert ours.waterfall.native_headroom_usd == pytest.approx(41_000.0)
    assert not any(risk.sets_band for risk in ours.accounts)
    assert ours.weakest_band is Band.NONE
