"""The core pool of the test kit does what its tests rely on."""

from __future__ import annotations

import pytest

from tests.devnet.errors import TransactionReverted
from tests.devnet.venus_deploy import MARKETS, WAD
from tests.devnet.world import World


def test_markets_have_three_sizes_of_token_and_lend(world: World) -> None:
    """18, 8 and 6 decimals and the native coin; most of them have debt, so that interest accrues."""
    pool = world.venus
    assert set(MARKETS) == {"WETH", "WBTC", "USDC", "DAI", "wstETH", "ETH"}
    assert pool.comptroller.call("getAllMarkets") == [pool.markets[symbol].address for symbol in MARKETS]
    lent = {symbol for symbol, market in pool.markets.items() if market.call("totalBorrows")}
    assert lent == {"WETH", "USDC", "DAI", "ETH"}


def test_a_fall_makes_a_loan_liquidatable(devnet: World) -> None:
    """Refused while healthy, done after a fall; the liquidator gets vTokens."""
    pool, user = devnet.venus, devnet.spare[0]
    pool.supply(user, "WETH", 10)
    pool.borrow(user, "USDC", 15_000)
    liquidator = pool.site.account("liquidator")
    devnet.tokens["USDC"].send("mint", liquidator, 10**9)
    devnet.tokens["USDC"].send("approve", pool.liquidator.address, 10**9, sender=liquidator)
    attempt = ("liquidateBorrow", pool.markets["USDC"].address, user, 10**9, pool.markets["WETH"].address)
    with pytest.raises(TransactionReverted, match="LiquidationFailed"):
        pool.liquidator.send(*attempt, sender=liquidator)
    devnet.prices.set(ETH=1_700)
    pool.liquidator.send(*attempt, sender=liquidator)
    assert pool.markets["WETH"].call("balanceOf", liquidator) > 0


def test_interest_accrues_by_block(devnet: World) -> None:
    """Ten blocks raise a stored debt once the market is touched."""
    pool, user = devnet.venus, devnet.spare[0]
    pool.supply(user, "WETH", 10)
    pool.borrow(user, "USDC", 10_000)
    _, before, _ = pool.snapshot(user, "USDC")
    pool.mine(10)
    assert pool.snapshot(user, "USDC")[1] == before
    pool.accrue(["USDC"])
    assert pool.snapshot(user, "USDC")[1] > before


def test_vai_is_minted_repaid_by_others_and_pools_change_the_threshold(devnet: World) -> None:
    """The second set of factors counts once it is chosen."""
    pool, user = devnet.venus, devnet.spare[0]
    pool.supply(user, "WETH", 1)
    assert pool.liquidity(user).liquidity < 1_640 * WAD + WAD
    pool.enter_pool(user, 1)
    assert pool.liquidity(user).liquidity > 1_799 * WAD
    pool.enter_pool(user, 0)
    pool.borrow(user, "VAI", 100)
    assert pool.vai_controller.call("getVAIRepayAmount", user) == 100 * WAD
