"""Protocols that count in another coin than USD, and assets whose own price moves."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.errors import UnusablePrice
from aggregator.model.results import AccountRisk
from aggregator.model.rules import Oracle
from aggregator.pricing.book import assets_of
from aggregator.risk.assess import assess
from tests.risk.builders import COINS, few_draws, portfolio
from tests.risk.linear import FAMILIES, lending
from tests.volume import volume


def only(account: Account) -> AccountRisk:
    return assess(portfolio(account), families=FAMILIES, scenarios=few_draws()).accounts[0]


@given(
    st.floats(0.5, 50.0), st.floats(0.0, 50.0), st.floats(1_000.0, 60_000.0), st.sampled_from(["ETH", "USDC"])
)
@settings(max_examples=volume(40, 100))
def test_the_unit_of_account_changes_nothing(eth: float, staked: float, owed: float, quote: str) -> None:
    """An oracle that divides two market prices says the same as one in USD, in every scenario."""
    amounts = {"ETH": eth, "wstETH": staked, "USDC": -owed}
    plain, quoted = only(lending("a", amounts)), only(lending("a", amounts, quote=quote))
    assert quoted.power_usd == pytest.approx(plain.power_usd)
    assert quoted.native_requirement_usd == pytest.approx(plain.native_requirement_usd)
    assert quoted.native_health == pytest.approx(plain.native_health)
    assert quoted.lam_native == pytest.approx(plain.lam_native, rel=1e-9)
    assert quoted.binding_ray == plain.binding_ray
    for theirs, ours in (
        (plain.liquidation_prices, quoted.liquidation_prices),
        (plain.asset_liquidation_prices, quoted.asset_liquidation_prices),
    ):
        assert [p.price_usd for p in ours] == pytest.approx([p.price_usd for p in theirs], rel=1e-7)


def test_an_exchange_rate_between_two_tokens_of_one_base_does_not_move() -> None:
    """A loop whose protocol looks at the rate only can't fail; at market prices a loss of peg ends it."""
    amounts = {"wstETH": 10.0, "ETH": -11.0}
    by_rate = only(lending("a", amounts, threshold=0.95, quote="ETH", oracle=Oracle.RATE))
    by_market = only(lending("a", amounts, threshold=0.95, quote="ETH"))
    assert math.isinf(by_rate.lam_native)
    assert by_rate.oracle_blind
    assert by_market.binding_ray == "PEG wstETH down"
    assert by_market.lam_native < 1.0
    assert by_rate.liquidation_prices == by_market.liquidation_prices == ()


def test_a_pinned_price_in_another_coin_still_has_a_worth_that_moves() -> None:
    """Both sides of the test fall with the coin that they are counted in: the ratio stands still."""
    account = only(lending("a", {"wstETH": 10.0, "ETH": -11.0}, quote="ETH", oracle=Oracle.FIXED))
    assert account.liquidation_prices == ()
    assert account.asset_liquidation_prices == ()


def test_a_quote_currency_without_a_price_is_an_error() -> None:
    """Never an account that is worth nothing."""
    account = lending("a", {"ETH": 10.0, "wstETH": 1.0}, quote="LINK")
    assert COINS["LINK"].asset.id in assets_of(account)
    book = portfolio(account)
    marks = {asset: quote for asset, quote in book.marks.items() if asset != COINS["LINK"].asset.id}
    with pytest.raises(UnusablePrice):
        assess(replace(book, marks=marks), families=FAMILIES, scenarios=few_draws())


def test_liquidation_price_of_each_asset_alone() -> None:
    """By hand: the others stand still, whatever usually moves them together."""
    ours = only(lending("a", {"ETH": 10.0, "wstETH": 5.0, "USDC": -40_000.0}))
    found = {(p.asset_id, p.direction): p.price_usd for p in ours.asset_liquidation_prices}
    alone = {"ETH": (40_000 / 0.83 - 24_000) / 10, "wstETH": (40_000 / 0.83 - 40_000) / 5}
    assert found == pytest.approx(
        {
            (COINS["ETH"].asset.id, "down"): alone["ETH"],
            (COINS["wstETH"].asset.id, "down"): alone["wstETH"],
            (COINS["USDC"].asset.id, "up"): 53_120 / 40_000,
        }
    )
    [together] = ours.liquidation_prices
    assert together.price_usd > alone["ETH"]


def test_an_asset_that_its_oracle_does_not_look_at_has_no_price() -> None:
    """Its market may fall to nothing without a liquidation."""
    ours = only(lending("a", {"wstETH": 10.0, "USDC": -20_000.0}, oracle=Oracle.RATE))
    assert ours.asset_liquidation_prices == ()
    assert [p.underlying for p in ours.liquidation_prices] == ["ETH"]
