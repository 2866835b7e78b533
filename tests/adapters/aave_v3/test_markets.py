"""Markets that differ from the usual ones: forks, prices in a token, eMode prices; on the real contracts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from adapters.aave_v3.adapter import build
from adapters.aave_v3.family import AaveFamily
from aggregator.contract import Deployments, Shocked
from aggregator.model.assets import token_id
from aggregator.model.errors import CallReverted, Unsupported
from aggregator.model.rules import WAD, Liquidated, prices_of
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.run import Job
from tests.adapters.aave_v3.kit import CHAIN, market_deployment, read_market, rule_in
from tests.adapters.aave_v3.liquidations import Liquidations
from tests.devnet.aave import AaveV301
from tests.devnet.aave_deploy import EMODE, EMODE_CATEGORY, EMODE_LABEL
from tests.devnet.artifacts import compiled
from tests.devnet.chain import ZERO_ADDRESS
from tests.devnet.world import World
from tests.reading_kit import read_accounts, run_jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.aave import Aave
    from tests.devnet.chain import Contract

ALL = 2**255
BOTH = pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, id="v3.6"),
    ],
)


class SparkLike(AaveV301):
    """A fork: the same contracts, deployed by somebody else under another name."""

    name = "spark_like"
    deployer = 9
    title = "SparkLend local"


def test_fork_is_configuration_alone() -> None:
    """The same adapter reads Aave's market and its fork side by side; a wallet has an account in each."""
    with World.start() as world:
        world.add(SparkLike)
        fork = world.get(SparkLike)
        fork.fund()
        user = world.spare[0]
        for market, debt in ((world.aave_v301, 9_000), (fork, 5_000)):
            market.supply(user, "WETH", 10)
            market.borrow(user, "USDC", debt)
        world.node.warp(86_400)
        entries = tuple(market_deployment(market) for market in (world.aave_v301, fork))
        adapter = build(Deployments(entries, ()))
        run, _ = run_jobs(world.node.url, [Job(adapter, entry, parse_address(user)) for entry in entries])
        assert list(run.rounds.values()) == [3]
        found = {}
        for outcome, market in zip(run.outcomes, (world.aave_v301, fork), strict=True):
            rule = rule_in(outcome.result)  # type: ignore[arg-type]  # a Failure has no accounts: it fails
            [account] = outcome.result.accounts  # type: ignore[union-attr]
            said = market.account_data(user)
            assert rule.health(prices_of(rule), world.node.timestamp).health == said.health_factor
            found[account.label] = account.id
        pools = {"Aave V3.0.1 local": world.aave_v301.pool, "SparkLend local": fork.pool}
        assert found == {
            label: f"aave_v3:31337:{parse_address(pool.address)}:{user.lower()}"
            for label, pool in pools.items()
        }


def test_fork_on_another_chain() -> None:
    """The chain is the entry's, in every id."""
    with World.start(chain_id=31_999) as world:
        entry = replace(market_deployment(world.aave_v36), chain=ChainId(31_999), name="Elsewhere")
        wallet = world.wallets["hedged"]
        reading = read_accounts(world.node.url, build(Deployments((entry,), ())), wallet)
        [account] = reading.accounts
        assert account.id.startswith("aave_v3:31999:")
        assert all(receipt.startswith("eip155:31999/erc20:") for receipt in reading.receipts)


def _price_in_weth(market: Aave) -> dict[str, Contract]:
    """Have a market count in WETH with 18 decimals; the feeds of all other reserves."""
    artifact = compiled("devnet")["SettableFeed"]
    worth = {"wstETH": 115 * 10**16, "WBTC": 20 * 10**18, "USDC": 5 * 10**14, "DAI": 5 * 10**14 + 1}
    feeds = {
        symbol: market.chain.deploy(artifact, price, 18, f"{symbol} / ETH") for symbol, price in worth.items()
    }
    oracle = market.chain.deploy(
        market.contracts()["AaveOracle"],
        market.provider.address,
        [market.asset(symbol) for symbol in feeds],
        [feed.address for feed in feeds.values()],
        ZERO_ADDRESS,
        market.asset("WETH"),
        10**18,
    )
    market.provider.send("setPriceOracle", oracle.address)
    return feeds


@BOTH
def test_market_that_prices_in_weth(devnet: World, choose: Callable[[World], Aave]) -> None:
    """To the wei at other prices too; no quotes in USD come of it, while the fast rule is in USD."""
    market, user = choose(devnet), devnet.spare[0]
    feeds = _price_in_weth(market)
    market.supply(user, "WBTC", 1)
    market.supply(user, "WETH", 3)
    market.borrow(user, "USDC", 12_345)
    market.borrow(user, "DAI", "12345.678")
    devnet.node.warp(20 * 86_400)
    reading = read_market(devnet, market, user)
    assert reading.quotes == ()
    rule = rule_in(reading)
    weth = token_id(CHAIN, parse_address(market.asset("WETH")))
    assert {(feed.quote, feed.decimals) for feed in rule.feeds} == {(weth, 18)}
    wbtc = token_id(CHAIN, parse_address(market.asset("WBTC")))
    prices = prices_of(rule)
    assert prices[weth] == 10**18
    for price in (20 * 10**18, 14_123_456_789_012_345_678, 9 * 10**18 + 7):
        feeds["WBTC"].send("set", price)
        devnet.node.warp(3 * 86_400)
        said = market.account_data(user)
        health = rule.health({**prices, wbtc: price}, devnet.node.timestamp)
        assert (health.requirement, health.health) == (said.debt_base * 10_000, said.health_factor)
        assert health.decimals == 22
        at = {**prices, wbtc: price}
        shocked = np.array([[at[feed.asset] / 1e18] for feed in rule.feeds])
        quote_usd = np.full_like(shocked, 2_000.0)
        columns = AaveFamily().columns([rule])
        power, requirement = AaveFamily().margin(columns, Shocked(shocked, devnet.node.timestamp, quote_usd))
        assert requirement[0, 0] == pytest.approx(said.debt_base / 1e18 * 2_000, rel=1e-9)
        assert power[0, 0] / requirement[0, 0] == pytest.approx(said.health_factor / WAD, rel=1e-9)


def _emode_price(market: Aave, answer: int) -> Contract:
    """Give the eMode category a price source of its own, which the oracle is asked for as for an asset."""
    feed = market.chain.deploy(compiled("devnet")["SettableFeed"], answer, 8, "ETH category / USD")
    source = "0x00000000000000000000000000000000000000e1"
    market.oracle.send("setAssetSources", [source], [feed.address])
    category = (EMODE.ltv_bps, EMODE.threshold_bps, EMODE.bonus_bps, source, EMODE_LABEL)
    market.configurator.send("setEModeCategory", EMODE_CATEGORY, *category)
    return feed


def test_emode_price_of_v3_0(devnet: World) -> None:
    """Collateral and debt of the category count, and are liquidated, at the category's one price."""
    market, user = devnet.aave_v301, devnet.spare[0]
    feed = _emode_price(market, 2_100 * 10**8)
    market.supply(user, "wstETH", 10)
    market.supply(user, "WBTC", "0.05")
    market.set_emode(user, EMODE_CATEGORY)
    market.borrow(user, "WETH", "9.5")
    devnet.node.warp(30 * 86_400)
    all_of = Liquidations(devnet, market, 0)
    rule = all_of.rule(user)
    prices, time = prices_of(rule), devnet.node.timestamp
    weth, wsteth, wbtc = (all_of.assets[symbol] for symbol in ("WETH", "wstETH", "WBTC"))
    assert (prices[weth], prices[wsteth], prices[wbtc]) == (2_100 * 10**8, 2_100 * 10**8, 40_000 * 10**8)
    assert rule.health(prices, time).health == market.account_data(user).health_factor
    assert {quote.usd for quote in read_market(devnet, market, user).quotes if quote.asset == weth} == {2_000}

    # The category's price moves both sides alike; it is the other collateral that brings the account down.
    market.set_feed("WBTC", 10**8)
    for price in (2_100 * 10**8, 777 * 10**8 + 1):
        feed.send("set", price)
        rule, time = all_of.rule(user), devnet.node.timestamp + 500 * 86_400
        done = all_of.check(user, rule, {}, time, "wstETH", "WETH", ALL)
        assert isinstance(done, Liquidated)


def test_emode_price_that_fails_is_named(devnet: World) -> None:
    """The pool's own totals revert with it."""
    market, user = devnet.aave_v301, devnet.spare[0]
    feed = _emode_price(market, 2_100 * 10**8)
    market.supply(user, "wstETH", 10)
    market.set_emode(user, EMODE_CATEGORY)
    market.borrow(user, "WETH", 5)
    feed.send("set", 0)
    with pytest.raises(CallReverted, match="getAssetPrice"):
        read_market(devnet, market, user)


def test_debt_that_left_the_category_is_refused(devnet: World) -> None:
    """V3.0 counts it at its own price and liquidates it at the category's: no figure is right for both."""
    market, user = devnet.aave_v301, devnet.spare[0]
    _emode_price(market, 2_100 * 10**8)
    market.supply(user, "wstETH", 10)
    market.set_emode(user, EMODE_CATEGORY)
    market.borrow(user, "WETH", 5)
    market.configurator.send("setAssetEModeCategory", market.asset("WETH"), 0)
    with pytest.raises(Unsupported, match="outside of eMode category 1"):
        read_market(devnet, market, user)
