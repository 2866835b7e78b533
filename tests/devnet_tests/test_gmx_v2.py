"""The stand-ins of GMX V2: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devnet.errors import TransactionReverted
from tests.devnet.gmx_v2 import BTC, ETH, Held
from tests.devnet.gmx_v2_deploy import MARKETS

if TYPE_CHECKING:
    from tests.devnet.world import World


def test_the_reader_lists_markets_and_positions(perps_world: World) -> None:
    gmx, wallet = perps_world.gmx_v2, perps_world.wallets["hedged"]
    store = gmx.addresses["data_store"]
    listed = gmx.reader.call("getMarkets", store, 0, 100)
    assert [one["marketToken"] for one in listed] == [gmx.market(name) for name in MARKETS]
    positions = gmx.reader.call("getAccountPositions", store, wallet, 0, 100)
    assert [(one["market"], one["isLong"]) for one in positions] == [
        (gmx.market(ETH), False),
        (gmx.market(BTC), True),
    ]
    with pytest.raises(TransactionReverted, match="0x11"):
        gmx.reader.call("getAccountPositions", store, wallet, 3, 100)


def test_a_price_is_the_feeds_beside_a_stable_one_and_not_stale(perps_devnet: World) -> None:
    gmx = perps_devnet.gmx_v2
    assert gmx.provider.call("getOraclePrice", gmx.token("WETH"), b"")["min"] == 2_000 * 10**12
    assert gmx.provider.call("getOraclePrice", gmx.token("BTC"), b"")["max"] == 40_000 * 10**22
    gmx.set_price("USDC", 98_000_000)
    price = gmx.provider.call("getOraclePrice", gmx.token("USDC"), b"")
    assert (price["min"], price["max"]) == (98 * 10**22, 10**24)
    with pytest.raises(TransactionReverted, match="EmptyChainlinkPriceFeed"):
        gmx.provider.call("getOraclePrice", gmx.market(ETH), b"")
    perps_devnet.node.warp(100_000)
    with pytest.raises(TransactionReverted, match="ChainlinkPriceFeedNotUpdated"):
        gmx.provider.call("getOraclePrice", gmx.token("WETH"), b"")


def test_a_long_fails_the_readers_test_when_its_index_falls(perps_devnet: World) -> None:
    gmx, user = perps_devnet.gmx_v2, perps_devnet.spare[0]
    held = gmx.open(user, ETH, "USDC", is_long=True, usd=10_000, collateral=500 * 10**6)
    flags = []
    for price in (2_000, 1_950, 1_900):
        pairs = ((price * 10**12,) * 2, (price * 10**12,) * 2, (10**24,) * 2)
        about = (gmx.addresses["data_store"], gmx.addresses["referral_storage"], gmx.position_key(held))
        market = (gmx.market(ETH), *(gmx.token(one) for one in ("WETH", "WETH", "USDC")))
        flag, reason, test = gmx.reader.call("isPositionLiquidatable", *about, market, pairs, True, True)  # noqa: FBT003
        flags.append((flag, reason))
        # 500 USDC, a loss of 5 ETH times the fall, the closing fee of 4 USD and impact of up to 50 USD.
        left = test["remainingCollateralUsd"] / 1e30
        assert 500 - 5 * (2_000 - price) - 54 < left <= 500 - 5 * (2_000 - price) - 4
    assert flags == [(False, ""), (False, ""), (True, "min collateral")]


def test_a_position_is_there_once(perps_devnet: World) -> None:
    gmx, user = perps_devnet.gmx_v2, perps_devnet.spare[1]
    held = Held(user, ETH, "WETH", is_long=True)
    for _ in range(2):
        gmx.write_positions(held.user, {held: (10**34, 5 * 10**18, 10**18, 0, 0, 0, 0, 0, 1, 0)})
    assert len(gmx.reader.call("getAccountPositions", gmx.addresses["data_store"], user, 0, 9)) == 1
