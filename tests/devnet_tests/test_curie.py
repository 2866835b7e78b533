"""Operations on the real Perp Curie contracts: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devnet.curie_deploy import MARKETS
from tests.devnet.errors import TransactionReverted

if TYPE_CHECKING:
    from tests.devnet.world import World


def test_base_tokens_are_below_the_quote_token(perps_world: World) -> None:
    curie = perps_world.perp_curie
    quote = int(curie.addresses["quote_token"], 16)
    assert all(int(base.address, 16) < quote for base in curie.bases.values())
    assert set(curie.bases) == set(MARKETS)


def test_the_hedged_wallet_is_short_on_two_collaterals_with_a_range_order(perps_world: World) -> None:
    curie, wallet = perps_world.perp_curie, perps_world.wallets["hedged"]
    base = curie.bases["vETH"].address
    assert curie.account_balance.call("getTakerPositionSize", wallet, base) == -4 * 10**18
    assert curie.vault.call("getCollateralTokens", wallet) == [perps_world.tokens["WETH"].address]
    assert len(curie.order_book.call("getOpenOrderIds", wallet, curie.bases["vBTC"].address)) == 1
    assert not curie.account(wallet).liquidatable


def test_a_pool_follows_its_index_and_a_long_is_liquidated(perps_devnet: World) -> None:
    curie, user = perps_devnet.perp_curie, perps_devnet.spare[0]
    curie.deposit(user, "USDC", 500)
    curie.open(user, "vETH", "1.9")
    with pytest.raises(TransactionReverted, match="CH_EAV"):
        curie.liquidate(user, "vETH")
    for price in (1_850, 1_700):
        perps_devnet.prices.set(ETH=price)
        curie.arbitrage("vETH", price)
        perps_devnet.node.warp(2_000)
    assert abs(curie.mark("vETH") - 1_700 * 10**18) < 10**18
    assert curie.account(user).liquidatable
    curie.liquidate(user, "vETH")
    assert curie.account(user).requirement == 0
