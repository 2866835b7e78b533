"""Against Venus' real contracts: unusual states, where liquidation starts, forks, rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aggregator.model.assets import native_id, token_id
from aggregator.model.errors import NoContract, UnusablePrice
from aggregator.model.positions import Debt, Supply
from aggregator.model.rules import WAD, Amount, Liquidated, Refused, Repayment, prices_of
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.run import Job
from tests.adapters.compound_v2.kit import (
    CHAIN,
    adapter_of,
    asset_of,
    c_token_of,
    pool_deployment,
    read_pool,
    rule_in,
)
from tests.adapters.compound_v2.simulation import Simulation
from tests.devnet.venus_deploy import MARKETS, NATIVE, TREASURY_SHARE
from tests.reading_kit import pin, read_accounts, run_jobs, run_read

if TYPE_CHECKING:
    from tests.devnet.world import World

SEIZE, LIQUIDATE, REPAY = 4, 5, 3


def _loan(world: World, user: str) -> None:
    """10 WETH at 2,000, threshold 82%, against 15,000 USDC."""
    world.venus.supply(user, "WETH", 10)
    world.venus.borrow(user, "USDC", 15_000)


def test_health_flips_where_the_comptrollers_shortfall_begins(devnet: World) -> None:
    """One unit of the oracle's price beside the other; the report says the same."""
    pool, user = devnet.venus, devnet.spare[0]
    _loan(devnet, user)
    pool.accrue()
    rule = rule_in(read_pool(devnet, user))
    weth, time = asset_of(pool, "WETH"), rule.clock.time

    def flagged(price: int) -> bool:
        return rule.health({**prices_of(rule), weth: price}, time).liquidatable

    low, high = 1_000 * WAD, 2_000 * WAD
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if flagged(middle) else (low, middle)
    for price, expected in ((low, True), (high, False)):
        pool.set_prices({"WETH": price})
        simulation = Simulation(pool)
        place = simulation.add(pool.comptroller, "getAccountLiquidity", user)
        _, _, shortfall = simulation.run(rule.clock.at)[place]
        assert (shortfall > 0, flagged(price)) == (expected, expected)
        reading = read_pool(devnet, user)
        assert reading.accounts[0].reported is not None
        assert reading.accounts[0].reported.liquidatable == expected


def test_reading_a_later_block_tells_what_was_not_stored(devnet: World) -> None:
    """The comptroller's own word is older than our health; both are said, and a warning."""
    pool, user = devnet.venus, devnet.spare[0]
    _loan(devnet, user)
    pool.mine(200)
    reading = read_pool(devnet, user)
    rule, [account] = rule_in(reading), reading.accounts
    ours = rule.health(prices_of(rule), rule.clock.time)
    assert account.reported is not None
    assert account.reported.health is not None
    assert ours.health is not None
    assert ours.health < account.reported.health
    assert "not stored all interest" in reading.warnings[0]
    pool.accrue()
    fresh = read_pool(devnet, user)
    assert fresh.warnings == ()


def test_the_account_id_and_what_stands_for_it(devnet: World) -> None:
    """One account per comptroller and owner; every vToken is a receipt, also without an account."""
    pool, user = devnet.venus, devnet.spare[0]
    _loan(devnet, user)
    pool.supply(user, NATIVE, 2, enter=False)
    reading = read_pool(devnet, user)
    [account] = reading.accounts
    comptroller = parse_address(pool.comptroller.address)
    assert account.id == f"compound_v2:31337:{comptroller}:{parse_address(user)}"
    everything = tuple(c_token_of(pool, symbol) for symbol in MARKETS)
    assert reading.receipts == read_pool(devnet, devnet.spare[1]).receipts == everything
    native = [p for p in account.positions if isinstance(p, Supply) and p.asset.id == native_id(CHAIN)]
    assert [p.is_collateral for p in native] == [False]
    assert [leg.c_token for leg in rule_in(reading).legs] == [c_token_of(pool, s) for s in ("WETH", "USDC")]


def test_a_supply_without_debt_that_is_not_entered_has_no_rule(devnet: World) -> None:
    """Nothing can liquidate it."""
    pool, user = devnet.venus, devnet.spare[0]
    pool.supply(user, "WBTC", "0.5", enter=False)
    [account] = read_pool(devnet, user).accounts
    assert (account.rule, account.reported) == (None, None)


def test_a_price_of_zero_fails_who_depends_on_it(devnet: World) -> None:
    """The comptroller answers PRICE_ERROR; others lose that quote only."""
    pool, user, other = devnet.venus, *devnet.spare[:2]
    _loan(devnet, user)
    pool.supply(other, "DAI", 100)
    pool.set_prices({"WETH": 0})
    assert pool.liquidity(user).error == 13
    with pytest.raises(UnusablePrice, match="WETH"):
        read_pool(devnet, user)
    reading = read_pool(devnet, other)
    assert len(reading.accounts) == 1
    assert asset_of(pool, "WETH") not in {quote.asset for quote in reading.quotes}


def test_an_entered_market_that_is_empty_needs_no_price_on_venus(devnet: World) -> None:
    """Its comptroller leaves such a market out before it asks for the price."""
    pool, user = devnet.venus, devnet.spare[0]
    _loan(devnet, user)
    pool.comptroller.send("enterMarkets", [pool.markets["WBTC"].address], sender=user)
    pool.set_prices({"WBTC": 0})
    assert len(rule_in(read_pool(devnet, user)).legs) == 2


def test_vai_counts_as_a_dollar_and_is_quoted_at_what_it_is_worth(devnet: World) -> None:
    """The test pins it; the quote is the oracle's."""
    pool, user = devnet.venus, devnet.spare[0]
    pool.supply(user, "WETH", 1)
    pool.borrow(user, "VAI", 1_000)
    pool.set_prices({"VAI": 95 * 10**16})
    reading = read_pool(devnet, user)
    [debt] = [p for account in reading.accounts for p in account.positions if isinstance(p, Debt)]
    assert (debt.asset.symbol, debt.raw) == ("VAI", 1_000 * WAD)
    rule = rule_in(reading)
    assert rule.health(prices_of(rule), rule.clock.time).requirement == 1_000 * WAD
    [quote] = [q for q in reading.quotes if q.asset == debt.asset.id]
    assert quote.price == 95 * 10**16
    pool.set_prices({"VAI": 0})
    unquoted = read_pool(devnet, user)
    assert debt.asset.id not in {q.asset for q in unquoted.quotes}
    assert rule_in(unquoted).legs == rule.legs


def test_pauses_and_forced_liquidation_are_said(devnet: World) -> None:
    """And change what a liquidation may do."""
    pool, user = devnet.venus, devnet.spare[0]
    _loan(devnet, user)
    market = pool.markets["USDC"].address
    pool.comptroller.send("_setForcedLiquidationForUser", user, market, True)  # noqa: FBT003
    pool.pause("WETH", SEIZE)
    pool.pause("USDC", REPAY)
    reading = read_pool(devnet, user)
    rule, [account] = rule_in(reading), reading.accounts
    assert rule.health(prices_of(rule), rule.clock.time).liquidatable
    assert account.reported is not None
    assert account.reported.liquidatable
    text = " ".join(reading.warnings)
    assert "at any health" in text
    assert "seizing WETH is paused" in text
    assert "repaying USDC is paused" in text
    pool.comptroller.send("_setProtocolPaused", True)  # noqa: FBT003
    paused = read_pool(devnet, user)
    assert "is paused: no repayment" in paused.warnings[0]
    repayment = Repayment(Amount(asset_of(pool, "USDC"), 1), asset_of(pool, "WETH"))
    rule = rule_in(paused)
    assert rule.liquidate(prices_of(rule), rule.clock.time, repayment) == Refused("protocol is paused")


def test_the_account_after_a_real_liquidation_is_the_successor(devnet: World) -> None:
    """A liquidation that is mined, two blocks after the reading; debts to the rounding of a smallest unit."""
    pool, user = devnet.venus, devnet.spare[0]
    _loan(devnet, user)
    pool.set_prices({"WETH": 1_700 * WAD})
    pool.accrue()
    rule = rule_in(read_pool(devnet, user))
    liquidator, amount = pool.site.account("liquidator"), 6_000 * 10**6
    pool.tokens["USDC"].send("mint", liquidator, amount)
    pool.tokens["USDC"].send("approve", pool.liquidator.address, amount, sender=liquidator)
    receipt = pool.liquidator.send(
        *("liquidateBorrow", pool.markets["USDC"].address, user, amount, pool.markets["WETH"].address),
        sender=liquidator,
    )
    [event] = pool.liquidator.events(receipt, "LiquidateBorrowedTokens")
    after = rule_in(read_pool(devnet, user))
    repayment = Repayment(Amount(asset_of(pool, "USDC"), amount), asset_of(pool, "WETH"))
    done = rule.liquidate(prices_of(rule), after.clock.time, repayment)
    assert isinstance(done, Liquidated)
    [seized], [fee] = done.seized, done.fees
    assert (seized.raw, fee.raw) == (event["seizeTokensForLiquidator"], event["seizeTokensForTreasury"])
    assert fee.raw == (seized.raw + fee.raw) * 10 // 110 * TREASURY_SHARE // WAD
    expected = done.successor
    assert [leg.tokens for leg in expected.legs] == [leg.tokens for leg in after.legs]  # type: ignore[attr-defined]
    assert expected.legs[1].owed in (after.legs[1].owed, after.legs[1].owed - 1)  # type: ignore[attr-defined]
    for ours, theirs in zip(expected.legs, after.legs, strict=True):  # type: ignore[attr-defined]
        assert ours.totals.exchange_rate == theirs.totals.exchange_rate
        assert ours.totals.index == theirs.totals.index


def test_a_fork_is_configuration_only(devnet: World) -> None:
    """Another name on another chain id, beside the first one."""
    pool, user = devnet.venus, devnet.spare[0]
    _loan(devnet, user)
    first, second = pool_deployment(pool), pool_deployment(pool, "Second pool")
    adapter = adapter_of(first, second)
    run, _ = run_jobs(devnet.node.url, [Job(adapter, at, parse_address(user)) for at in (first, second)])
    labels = [o.result.accounts[0].label for o in run.outcomes]  # type: ignore[union-attr]
    assert labels == ["Venus core local", "Second pool"]
    with type(devnet).start(chain_id=1_337) as other:
        _loan(other, other.spare[0])
        here = pool_deployment(other.venus, "Fork")
        elsewhere = type(here)(
            here.adapter, ChainId(1_337), here.name, here.addresses, "a test", options=here.options
        )
        reading = read_accounts(other.node.url, adapter_of(elsewhere), other.spare[0])
        [account] = reading.accounts
        assert account.id.startswith("compound_v2:1337:")
        assert account.positions[0].asset.id == token_id(  # type: ignore[union-attr]
            ChainId(1_337), parse_address(other.tokens["WETH"].address)
        )


def test_what_wallets_share_is_asked_once(devnet: World) -> None:
    """Three rounds for twelve wallets as for one."""
    pool = devnet.venus
    deployment = pool_deployment(pool)
    adapter = adapter_of(deployment)
    for user in devnet.spare[:3]:
        _loan(devnet, user)
    found = []
    for wallets in (devnet.spare[:1], devnet.spare[:12]):
        run, requests = run_jobs(
            devnet.node.url, [Job(adapter, deployment, parse_address(w)) for w in wallets]
        )
        [count] = run.rounds.values()
        found.append((count, requests))
    # The balances of eleven more wallets fill one more request; what they share is not sent again.
    assert found == [(3, 4), (3, 5)]


def test_probe_tells_what_there_is(world: World) -> None:
    """And fails where there is no comptroller."""
    deployment = pool_deployment(world.venus)
    block = pin(world.node.url)
    adapter = adapter_of(deployment)
    said = run_read(world.node.url, 31337, adapter.probe(deployment, block))
    assert said == (
        "the comptroller is of the kind of Venus' core pool",
        "6 markets, 0 without a usable price",
    )
    nowhere = type(deployment)(
        deployment.adapter,
        deployment.chain,
        "Nowhere",
        {"comptroller": parse_address(world.spare[0])},
        "a test",
        options=deployment.options,
    )
    with pytest.raises(NoContract):
        run_read(world.node.url, 31337, adapter_of(nowhere).probe(nowhere, block))
