"""What the adapter reads from the real contracts as positions, orders and failures come and go."""

from __future__ import annotations

import pytest

from aggregator.model.assets import index_id
from aggregator.model.errors import Unsupported, UnusablePrice
from aggregator.model.positions import Perp, Supply
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import parse_address
from aggregator.reading.run import Job
from tests.adapters.synthetix_perps_v2.live import BTC_MARKET, ETH_MARKET, Site, equity, supplies
from tests.devnet.chain import bytes32
from tests.devnet.errors import TransactionReverted
from tests.devnet.synthetix_deploy import Globals, as_owner
from tests.reading_kit import pin, run_jobs, run_read


def test_hedged_wallet(site: Site) -> None:
    """Its short of 8 ETH: positions, quotes, and health equal to what the market's views give."""
    reading = site.read(site.world.wallets["hedged"])
    [account] = reading.accounts
    said = site.said(site.world.wallets["hedged"], ETH_MARKET)
    supply, perp = account.positions
    assert isinstance(supply, Supply)
    assert isinstance(perp, Perp)
    assert (supply.raw, perp.size_raw) == (said.margin, -8 * WAD)
    assert (perp.pnl_raw, perp.funding_raw) == (said.profit_loss, said.accrued_funding)
    rate = site.world.synthetix.markets[ETH_MARKET].call("currentFundingRate")
    assert perp.funding_24h_raw == pytest.approx(8 * 2000 * rate, rel=1e-12)
    assert {quote.asset: quote.price for quote in reading.quotes} == {
        index_id("ETH"): 2000 * WAD,
        supply.asset.id: WAD,
    }
    assert account.rule is not None
    assert account.reported is not None
    found = account.rule.health(prices_of(account.rule), site.world.node.timestamp)
    assert found.health == pytest.approx(account.reported.health, rel=1e-15)
    assert account.reported.liquidation_price == said.liquidation_price


def test_one_wallet_and_many_take_three_rounds(site: Site) -> None:
    """The pin and one request a round; the second wallet's questions travel with the first's."""
    wallets = [parse_address(address) for address in site.world.wallets.values()]
    hedged = parse_address(site.world.wallets["hedged"])
    for jobs in ([hedged], wallets):
        run, requests = run_jobs(
            site.world.node.url, [Job(site.adapter, site.deployment, wallet) for wallet in jobs]
        )
        assert run.rounds == {site.deployment.chain: 3}
        assert requests == 4


def test_probe(site: Site) -> None:
    """Both markets are found through the manager."""
    block = pin(site.world.node.url)
    sentences = run_read(
        site.world.node.url, site.deployment.chain, site.adapter.probe(site.deployment, block)
    )
    assert sentences == (f"2 markets at block {site.world.node.block_number}",)


def test_liquidation_from_flag_to_end(site: Site) -> None:
    """Refused before the flip; a flagged one stays liquidatable when the price recovers."""
    user, perps = site.world.spare[0], site.world.synthetix
    perps.open(user, ETH_MARKET, margin=1_000, size=5)
    with pytest.raises(TransactionReverted, match="cannot be liquidated"):
        perps.flag(user, ETH_MARKET)
    site.world.prices.set(ETH=1815)
    perps.flag(user, ETH_MARKET)
    site.world.prices.set(ETH=2500)
    assert not site.said(user, ETH_MARKET).can_liquidate
    reading = site.read(user)
    [account] = reading.accounts
    assert account.reported is not None
    assert account.rule is not None
    assert account.reported.liquidatable
    assert account.rule.health(prices_of(account.rule), site.world.node.timestamp).liquidatable
    assert any("flagged" in warning for warning in reading.warnings)
    perps.liquidate(user, ETH_MARKET)
    assert site.read(user).accounts == ()


def test_deposit_of_a_delayed_order_is_not_lost(site: Site) -> None:
    """Equity is the same before and after the order; the keeper's share is gone once it is executed."""
    user, perps, node = site.world.spare[0], site.world.synthetix, site.world.node
    perps.open(user, ETH_MARKET, margin=1_000, size="1.5")
    snapshot = node.snapshot()
    node.mine()
    before = equity(site.account(user, ETH_MARKET))
    node.revert(snapshot)
    perps.submit_delayed_order(user, ETH_MARKET, "-0.5")
    reading = site.read(user)
    [account] = reading.accounts
    locked = account.positions[-1]
    assert isinstance(locked, Supply)
    assert (locked.raw, locked.is_collateral) == (Globals().min_keeper_fee, False)
    assert abs(equity(account) - before) <= 2
    assert any("a delayed order of -0.5 is pending" in warning for warning in reading.warnings)
    node.warp(60)
    perps.execute_delayed_order(user, ETH_MARKET)
    after = site.read(user)
    assert after.warnings == ()
    assert [type(position) for position in after.accounts[0].positions] == [Supply, Perp]


def test_cancelled_order_returns_its_deposit(site: Site) -> None:
    """To the margin of the owner who cancels it."""
    user, perps = site.world.spare[0], site.world.synthetix
    perps.deposit(user, ETH_MARKET, 500)
    perps.submit_delayed_order(user, ETH_MARKET, 1)
    assert [position.raw for position in supplies(site.account(user, ETH_MARKET))] == [498 * WAD, 2 * WAD]
    site.world.node.warp(600)
    perps.cancel_delayed_order(user, ETH_MARKET)
    assert [position.raw for position in supplies(site.account(user, ETH_MARKET))] == [500 * WAD]


def test_closed_position_leaves_its_margin(site: Site) -> None:
    """Nothing is liquidatable about it; withdrawn, the account is gone."""
    user, perps = site.world.spare[0], site.world.synthetix
    perps.open(user, BTC_MARKET, margin=1_000, size="0.1")
    perps.close(user, BTC_MARKET)
    account = site.account(user, BTC_MARKET)
    [supply] = supplies(account)
    assert supply.raw == site.said(user, BTC_MARKET).margin
    assert (account.rule, account.reported, len(account.positions)) == (None, None, 1)
    perps.withdraw(user, BTC_MARKET)
    assert site.read(user).accounts == ()


def test_accounts_are_isolated_by_market(site: Site) -> None:
    """A loss in one market leaves the other's health alone."""
    user, perps = site.world.spare[0], site.world.synthetix
    perps.open(user, ETH_MARKET, margin=1_000, size=2)
    perps.open(user, BTC_MARKET, margin=1_000, size="-0.1")
    site.world.prices.set(ETH=1_400)
    by_market = {account.label.removeprefix("Synthetix "): account for account in site.read(user).accounts}
    assert by_market.keys() == {ETH_MARKET, BTC_MARKET}
    flags = {key: account.reported for key, account in by_market.items()}
    assert {key: found.liquidatable for key, found in flags.items() if found} == {
        ETH_MARKET: True,
        BTC_MARKET: False,
    }


@pytest.mark.parametrize("how", ["zero", "invalid"])
def test_unusable_price_fails_the_account(site: Site, how: str) -> None:
    """Of wallets with a position there; another market's account and a wallet without one are read."""
    perps, user = site.world.synthetix, site.world.wallets["hedged"]
    perps.open(user, BTC_MARKET, margin=1_000, size="-0.1")
    if how == "zero":
        perps.set_rate(ETH_MARKET, 0)
    else:
        perps.set_rate_invalid(ETH_MARKET)
    reading = site.read(user)
    assert [account.label for account in reading.accounts] == [f"Synthetix {BTC_MARKET}"]
    [failure] = reading.failures
    assert failure.label == f"Synthetix {ETH_MARKET}"
    assert isinstance(failure.error, UnusablePrice)
    assert site.read(site.world.wallets["empty"]).accounts == ()


def test_suspended_market(site: Site) -> None:
    """Read as before, with a warning; the market refuses to liquidate meanwhile."""
    user, perps = site.world.wallets["hedged"], site.world.synthetix
    before = site.account(user, ETH_MARKET)
    perps.suspend(ETH_MARKET)
    site.world.prices.set(ETH=2600)
    with pytest.raises(TransactionReverted, match="Market suspended"):
        perps.flag(user, ETH_MARKET)
    reading = site.read(user)
    assert reading.accounts[0].positions[0] == before.positions[0]
    assert any("has suspended this market (Market suspended)" in warning for warning in reading.warnings)


def test_replaced_manager_is_noticed(site: Site) -> None:
    """The configured manager still answers, but nobody trades there any more."""
    perps, other = site.world.synthetix, site.world.spare[0]
    names = [bytes32("FuturesMarketManager")]
    as_owner(perps.chain, [(perps.resolver, "importAddresses", (names, [other]))])
    with pytest.raises(Unsupported, match=other.lower()):
        site.read(site.world.wallets["hedged"])
