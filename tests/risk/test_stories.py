"""The books of RISK.md section 14, to the order of magnitude; what differs from its figures is said here."""

from __future__ import annotations

import math

import pytest

from aggregator.model.accounts import Account
from aggregator.model.results import Band, RiskResult, Verdict
from aggregator.risk.assess import assess
from tests.risk.builders import account, holding, option, portfolio, scenarios, supply, wallet
from tests.risk.linear import FAMILIES, lending, margined


def result(*accounts: Account) -> RiskResult:
    return assess(portfolio(*accounts), families=FAMILIES, scenarios=scenarios())


def borrower(
    health: float, *, collateral: str = "ETH", debt: str = "USDC", threshold: float = 0.83
) -> Account:
    """25 units of ETH-like collateral and as much debt as gives this health factor."""
    value = 25.0 * (4_800.0 if collateral == "wstETH" else 4_000.0)
    owed = value * threshold / health / (4_000.0 if debt == "ETH" else 1.0)
    return lending("aave", {collateral: 25.0, debt: -owed}, threshold=threshold)


def test_borrower_at_1_05() -> None:
    """Specified 1.19, CRITICAL."""
    ours = result(borrower(1.05))
    assert ours.kappa == pytest.approx(1.19, abs=0.02)
    assert ours.unified_band is ours.band is Band.CRITICAL
    assert ours.verdict is Verdict.CRITICAL
    assert ours.score == pytest.approx(100 * ours.kappa / (1 + ours.kappa))


def test_borrower_at_1_2() -> None:
    """Specified kappa 1.86 and lam_nat .92; HEALTHY as a whole, WATCH because of its own account."""
    ours = result(borrower(1.2))
    assert ours.kappa == pytest.approx(1.86, abs=0.02)
    assert ours.multiples.native == pytest.approx(math.log(1.2) / -math.log(1 - 0.18), rel=2e-3)
    assert ours.unified_band is Band.HEALTHY
    assert ours.band is ours.weakest_band is Band.WATCH


@pytest.mark.parametrize(("days", "kappa"), [(60, 1.68), (30, 2.08)])
def test_short_strangle(days: int, kappa: float) -> None:
    """Specified about 1.6 at $20k on 10 ETH, without terms: +-10% at 75% comes to that at 60 days.

    At 30 days it survives more, because shorter options carry less vega for the volatility shock.
    """
    legs = (
        supply("USDC", 20_000.0),
        option("ETH", -10.0, "call", 4_400.0, years=days / 365, iv=0.75),
        option("ETH", -10.0, "put", 3_600.0, years=days / 365, iv=0.75),
    )
    ours = result(account("options", *legs, protocol="lyra_v1", kind="option"))
    assert ours.kappa == pytest.approx(kappa, abs=0.02)
    # A short strangle loses most when prices and volatility rise together.
    assert ours.binding is not None
    assert ours.binding.name == "SYS up, vol up"


@pytest.mark.parametrize(("size", "kappa"), [(10.0, 0.50), (-10.0, 0.478)])
def test_perp_at_ten_times(size: float, kappa: float) -> None:
    """Specified .50 for a perp at 10x: that is the long. The short fails sooner, by its worst draws.

    Half a stress is 9.4% down but 8.6% up, so that the scan alone would give it .545.
    """
    ours = result(margined("perp", "ETH", size, 4_000.0))
    assert ours.kappa == pytest.approx(kappa, abs=0.005)
    assert ours.unified_band is Band.UNDER_MARGINED


def test_lender_without_debt() -> None:
    """Specified infinite: nothing on the grid takes more than all."""
    ours = result(lending("aave", {"USDC": 10_000.0}))
    assert math.isinf(ours.kappa)
    assert ours.score == 100.0
    assert ours.band is Band.STRONG
    assert ours.weakest_account is None
    assert 0 < ours.requirement_usd < 0.1 * ours.equity_usd


def test_looped_staked_ether() -> None:
    """Specified 1.67 with the peg rays binding; a liquidation threshold of .93 gives just that."""
    ours = result(borrower(1.05, collateral="wstETH", debt="ETH", threshold=0.93))
    assert ours.kappa == pytest.approx(1.67, abs=0.02)
    assert ours.binding is not None
    assert ours.binding.name.startswith("PEG")


def test_hedged_but_weak() -> None:
    """Specified STRONG as a whole, weakest account .12: CRITICAL. The perp fails when ETH rises 2%."""
    ours = result(lending("aave", {"ETH": 25.0, "USDC": -79_000.0}), margined("perp", "ETH", -25.0, 5_000.0))
    assert ours.unified_band is Band.STRONG
    assert ours.weakest_account == "perp"
    [perp] = [risk for risk in ours.accounts if risk.account_id == "perp"]
    assert perp.lam_native == pytest.approx(0.12, abs=0.02)
    assert ours.band is ours.weakest_band is Band.CRITICAL
    assert ours.verdict is Verdict.CRITICAL
    [price] = perp.liquidation_prices
    assert price.direction == "up"
    # Margin 5,000 - 25 * (P - 4,000) meets 3% of 25 * P.
    assert price.price_usd == pytest.approx(105_000 / 25 / 1.03, rel=1e-9)


def test_cash_only() -> None:
    """A wallet with coins and no debt can't be broken, whatever it holds."""
    ours = result(wallet(holding("ETH", 3.3), holding("USDC", 6_000.0), holding("LINK", 5.0)))
    assert ours.score == 100.0
    assert ours.multiples.native == math.inf
    assert ours.add_on_usd == 0.0
