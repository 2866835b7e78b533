"""SPAN against cases that were worked out by hand."""

from __future__ import annotations

import pytest

from aggregator.model.accounts import Account
from aggregator.model.comparison import Span
from aggregator.risk.book import book
from aggregator.risk.span import SCENARIOS, span
from tests.risk.builders import account, debt, holding, option, perp, portfolio, scenarios, supply, wallet

MONTH = 30 / 365


def spanned(*accounts: Account) -> Span:
    return span(book([portfolio(*accounts)], scenarios()))


def test_there_are_sixteen_scenarios() -> None:
    """Seven prices with two volatilities each, and two far ones."""
    assert SCENARIOS == 7 * 2 + 2


def test_futures_spread_with_credit() -> None:
    """One BTC long at 100,000 against 20 ETH short at 4,000: 100,000 and 80,000 of delta.

    BTC, scan range .16: the largest loss is 100,000 * .16 = 16,000 (the far one is 100,000 * .32 * .35 =
    11,200). ETH, scan range .18: 80,000 * .18 = 14,400. Of the deltas 80,000 match, at a correlation of .84:
    the credit is .84 * 80,000 * .16 = 10,752 for BTC and .84 * 80,000 * .18 = 12,096 for ETH.
    16,000 - 10,752 + 14,400 - 12,096 = 7,552.
    """
    ours = spanned(
        account("long", supply("USD", 10_000.0), perp("BTC", 1.0)),
        account("short", supply("USD", 10_000.0), perp("ETH", -20.0)),
    )
    btc, eth = ours.underlyings
    assert (btc.underlying, eth.underlying) == ("BTC", "ETH")
    assert (btc.scanning_risk_usd, eth.scanning_risk_usd) == pytest.approx((16_000.0, 14_400.0))
    assert (btc.delta_usd, eth.delta_usd) == pytest.approx((100_000.0, -80_000.0))
    assert (btc.credit_usd, eth.credit_usd) == pytest.approx((10_752.0, 12_096.0))
    assert (btc.scenario, eth.scenario) == ("BTC down 3/3, vol up", "ETH up 3/3, vol up")
    assert ours.risk_usd == ours.margin_usd == pytest.approx(7_552.0)


def test_deltas_of_one_sign_earn_no_credit() -> None:
    """Both long: 16,000 + 14,400."""
    ours = spanned(account("a", supply("USD", 1.0), perp("BTC", 1.0), perp("ETH", 20.0)))
    assert [entry.credit_usd for entry in ours.underlyings] == [0.0, 0.0]
    assert ours.risk_usd == pytest.approx(30_400.0)


def test_a_dollar_of_delta_is_matched_once() -> None:
    """1 BTC long against 20 ETH short and 2,500 LINK short at 20: ETH, the closer one, takes 80,000 of the
    100,000, so that 20,000 of LINK's 50,000 are matched, at a correlation of .6 (what an underlying without
    a name has with BTC). LINK's scan range is .35: its credit is .6 * 20,000 * .35 = 4,200, and BTC's
    10,752 + .6 * 20,000 * .16 = 12,672."""
    ours = spanned(
        account("long", supply("USD", 10_000.0), perp("BTC", 1.0)),
        account("short", supply("USD", 10_000.0), perp("ETH", -20.0)),
        account("lent", supply("USD", 60_000.0), debt("LINK", 2_500.0)),
    )
    assert [entry.underlying for entry in ours.underlyings] == ["BTC", "ETH", "LINK"]
    assert [entry.credit_usd for entry in ours.underlyings] == pytest.approx([12_672.0, 12_096.0, 4_200.0])


def test_short_straddle() -> None:
    """Ten ETH straddles written at the money, 30 days at 75%: T = 30/365, sqrt(T) = .28669.

    Today s = .75 * .28669 = .21502: a straddle is 2 * 4,000 * (2 N(.10751) - 1) = 684.9, ten are 6,849.
    The volatility shock at 30 days is 1.5 up and .7 down, so s is .32253 or .15051. Worst is +18%, vol up:
    F = 4,720, d1 = ln(1.18)/.32253 + .16127 = .67444, d2 = .35191. N(d1) = .74998, N(d2) = .63755.
    Call 4,720 * .74998 - 4,000 * .63755 = 989.7, put 989.7 - 720 = 269.7: 1,259.4, ten are 12,594.
    At -18%, vol up: F = 3,280, d1 = -.45403, d2 = -.77656: call 3,280 * .32490 - 4,000 * .21871 = 190.8,
    put 190.8 + 720 = 910.8: 1,101.7. Far up: F = 5,440 at s = .21502: 1,508.5, and (15,085 - 6,849) * .35 =
    2,883. So scanning risk is 12,594 - 6,849 = 5,745, far above the minimum of .005 * 20 * 4,000 = 400.
    The net option value is -6,849: in cash SPAN asks 5,745 + 6,849 = 12,594.
    """
    legs = [option("ETH", -10.0, kind, 4_000.0, years=MONTH, iv=0.75) for kind in ("call", "put")]
    ours = spanned(account("options", supply("USD", 20_000.0), *legs, protocol="lyra_v1", kind="option"))
    [eth] = ours.underlyings
    assert eth.scenario == "ETH up 3/3, vol up"
    assert eth.scanning_risk_usd == pytest.approx(5_745.0, abs=2.0)
    assert eth.short_option_minimum_usd == pytest.approx(400.0)
    assert ours.net_option_value_usd == pytest.approx(-6_849.0, abs=1.0)
    assert ours.risk_usd == eth.scanning_risk_usd
    assert ours.margin_usd == pytest.approx(12_594.0, abs=2.0)


def test_short_option_minimum() -> None:
    """Ten calls at ten times the price are worth nothing in any scenario, but cost .005 * 10 * 4,000."""
    ours = spanned(
        account("a", supply("USD", 9.0), option("ETH", -10.0, "call", 40_000.0, years=0.03, iv=0.6))
    )
    [eth] = ours.underlyings
    assert eth.scanning_risk_usd < 1e-6
    assert ours.risk_usd == ours.margin_usd == pytest.approx(200.0)


def test_what_options_held_are_worth_is_credited() -> None:
    """A put held risks less than it is worth: in cash SPAN asks nothing for it."""
    ours = spanned(wallet(option("ETH", 5.0, "put", 4_000.0, years=MONTH, iv=0.75)))
    assert 0.0 < ours.risk_usd < ours.net_option_value_usd
    assert ours.margin_usd == 0.0


def test_pegs_and_dollars_are_in_no_scenario() -> None:
    """A staked token moves with its underlying; stablecoins don't move."""
    assert spanned(wallet(holding("USDC", 1_000.0))).underlyings == ()
    [eth] = spanned(wallet(holding("wstETH", 1.0))).underlyings
    assert eth.scanning_risk_usd == pytest.approx(0.18 * 4_800.0)
