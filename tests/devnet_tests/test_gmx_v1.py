"""Operations on the stand-ins of GMX V1: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devnet.errors import TransactionReverted
from tests.devnet.gmx_v1 import DOLLAR, TOKENS

if TYPE_CHECKING:
    from tests.devnet.world import World


def test_the_hedged_wallet_has_a_long_a_short_and_staked_glp(perps_world: World) -> None:
    gmx, wallet = perps_world.gmx_v1, perps_world.wallets["hedged"]
    assert gmx.vault.call("allWhitelistedTokensLength") == len(TOKENS)
    for index, collateral, is_long, size in (("WETH", "WETH", True, 9_000), ("WBTC", "USDC", False, 6_000)):
        place = gmx.place(index, collateral, is_long=is_long)
        assert gmx.vault.call("getPosition", wallet, *place)[0] == size * DOLLAR
        assert gmx.state(wallet, index, collateral, is_long=is_long)[0] == 0
    staked = gmx.fee_glp.call("depositBalances", wallet, gmx.glp.address)
    assert staked == gmx.staked_glp.call("depositBalances", wallet, gmx.fee_glp.address) > 3_900 * 10**18
    assert gmx.glp.call("balanceOf", wallet) == 0


def test_a_long_is_closed_with_a_profit_and_another_is_liquidated(perps_devnet: World) -> None:
    gmx, (user, other) = perps_devnet.gmx_v1, perps_devnet.spare[:2]
    gmx.open(user, "WETH", size=10_000, collateral=("WETH", 1))
    with pytest.raises(TransactionReverted, match="position cannot be liquidated"):
        gmx.liquidate(user, "WETH", "WETH")
    perps_devnet.prices.set(ETH=2_200)
    gmx.close(user, "WETH", "WETH", size=5_000, out=500)
    assert perps_devnet.tokens.balance("WETH", user) > 4 * 10**17
    gmx.open(other, "WETH", size=20_000, collateral=("WETH", "0.2"))
    assert gmx.state(other, "WETH", "WETH") == (0, 20 * DOLLAR)
    perps_devnet.prices.set(ETH=2_140)
    assert gmx.state(other, "WETH", "WETH")[0] == 1
    pool = gmx.vault.call("poolAmounts", perps_devnet.tokens["WETH"].address)
    gmx.liquidate(other, "WETH", "WETH")
    assert gmx.vault.call("poolAmounts", perps_devnet.tokens["WETH"].address) < pool
    assert gmx.vault.call("getPosition", other, *gmx.place("WETH", "WETH", is_long=True))[0] == 0
