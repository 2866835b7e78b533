"""Against the real contracts: where liquidation starts, odd prices, dropped reserves, stable debt, rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.aave_v3.interest import RAY
from aggregator.model.assets import token_id
from aggregator.model.errors import CallReverted, NoContract, UnusablePrice
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import parse_address
from aggregator.reading.run import Job
from tests.adapters.aave_v3.kit import (
    CHAIN,
    adapter_of,
    market_deployment,
    read_market,
    rule_in,
    set_configuration,
)
from tests.devnet.artifacts import compiled
from tests.devnet.errors import TransactionReverted
from tests.reading_kit import pin, read_accounts, run_jobs, run_read

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.aave_v3.margin import AaveRule
    from aggregator.model.assets import AssetId
    from tests.devnet.aave import Aave
    from tests.devnet.world import World

BOTH = pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, id="v3.6"),
    ],
)
# The pool's words for a health factor of one or more: a code on V3.0, an error on V3.6.
HEALTHY = ("45", "HealthFactorNotBelowThreshold()")


def _asset(market: Aave, symbol: str) -> AssetId:
    return token_id(CHAIN, parse_address(market.asset(symbol)))


def _liquidate_at(world: World, market: Aave, user: str, time: int) -> None:
    """Liquidate 100 USDC of debt for WETH in a block of exactly that time."""
    liquidator = world.chain.accounts[12]
    token = world.tokens["USDC"]
    token.send("mint", liquidator, 100 * 10**6)
    token.send("approve", market.pool.address, 100 * 10**6, sender=liquidator)
    world.node.next_block_at(time)
    arguments = (market.asset("WETH"), market.asset("USDC"), user, 100 * 10**6, False)
    market.pool.send("liquidationCall", *arguments, sender=liquidator)


def _first(rule: Callable[[int], bool], low: int, high: int) -> int:
    """The lowest whole number in (low, high] at which something that stays true becomes true."""
    assert not rule(low)
    assert rule(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rule(middle) else (middle, high)
    return high


def _borrower(market: Aave, user: str) -> None:
    market.supply(user, "WETH", 10)
    market.borrow(user, "USDC", 15_000)


@BOTH
def test_liquidation_starts_at_the_price_that_the_rule_says(
    devnet: World, choose: Callable[[World], Aave]
) -> None:
    """One unit of the oracle's price above it the pool refuses, at it the pool liquidates."""
    market, user = choose(devnet), devnet.spare[0]
    _borrower(market, user)
    rule = rule_in(read_market(devnet, market, user))
    time = devnet.node.timestamp + 7 * 86_400
    prices = prices_of(rule)
    weth = _asset(market, "WETH")
    fall = _first(
        lambda down: rule.health({**prices, weth: prices[weth] - down}, time).liquidatable, 0, 10**11
    )
    critical = prices[weth] - fall
    assert 0 < fall < 10**11

    market.set_feed("WETH", critical + 1)
    snapshot = devnet.node.snapshot()
    with pytest.raises(TransactionReverted) as caught:
        _liquidate_at(devnet, market, user, time)
    assert caught.value.reason in HEALTHY
    devnet.node.revert(snapshot)

    market.set_feed("WETH", critical)
    _liquidate_at(devnet, market, user, time)


@BOTH
def test_liquidation_starts_at_the_second_that_the_rule_says(
    devnet: World, choose: Callable[[World], Aave]
) -> None:
    """Interest alone takes the account there."""
    market, user = choose(devnet), devnet.spare[0]
    _borrower(market, user)
    rule = rule_in(read_market(devnet, market, user))
    prices = prices_of(rule)
    # A price that leaves a tenth of a percent.
    prices[_asset(market, "WETH")] = 15_015 * 10**8 * 10_000 // (10 * 8_250)
    market.set_feed("WETH", prices[_asset(market, "WETH")])
    start = devnet.node.timestamp
    flip = start + _first(lambda s: rule.health(prices, start + s).liquidatable, 0, 365 * 86_400)
    assert flip > start + 3_600

    snapshot = devnet.node.snapshot()
    with pytest.raises(TransactionReverted) as caught:
        _liquidate_at(devnet, market, user, flip - 1)
    assert caught.value.reason in HEALTHY
    devnet.node.revert(snapshot)
    _liquidate_at(devnet, market, user, flip)


@BOTH
@pytest.mark.parametrize("answer", [0, -7])
def test_unusable_price_fails_those_who_hold_it(
    devnet: World, choose: Callable[[World], Aave], answer: int
) -> None:
    """The source's own answer is in the error; others are read as before, without that quote."""
    market = choose(devnet)
    holder, other, idle = devnet.spare[:3]
    _borrower(market, holder)
    market.supply(other, "WBTC", 1)
    market.borrow(other, "USDC", 10_000)
    market.supply(idle, "WETH", 1)
    market.set_collateral(idle, "WETH", enabled=False)
    market.set_feed("WETH", answer)
    with pytest.raises(UnusablePrice) as caught:
        read_market(devnet, market, holder)
    assert caught.value.price == answer
    assert "WETH" in caught.value.asset

    reading = read_market(devnet, market, other)
    [account] = reading.accounts
    assert account.reported is not None
    assert account.reported.health is not None
    assert _asset(market, "WETH") not in {quote.asset for quote in reading.quotes}
    assert len(read_market(devnet, market, idle).accounts) == 1


def test_reverting_source_is_named(devnet: World) -> None:
    """A feed that reverts is no price of zero."""
    market = devnet.aave_v36
    broken = devnet.chain.deploy(compiled("devnet")["AlwaysReverts"])
    market.set_feed_source("WETH", broken.address)
    with pytest.raises(CallReverted, match="getAssetPrice"):
        read_market(devnet, market, devnet.wallets["hedged"])


@BOTH
def test_dropped_reserve_leaves_ids_alone(devnet: World, choose: Callable[[World], Aave]) -> None:
    """After id 1 is gone, list places and ids differ: flags and eMode still mean the same reserves."""
    market, user = choose(devnet), devnet.spare[0]
    _borrower(market, user)
    market.supply(user, "WBTC", "0.1")
    market.set_collateral(user, "WBTC", enabled=False)
    before = rule_in(read_market(devnet, market, user))
    market.drop_reserve("wstETH")
    reading = read_market(devnet, market, user)
    [account] = reading.accounts
    time = devnet.node.timestamp
    assert rule_in(reading).health(prices_of(before), time) == before.health(prices_of(before), time)
    assert account.reported is not None
    assert account.reported.health == before.health(prices_of(before), time).health
    assert {p.asset.symbol for p in account.positions if isinstance(p, Supply) and p.is_collateral} == {
        "WETH"
    }
    assert len(reading.quotes) == 4


@BOTH
def test_frozen_and_paused_reserves_count_as_before(devnet: World, choose: Callable[[World], Aave]) -> None:
    """Only what one can do changes; a pause is worth a warning."""
    market, user = choose(devnet), devnet.spare[0]
    _borrower(market, user)
    market.freeze("WETH")
    market.pause("USDC")
    reading = read_market(devnet, market, user)
    [account] = reading.accounts
    assert account.reported is not None
    assert rule_in(reading).health(prices_of(rule_in(reading)), devnet.node.timestamp).health == (
        account.reported.health
    )
    [warning] = reading.warnings
    assert warning.startswith("USDC is paused")


@BOTH
def test_threshold_zero(devnet: World, choose: Callable[[World], Aave]) -> None:
    """A reserve delisted as collateral under its holders: the pool's totals stay ours."""
    market, user = choose(devnet), devnet.spare[0]
    _borrower(market, user)
    market.supply(user, "WBTC", 1)
    configuration = market.pool.call("getConfiguration", market.asset("WBTC"))["data"]
    set_configuration(devnet, market, "WBTC", configuration & ~(0xFFFFFFFF))
    reading = read_market(devnet, market, user)
    [account] = reading.accounts
    rule = rule_in(reading)
    health = rule.health(prices_of(rule), devnet.node.timestamp)
    assert account.reported is not None
    assert health.health == account.reported.health
    assert [p.is_collateral for p in account.positions if isinstance(p, Supply)] == [True, False]


def test_stable_debt_on_v3_0(devnet: World) -> None:
    """Beside variable debt in the same reserve, at the block and a month later, to the wei."""
    market, user = devnet.aave_v301, devnet.spare[0]
    market.configurator.send("setReserveStableRateBorrowing", market.asset("DAI"), True)  # noqa: FBT003
    market.supply(user, "WETH", 20)
    market.borrow(user, "DAI", 3_000)
    market.pool.send("borrow", market.asset("DAI"), 5_000 * 10**18, 1, 0, user, sender=user)
    devnet.node.warp(12 * 86_400)
    reading = read_market(devnet, market, user)
    [account] = reading.accounts
    debts = {p.rate_mode: p.raw for p in account.positions if isinstance(p, Debt)}
    assert debts["stable"] > 5_000 * 10**18
    assert debts["variable"] == market.owed(user, "DAI")
    rule = rule_in(reading)
    for _ in range(2):
        said = market.account_data(user)
        assert rule.health(prices_of(rule), devnet.node.timestamp).health == said.health_factor
        devnet.node.warp(30 * 86_400)


@BOTH
def test_indices_to_the_ray_at_high_rates(devnet: World, choose: Callable[[World], Aave]) -> None:
    """At some 50% a year every term of the compounding counts: from no time at all to years."""
    market, lender = choose(devnet), devnet.chain.accounts[10]
    market.withdraw(lender, "DAI", 2_900_000)
    for seconds in (0, 1, 2, 3_600, 90 * 86_400, 10**8, *range(10_000_001, 10_000_007)):
        if seconds:
            devnet.node.warp(seconds)
        rule = rule_in(read_market(devnet, market, lender))
        [accrual] = [leg.accrual for leg in rule.legs if leg.feed.asset == _asset(market, "DAI")]
        assert accrual.borrow_rate > RAY * 4 // 10
        time = devnet.node.timestamp
        income = market.pool.call("getReserveNormalizedIncome", market.asset("DAI"))
        debt = market.pool.call("getReserveNormalizedVariableDebt", market.asset("DAI"))
        # A scaled balance of one ray is the index itself.
        assert accrual.supplied(rule.maths, RAY, time) == income
        assert accrual.owed(rule.maths, RAY, time) == debt


@BOTH
def test_seeded_wallets_agree_with_the_pool(world: World, choose: Callable[[World], Aave]) -> None:
    """Every seeded wallet and the market's own big borrower."""
    market = choose(world)
    found = 0
    for wallet in [*world.wallets.values(), *world.chain.accounts[10:13]]:
        for account in read_market(world, market, wallet).accounts:
            assert account.reported is not None
            rule = account.rule
            assert rule is not None
            health = rule.health(prices_of(rule), world.node.timestamp)
            assert health.health == account.reported.health
            assert health.liquidatable == account.reported.liquidatable
            found += 1
    assert found >= 3


def test_two_markets_and_many_wallets_take_three_rounds(world: World) -> None:
    """The block pin and three rounds, whatever the number of wallets; one that grows too large is split."""
    adapter = adapter_of(world.aave_v36, world.aave_v301)
    wallets = [parse_address(account) for account in world.chain.accounts[10:35]]
    counts = []
    for some in (wallets[:1], wallets):
        jobs = [Job(adapter, entry, wallet) for entry in adapter.deployments for wallet in some]
        run, requests = run_jobs(world.node.url, jobs)
        assert list(run.rounds.values()) == [3]
        counts.append(requests)
    assert counts[1] <= counts[0] + 1


def test_no_contract_at_the_pool(world: World) -> None:
    """A wrong address is no empty account."""
    entry = market_deployment(world.aave_v36)
    nobody = parse_address(world.spare[0])
    adapter = adapter_of(world.aave_v36)
    wrong = type(entry)(
        entry.adapter, entry.chain, entry.name, {**entry.addresses, "pool": nobody}, entry.source
    )
    with pytest.raises(NoContract):
        read_accounts(world.node.url, adapter, world.wallets["hedged"], wrong)


@BOTH
def test_probe(world: World, choose: Callable[[World], Aave]) -> None:
    """What doctor says of the local markets."""
    market = choose(world)
    adapter = adapter_of(market)
    [entry] = adapter.deployments
    sentences = run_read(world.node.url, 31337, adapter.probe(entry, pin(world.node.url)))
    release = {1: "3.0", 10: "3.6"}[market.revision]
    assert sentences[0] == f"pool revision {market.revision} is Aave V{release}"
    assert sentences[-1] == "5 reserves, 0 without a usable price"


def test_health_falls_below_one_where_the_pool_says_so(devnet: World) -> None:
    """Reported and exact liquidatable flip together on the wallet that is close to it."""
    market, edge = devnet.aave_v36, devnet.wallets["edge"]
    flags = []
    for price in (2_000, 1_950):
        devnet.prices.set(ETH=price)
        reading = read_market(devnet, market, edge)
        [account] = reading.accounts
        rule: AaveRule = rule_in(reading)
        health = rule.health(prices_of(rule), devnet.node.timestamp)
        assert account.reported is not None
        assert (
            health.liquidatable
            == account.reported.liquidatable
            == (market.account_data(edge).health_factor < WAD)
        )
        flags.append(health.liquidatable)
    assert flags == [False, True]
