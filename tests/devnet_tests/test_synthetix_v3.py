"""Operations on the real perps market of Synthetix V3: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devnet.errors import TransactionReverted
from tests.devnet.synthetix_v3 import LARGEST_ID
from tests.devnet.synthetix_v3_deploy import BTC, ETH, S_ETH, SNX_USD

if TYPE_CHECKING:
    from tests.devnet.synthetix_v3 import SynthetixV3
    from tests.devnet.world import World

WAD = 10**18


@pytest.fixture
def perps(perps_devnet: World) -> SynthetixV3:
    """The perps market, with changes undone afterwards."""
    return perps_devnet.synthetix_v3


def test_the_hedged_wallet_has_two_accounts(perps_world: World) -> None:
    token, user = perps_world.synthetix_v3.account_token, perps_world.wallets["hedged"]
    assert token.call("balanceOf", user) == 2
    assert [token.call("tokenOfOwnerByIndex", user, i) for i in (0, 1)] == [17, LARGEST_ID]
    assert perps_world.synthetix_v3.perps.call("getAccountOpenPositions", 17) == [ETH]
    assert perps_world.synthetix_v3.perps.call("getAccountCollateralIds", LARGEST_ID) == [SNX_USD, S_ETH]


def test_one_market_of_prices_drives_indices_and_synths(perps: SynthetixV3, perps_devnet: World) -> None:
    perps_devnet.prices.set(ETH="1234.5", BTC=30_000)
    assert perps.perps.call("indexPrice", ETH) == 12_345 * WAD // 10
    assert perps.perps.call("indexPrice", BTC) == 30_000 * WAD
    assert perps.spot.call("indexPrice", S_ETH, 2, 0) == 12_345 * WAD // 10


def test_only_who_fails_is_liquidated(perps: SynthetixV3, perps_devnet: World) -> None:
    with pytest.raises(TransactionReverted, match="NotEligibleForLiquidation"):
        perps.liquidate(17)
    perps_devnet.prices.set(ETH=2_500)
    assert perps.margins(17).can_liquidate
    receipt = perps.liquidate(17)
    [attempt] = perps.perps.events(receipt, "AccountLiquidationAttempt")
    assert attempt["fullLiquidation"]
    assert perps.collateral(17, SNX_USD) == 0


def test_margin_goes_in_and_out(perps: SynthetixV3, perps_devnet: World) -> None:
    user = perps_devnet.spare[0]
    perps.create(user, 5)
    perps.deposit(user, 5, S_ETH, 3)
    perps.withdraw(user, 5, S_ETH, 1)
    assert perps.collateral(5, S_ETH) == 2 * WAD
    with pytest.raises(TransactionReverted, match="PermissionDenied"):
        perps.withdraw(perps_devnet.spare[1], 5, S_ETH, 1)
