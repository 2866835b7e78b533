"""Pools of the real Uniswap V3 contracts: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devnet.uniswap import POOLS, root_of

if TYPE_CHECKING:
    from tests.devnet.uniswap import UniswapV3
    from tests.devnet.world import World


def distance(uniswap: UniswapV3) -> float:
    """How far the pool that is furthest from the market is, as a part of the root price."""
    found = []
    for seeded in uniswap.seeded():
        a, b = seeded.tokens
        pool = uniswap.pool(a, b, seeded.fee)
        low, high = (a, b) if pool.call("token0") == uniswap.token(a).address else (b, a)
        found.append(abs(pool.call("slot0")[0] / root_of(uniswap.market(low, high), low, high) - 1))
        assert pool.call("liquidity") > 0
    return float(max(found))


@pytest.mark.parametrize("which", ["world", "perps_world"])
def test_pools_begin_at_the_market(which: str, request: pytest.FixtureRequest) -> None:
    """On both chains, sUSD among them; the one of Lyra only where Lyra is."""
    world: World = request.getfixturevalue(which)
    assert len(world.uniswap.seeded()) == len(POOLS) - (0 if which == "world" else 1)
    assert distance(world.uniswap) == 0


def test_prices_move_pools_by_swaps_only(devnet: World) -> None:
    devnet.prices.set(ETH=1_700, BTC=45_000, DAI="0.999", sUSD="1.004", wstETH="1.16")
    assert distance(devnet.uniswap) > 0.05
    before = devnet.tokens.balance("WETH", str(devnet.uniswap.pool("WETH", "USDC", 500).address))
    devnet.uniswap.arbitrage()
    assert distance(devnet.uniswap) == 0
    assert devnet.tokens.balance("WETH", str(devnet.uniswap.pool("WETH", "USDC", 500).address)) > before
    devnet.uniswap.arbitrage()  # nothing is left to do


def test_a_large_sale_slips(devnet: World) -> None:
    """The depth is finite: ten times as much brings less than ten times as much."""
    uniswap, user = devnet.uniswap, devnet.spare[0]
    received = []
    for amount in (10, 100):
        with devnet.isolated():
            uniswap.swap(user, "WETH", "USDC", 500, uniswap.raw("WETH", amount))
            received.append(devnet.tokens.balance("USDC", user))
    assert received[0] * 10 * 0.9 < received[1] < received[0] * 10 * 0.999
