"""What the adapter reads of the seeded wallets: positions, orders, claims and shares, in how many rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.gmx_v2 import calls
from adapters.gmx_v2.adapter import build
from adapters.gmx_v2.margin import GmxRule
from aggregator.contract import Deployments
from aggregator.model.assets import Asset, Classification, ListedToken, token_id
from aggregator.model.close_outs import ClosableRule, LossBearer
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    NoContract,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.positions import Perp, Supply
from aggregator.model.rules import prices_of
from aggregator.model.units import Address, parse_address, scaled
from aggregator.reading.run import Job
from tests.adapters.gmx_v2.live import Site, site_of
from tests.devnet.gmx_v2 import BTC, ETH, LIMIT_DECREASE, SINGLE, WITHDRAWAL, Held
from tests.devnet.gmx_v2_deploy import hashed
from tests.devnet.world import World
from tests.reading_kit import pin, run_jobs, run_read


def test_each_position_is_an_account_of_its_own(site: Site) -> None:
    """With its collateral, profit, and fees; judged by its own market's rule."""
    user = site.world.wallets["hedged"]
    short = site.account(Held(user, ETH, "USDC", is_long=False))
    posted, perp = short.positions
    assert isinstance(posted, Supply)
    assert (posted.asset.symbol, posted.raw, posted.is_collateral) == ("USDC", 2_000 * 10**6, True)
    assert isinstance(perp, Perp)
    assert perp.underlying == "WETH"  # the configuration lists no token here
    assert scaled(perp.size_raw, perp.size_decimals) == -4
    assert scaled(perp.entry_price_raw, perp.price_decimals) == 2_000
    assert perp.borrowing_raw == 0  # the smaller side pays none
    assert perp.funding_24h_raw is not None
    assert perp.funding_24h_raw > 0 < perp.funding_raw
    long = site.account(Held(user, BTC, "WBTC", is_long=True))
    perp = next(one for one in long.positions if isinstance(one, Perp))
    assert (perp.underlying, perp.size_decimals, perp.index) == ("BTC", 8, "index:BTC")
    assert perp.borrowing_24h_raw is not None
    assert perp.borrowing_raw < 0 > perp.borrowing_24h_raw
    assert perp.funding_24h_raw is not None
    assert perp.funding_raw < 0 > perp.funding_24h_raw
    for account in (short, long):
        assert isinstance(account.rule, ClosableRule)
        assert account.rule.loss_bearers == (LossBearer.POOL, LossBearer.AUTO_DELEVERAGING)
        assert account.reported is not None
        assert account.reported.liquidatable is False


def test_the_whole_wallet_takes_three_rounds_and_nothing_two(site: Site) -> None:
    """Whatever it holds."""
    rounds = {}
    for name in ("hedged", "empty"):
        job = Job(site.adapter, site.deployment, parse_address(site.world.wallets[name]))
        outcome, _ = run_jobs(site.world.node.url, [job])
        rounds[name] = max(outcome.rounds.values())
    assert rounds["hedged"] <= 3
    assert rounds["empty"] <= 2


def test_orders_and_claims_are_an_account_without_a_rule(site: Site) -> None:
    """An increase's collateral waits in the vault; a decrease has none there, but its keeper's fee."""
    user = site.world.wallets["hedged"]
    site.gmx.order(user, LIMIT_DECREASE, BTC, "WBTC", 12_345, fee=2 * 10**15)
    reading = site.read(user)
    [account] = [one for one in reading.accounts if one.label.endswith("orders and claims")]
    assert account.rule is None
    held = {one.asset.symbol: one.raw for one in account.positions if isinstance(one, Supply)}
    assert held == {"USDC": 500 * 10**6, "native coin": 3 * 10**15, "WETH": 3 * 10**15}
    assert len(account.positions) == 3
    assert any("1 limit increase, 1 limit decrease" in one for one in reading.warnings)


def test_rewards_and_deposits_from_other_chains_are_the_wallets(site: Site) -> None:
    """Tokens in the account of claims, shares of pools looked through with those in the wallet."""
    gmx, user = site.gmx, site.world.spare[4]
    usdc, pool = ("address", gmx.token("USDC")), gmx.shares[SINGLE]
    who = ("address", user)
    gmx.set(
        uints={
            gmx.key("AFFILIATE_REWARD", ETH, usdc, who): 5 * 10**6,
            gmx.key("AFFILIATE_REWARD", BTC, usdc, who): 1,
            hashed("MULTICHAIN_BALANCE", who, usdc): 7 * 10**6,
            hashed("MULTICHAIN_BALANCE", who, ("address", pool.address)): 500 * 10**18,
        }
    )
    pool.send("mint", user, 10**18)
    claims, share = site.read(user).accounts
    [kept] = claims.positions
    assert isinstance(kept, Supply)
    assert (kept.asset.symbol, kept.raw) == ("USDC", 12 * 10**6 + 1)
    weth = share.positions[0]
    assert isinstance(weth, Supply)
    total = gmx.store.call("getUint", gmx.key("POOL_AMOUNT", SINGLE, ("address", gmx.token("WETH"))))
    assert weth.raw == total * 501 * 10**18 // pool.call("totalSupply")


def test_an_order_of_an_unknown_type_is_named(site: Site) -> None:
    """Its collateral may be anywhere."""
    user = site.world.spare[0]
    site.gmx.order(user, 9, ETH, "USDC", 10**6)
    reading = site.read(user)
    assert not reading.accounts
    [failure] = reading.failures
    assert isinstance(failure.error, Unsupported)


def test_a_request_that_waits_for_a_keeper_is_named_as_missing(site: Site) -> None:
    """Shares that are being withdrawn are neither in the wallet nor paid out."""
    user = site.world.spare[1]
    site.gmx.list_of(WITHDRAWAL, user, hashed("a withdrawal"))
    [failure] = site.read(user).failures
    assert "1 withdrawal of GMX V2 that waits for a keeper" in str(failure.error)


def test_a_longer_reader_says_the_same(perps_devnet: World) -> None:
    """A newer one appends a word to what it says of a position."""
    user = perps_devnet.wallets["hedged"]
    site = site_of(perps_devnet)
    longer = site_of(perps_devnet, reader=perps_devnet.gmx_v2.addresses["longer reader"])
    ours, theirs = site.read(user), longer.read(user)
    assert [one.rule for one in ours.accounts] == [one.rule for one in theirs.accounts]
    assert not theirs.failures


def test_an_older_reader_and_provider_answer_where_the_newest_are_not_there_yet(perps_devnet: World) -> None:
    """As at a block from before their release."""
    gmx, nobody = perps_devnet.gmx_v2, Address("0x" + "5" * 40)
    site = site_of(perps_devnet)
    older = {
        **site.deployment.options,
        "older_readers": [gmx.addresses["reader"]],
        "older_price_providers": [gmx.addresses["price_provider"]],
    }
    places = {**site.deployment.addresses, "reader": nobody, "price_provider": nobody}
    entry = replace(site.deployment, addresses=places, options=older)
    early = Site(perps_devnet, build(Deployments((entry,), ())), entry)
    user = perps_devnet.wallets["hedged"]
    reading = early.read(user)
    assert not reading.failures
    assert [one.rule for one in reading.accounts] == [one.rule for one in site.read(user).accounts]
    none = replace(entry, options=site.deployment.options)
    with pytest.raises(NoContract):
        Site(perps_devnet, build(Deployments((none,), ())), none).read(user)


def test_a_market_without_a_price_fails_alone(site: Site) -> None:
    """And by what its provider says."""
    user = site.world.wallets["hedged"]
    feed = hashed("PRICE_FEED", ("address", site.gmx.token("BTC")))
    site.gmx.store.send("setAddressValues", [feed], ["0x" + "0" * 40])
    reading = site.read(user)
    assert all(isinstance(one.error, CallReverted) for one in reading.failures)
    vault, position = reading.failures  # of the vault that has a share of that pool
    market = site.gmx.market(BTC).lower()
    assert position.label == f"GMX V2 local BTC/USD {market} long"
    assert vault.label.endswith(f"share {site.gmx.vault.address.lower()}")
    assert any(isinstance(one.rule, GmxRule) for one in reading.accounts)


def test_an_index_without_a_feed_takes_the_one_that_the_configuration_lists(site: Site) -> None:
    """And is followed by what moves the listed token."""
    gmx, chain = site.gmx, site.deployment.chain
    user = site.world.wallets["hedged"]
    index, feed = parse_address(gmx.token("BTC")), parse_address(gmx.feeds["BTC"].address)
    listed = ListedToken(
        chain,
        index,
        Asset(token_id(chain, index), "BTC", 8),
        Classification("BTC", "base"),
        feed=feed,
        heartbeat_s=3_600,
    )
    entry = replace(site.deployment, options={})
    other = Site(site.world, build(Deployments((entry,), (listed,))), entry)
    before = site.account(Held(user, BTC, "WBTC", is_long=True)).rule
    gmx.store.send("setAddressValues", [hashed("PRICE_FEED", ("address", index))], ["0x" + "0" * 40])
    rule = other.rule(Held(user, BTC, "WBTC", is_long=True))
    quote = next(one for one in other.read(user).quotes if one.asset == "index:BTC")
    assert quote.heartbeat_s == 3_600
    assert quote.updated_at == gmx.feeds["BTC"].call("latestRoundData")[3]
    assert isinstance(before, GmxRule)
    assert rule.market.index.feed.price == before.market.index.feed.price
    assert rule.market.index.feed.origin == f"latestRoundData()@{feed}"
    gmx.set_price("BTC", -1)
    assert any(isinstance(one.error, UnusablePrice) for one in other.read(user).failures)


def test_a_stale_feed_is_no_price(site: Site) -> None:
    """As the protocol's provider refuses it."""
    site.world.node.warp(90_000)
    reading = site.read(site.world.wallets["hedged"])
    assert {type(one.error) for one in reading.failures} == {CallReverted}
    assert all(one.rule is None for one in reading.accounts)


def test_a_stable_price_stands_beside_the_feeds(site: Site) -> None:
    """Collateral counts at the lower of both, and the quote is the feed's."""
    user = site.world.wallets["hedged"]
    held = Held(user, ETH, "USDC", is_long=False)
    site.gmx.set_price("USDC", 99_000_000)
    rule = site.rule(held)
    pair = rule.market.short.pair(prices_of(rule))
    assert (pair.low, pair.high) == (99 * 10**22, 10**24)
    site.gmx.set_price("USDC", 101_000_000)
    rule = site.rule(held)
    pair = rule.market.short.pair(prices_of(rule))
    assert (pair.low, pair.high) == (10**24, 101 * 10**22)


def test_warnings_tell_of_a_market_that_is_disabled_or_deleverages(site: Site) -> None:
    """And of profits that the pool cuts."""
    user = site.world.spare[3]
    gmx = site.gmx
    gmx.open(user, ETH, "WETH", is_long=True, usd=5_000, collateral=gmx.units_of("WETH", 900))
    gmx.set_price("ETH", 9_000 * 10**8)
    for kind in ("TRADERS", "ADL"):
        limit = ("bytes32", hashed(f"MAX_PNL_FACTOR_FOR_{kind}"))
        key = hashed("MAX_PNL_FACTOR", limit, ("address", gmx.market(ETH)), ("bool", True))
        gmx.set(uints={key: 10**29})
    gmx.set(bools={gmx.key("IS_MARKET_DISABLED", ETH): True})
    warnings = " ".join(site.read(user).warnings)
    for words in ("is disabled", "may be reduced (ADL)", "% of the profit"):
        assert words in warnings


def test_probe_counts_the_markets(site: Site) -> None:
    """What doctor says."""
    block = pin(site.world.node.url)
    said = run_read(site.world.node.url, 31337, site.adapter.probe(site.deployment, block))
    [reader] = [site.deployment.addresses["reader"]]
    assert said == (f"3 markets at block {block.number}, by the Reader {reader}",)


def test_an_older_readers_layout_is_no_number() -> None:
    """Fifteen words a position instead of fourteen would shift every figure."""
    words = [32, 1, *range(15)]
    with pytest.raises(MalformedReply, match="bytes"):
        calls.POSITIONS.decode(b"".join(one.to_bytes(32) for one in words), "a reader")
