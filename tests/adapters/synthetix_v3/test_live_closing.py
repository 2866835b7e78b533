"""Liquidations, step by step, against what the real perps market does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.synthetix_v3.margin import SynthetixV3Rule
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import CloseOut
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import WAD, Refused, prices_of
from tests.adapters.synthetix_v3.live import Site, at
from tests.devnet.chain import Receipt
from tests.devnet.synthetix_deploy import units
from tests.devnet.synthetix_v3_deploy import BTC, ETH, PARAMETERS, S_ETH, SNX_USD, configure

NUMBER = 900
BTC_PRICE = 40_000 * WAD
# A liquidation changes the interest rate by the pool's utilisation, which no account knows: 0.00001 USD here.
CLOSE = 10**13


def done(rule: SynthetixV3Rule, prices: Mapping[AssetId, int], time: int) -> CloseOut:
    """The close-out of a rule that is not refused."""
    found = rule.close_out(prices, time)
    assert isinstance(found, CloseOut)
    return found


def compare(site: Site, receipt: Receipt, expected: CloseOut) -> None:
    """Reward and closed sizes to the wei."""
    events = site.perps.perps.events
    [attempted] = events(receipt, "AccountLiquidationAttempt")
    assert sum(fee.amount.raw for fee in expected.fees) == attempted["reward"]
    assert attempted["fullLiquidation"] == (expected.successor is None)
    names = {ETH: "ETH", BTC: "BTC"}
    closed = {names[e["marketId"]]: e["amountLiquidated"] for e in events(receipt, "PositionLiquidated")}
    assert {one.market: abs(one.size_raw) for one in expected.closed} == closed


@pytest.mark.parametrize("pd", [0, PARAMETERS[ETH].max_liquidation_pd])
def test_a_large_account_is_liquidated_window_by_window(site: Site, pd: int) -> None:
    """Flagging seizes all; each step closes what the window allows, and the successor goes on with it.

    Where the skew is small enough for `pd`, more than a window's limit may be liquidated.
    """
    perps, user = site.perps, site.world.spare[1]
    configure(perps.perps, ETH, replace(PARAMETERS[ETH], max_liquidation_pd=pd))
    perps.create(user, NUMBER)
    perps.deposit(user, NUMBER, SNX_USD, 20_000)
    perps.deposit(user, NUMBER, S_ETH, 5)
    perps.trade(user, NUMBER, ETH, 100)
    perps.trade(user, NUMBER, BTC, "-0.7")
    site.world.node.warp(3_600)
    eth = 1_735 * WAD
    perps.set_prices(eth, BTC_PRICE)
    rule = site.rule(user, NUMBER)
    assert rule.health(prices_of(rule), site.now()).liquidatable
    # The transaction's block is a second later.
    step = done(rule, prices_of(rule), site.now() + 1)
    equity = rule.collateral_value(prices_of(rule)) - rule.debt
    profit = sum(rule.profit(p, p.feed.price, site.now() + 1) for p in rule.positions)
    pool = perps.core.call("credit")
    compare(site, perps.liquidate(NUMBER), step)
    fees = sum(fee.amount.raw for fee in step.fees)
    assert pool - perps.core.call("credit") == fees
    kept = sum(one.raw for one in step.forfeited) - sum(one.raw for one in step.bad_debt)
    assert kept == equity + profit - fees
    assert perps.collateral(NUMBER, SNX_USD) == perps.collateral(NUMBER, S_ETH) == 0
    closed = [sum(abs(one.size_raw) for one in step.closed)]
    for seconds in (1, 10, 40, 1, 40):
        assert step.posted == (None if step.successor is None else ())
        if step.successor is None:
            break
        left = step.successor
        assert isinstance(left, SynthetixV3Rule)
        assert (left.usd_amount, left.debt, left.collaterals, left.flagged) == (0, 0, (), True)
        said, health = perps.margins(NUMBER), left.health(at(left, eth, BTC_PRICE), site.now())
        assert abs(health.power - said.available) <= CLOSE
        assert health.requirement == said.maintenance
        assert health.liquidatable
        assert said.can_liquidate
        read = site.rule(user, NUMBER)
        assert read.flagged
        assert {p.name: p.size for p in read.positions} == {p.name: p.size for p in left.positions}
        eth = eth * 99 // 100
        site.world.node.warp(seconds)
        perps.set_prices(eth, BTC_PRICE)
        step = done(left, at(left, eth, BTC_PRICE), site.now() + 1)
        compare(site, perps.liquidate(NUMBER), step)
        closed.append(sum(abs(one.size_raw) for one in step.closed))
    assert step.successor is None
    assert (0 in closed) == (pd == 0)
    assert site.read(user).accounts == ()


def test_who_is_healthy_is_not_liquidated(site: Site) -> None:
    """The contract reverts with the reason that the rule gives; a single market can't be named."""
    user = site.world.wallets["hedged"]
    rule = site.rule(user, 17)
    assert rule.close_out(prices_of(rule), site.now()) == Refused("NotEligibleForLiquidation")
    assert isinstance(rule.close_out(prices_of(rule), site.now(), "ETH"), Refused)


def indebted(site: Site, user: str) -> None:
    """An account that closed at a loss larger than its snxUSD: synths, debt, and no position."""
    perps = site.perps
    perps.create(user, NUMBER)
    perps.deposit(user, NUMBER, SNX_USD, 500)
    perps.deposit(user, NUMBER, S_ETH, 4)
    perps.trade(user, NUMBER, ETH, 20)
    perps.set_prices(1_850 * WAD, BTC_PRICE)
    perps.trade(user, NUMBER, ETH, -20)


def test_an_account_with_debt_and_no_position(site: Site) -> None:
    """Its synths can fall below its debt: then it is liquidated at once."""
    perps, user = site.perps, site.world.spare[2]
    indebted(site, user)
    account = site.account(user, NUMBER)
    assert {type(one) for one in account.positions} == {Supply, Debt}
    rule = account.rule
    assert isinstance(rule, SynthetixV3Rule)
    assert rule.debt == perps.perps.call("debt", NUMBER) > 0
    health = rule.health(prices_of(rule), site.now())
    assert health.power == perps.margins(NUMBER).available
    assert not health.liquidatable
    assert not perps.margins(NUMBER).can_liquidate_margin_only
    [synth] = rule.collaterals
    flip, above = rule.liquidation_prices(prices_of(rule), site.now(), synth.feed.asset)
    assert flip is not None
    assert above is None
    for price, fails in ((flip, True), (flip + flip // 10**9, False)):
        perps.set_prices(price, BTC_PRICE)
        assert perps.margins(NUMBER).can_liquidate_margin_only == fails
    perps.set_prices(flip, BTC_PRICE)
    expected = done(rule, {synth.feed.asset: flip}, site.now() + 1)
    receipt = perps.liquidate_margin_only(NUMBER)
    compare(site, receipt, expected)
    [event] = perps.perps.events(receipt, "AccountMarginLiquidation")
    assert event["seizedMarginValue"] == rule.collateral_value({synth.feed.asset: flip})
    assert perps.perps.call("debt", NUMBER) == 0


def test_what_an_account_cannot_pay_is_the_pools(site: Site) -> None:
    """A gap through the whole margin: the loss beyond it is bad debt that the pool bears."""
    perps, user = site.perps, site.world.spare[3]
    perps.create(user, NUMBER)
    perps.deposit(user, NUMBER, SNX_USD, 1_000)
    perps.trade(user, NUMBER, ETH, 10)
    perps.set_prices(1_500 * WAD, BTC_PRICE)
    rule = site.rule(user, NUMBER)
    expected = done(rule, prices_of(rule), site.now() + 1)
    assert expected.successor is None
    assert expected.forfeited == ()
    [missing] = expected.bad_debt
    # Ten coins fell by $500 against a margin of $1,000.
    assert abs(Decimal(missing.raw) / units(1) - 4_000) < 100
    compare(site, perps.liquidate(NUMBER), expected)
