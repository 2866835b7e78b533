"""Operations on the real Perps V2 markets: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devnet.chain import bytes32
from tests.devnet.errors import TransactionReverted
from tests.devnet.synthetix_deploy import MARKETS, Globals, units

if TYPE_CHECKING:
    from tests.devnet.synthetix import SynthetixPerpsV2
    from tests.devnet.world import World

WAD = 10**18
DAY_SECONDS = 86_400


@pytest.fixture
def perps(devnet: World) -> SynthetixPerpsV2:
    """The markets, with changes undone afterwards."""
    return devnet.synthetix


def test_manager_lists_both_markets(world: World) -> None:
    markets = world.synthetix.markets.values()
    listed = world.synthetix.manager.call("allMarkets(bool)", True)  # noqa: FBT003
    assert listed == [market.address for market in markets]
    keys = [market.call("marketKey") for market in markets]
    assert keys == [bytes32(key) for key in MARKETS]


def test_hedged_wallet_is_short_eight_coins(world: World) -> None:
    said = world.synthetix.account(world.wallets["hedged"], "sETHPERP")
    assert said.size == -8 * WAD
    assert said.accrued_funding > 0  # longs are ahead, so they pay
    assert not said.can_liquidate


def test_other_seeded_wallets_have_no_account(world: World) -> None:
    for name in ("unhedged", "edge", "empty", "legacy"):
        for market in MARKETS:
            said = world.synthetix.account(world.wallets[name], market)
            assert (said.margin, said.size) == (0, 0)


def test_one_market_of_prices_drives_the_rates(perps: SynthetixPerpsV2, devnet: World) -> None:
    devnet.prices.set(ETH="1234.5", BTC=30_000)
    assert perps.markets["sETHPERP"].call("assetPrice") == (units("1234.5"), False)
    assert perps.markets["sBTCPERP"].call("assetPrice") == (units(30_000), False)


def test_profit_follows_the_price_and_funding_the_skew(perps: SynthetixPerpsV2, devnet: World) -> None:
    user = devnet.spare[0]
    perps.open(user, "sETHPERP", margin=1_000, size=2)
    opened = perps.account(user, "sETHPERP")
    devnet.prices.set(ETH=2100)
    moved = perps.account(user, "sETHPERP")
    assert moved.profit_loss == 2 * (units(2100) - opened.last_price)
    devnet.node.warp(30 * DAY_SECONDS)
    assert perps.account(user, "sETHPERP").accrued_funding < moved.accrued_funding


def test_liquidation_needs_a_flag_and_pays_both_keepers(perps: SynthetixPerpsV2, devnet: World) -> None:
    user, site = devnet.spare[0], perps.site
    perps.open(user, "sETHPERP", margin=1_000, size=5)
    with pytest.raises(TransactionReverted, match="Position not flagged"):
        perps.liquidate(user, "sETHPERP")
    devnet.prices.set(ETH=1800)
    perps.flag(user, "sETHPERP")
    perps.liquidate(user, "sETHPERP")
    said = perps.account(user, "sETHPERP")
    assert (said.margin, said.size) == (0, 0)
    flagger, keeper = (perps.susd.call("balanceOf", site.account(role)) for role in ("liquidator", "keeper"))
    assert flagger == 5 * 1800 * Globals().liquidation_fee_ratio
    assert keeper == Globals().keeper_liquidation_fee


def test_delayed_order_locks_its_deposit_and_pays_the_keeper(perps: SynthetixPerpsV2, devnet: World) -> None:
    user, market = devnet.spare[0], perps.markets["sBTCPERP"]
    perps.deposit(user, "sBTCPERP", 1_000)
    perps.submit_delayed_order(user, "sBTCPERP", "0.05")
    assert perps.account(user, "sBTCPERP").margin == units(998)
    assert market.call("delayedOrders", user)["keeperDeposit"] == units(2)
    with pytest.raises(TransactionReverted, match="Pending order exists"):
        perps.withdraw(user, "sBTCPERP", 1)
    devnet.node.warp(60)
    perps.execute_delayed_order(user, "sBTCPERP")
    assert perps.account(user, "sBTCPERP").size == units("0.05")
    assert perps.susd.call("balanceOf", perps.site.account("keeper")) == units(2)


def test_closing_and_withdrawing_leaves_nothing(perps: SynthetixPerpsV2, devnet: World) -> None:
    user = devnet.spare[0]
    perps.open(user, "sBTCPERP", margin=1_000, size="-0.1")
    perps.close(user, "sBTCPERP")
    left = perps.account(user, "sBTCPERP")
    assert left.size == 0
    assert 0 < left.margin < units(1_000)  # less the fees
    perps.withdraw(user, "sBTCPERP")
    assert perps.account(user, "sBTCPERP").margin == 0
    assert perps.susd.call("balanceOf", user) == left.margin


def test_invalid_and_zero_rates_stop_the_market(perps: SynthetixPerpsV2, devnet: World) -> None:
    perps.set_rate_invalid("sETHPERP")
    with pytest.raises(TransactionReverted, match="Invalid price"):
        perps.open(devnet.spare[0], "sETHPERP", margin=1_000, size=1)
    perps.set_rate("sETHPERP", 0)
    assert perps.markets["sETHPERP"].call("assetPrice") == (0, True)


def test_whole_amounts_are_exact() -> None:
    assert units("0.000000000000000001") == 1
    assert units(-3) == -3 * WAD
