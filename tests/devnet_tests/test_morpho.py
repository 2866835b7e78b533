"""The Morpho Blue of the test kit does what its tests rely on."""

from __future__ import annotations

import pytest

from tests.devnet.errors import TransactionReverted
from tests.devnet.morpho import MARKETS, WAD, MorphoBlue
from tests.devnet.world import World

USDC = 10**6


def test_markets_are_there_and_bear_interest(world: World) -> None:
    """Every market is known to the contract by its id; a month has passed since it was funded."""
    morpho = world.morpho_blue
    for key, kind in MARKETS.items():
        loan, collateral, _, _, lltv = morpho.morpho.call("idToMarketParams", morpho.market_id(key))
        assert loan == world.tokens[kind.loan].address
        assert (
            (collateral == world.tokens[kind.collateral].address)
            if kind.collateral
            else not int(collateral, 16)
        )
        assert (lltv, morpho.totals(key).fee) == (kind.lltv, kind.fee)
    assert world.node.timestamp - morpho.totals("wstETH/WETH").updated_at > 30 * 86_400
    assert {type(one) for one in world.deployments} >= {MorphoBlue}


def test_oracles_follow_the_market_in_the_loan_asset(devnet: World) -> None:
    """1.15 WETH per wstETH whatever ETH costs; 40,000 DAI per WBTC with 36 + 18 - 8 decimals."""
    morpho = devnet.morpho_blue
    devnet.prices.set(ETH=1_000)
    assert morpho.oracles["wstETH/WETH"].call("price") == 115 * 10**34
    assert morpho.oracles["wstETH/USDC"].call("price") == 1_150 * 10**24
    assert morpho.oracles["WBTC/DAI"].call("price") == 40_000 * 10**46


def test_open_move_and_liquidate(devnet: World) -> None:
    """Refused while healthy; after a fall, by shares; and what was lent can be taken out again."""
    morpho, user, key = devnet.morpho_blue, devnet.spare[0], "wstETH/USDC"
    morpho.supply_collateral(user, key, 10)
    morpho.borrow(user, key, raw=19_000 * USDC)
    morpho.fund_liquidator()
    shares = morpho.position(user, key).borrow_shares
    with pytest.raises(TransactionReverted, match="position is healthy"):
        morpho.liquidate(user, key, shares=shares)
    devnet.prices.set(ETH=1_900)
    done = morpho.liquidate(user, key, shares=shares)
    assert done.repaid_shares == shares
    assert done.bad_debt == 0
    assert morpho.position(user, key).borrow_shares == 0
    morpho.withdraw_collateral(user, key, raw=10 * WAD - done.seized)
    morpho.supply(user, key, "12.5")
    morpho.withdraw(user, key, raw=12 * USDC)
    morpho.accrue(key)
    assert morpho.totals(key).updated_at == devnet.node.timestamp


def test_vaults_pay_out_what_they_say(devnet: World) -> None:
    """One without a fee, one that keeps half a percent of what leaves."""
    morpho, user = devnet.morpho_blue, devnet.spare[0]
    for vault, expected in ((morpho.vault, 1_000 * USDC), (morpho.fee_vault, 995 * USDC)):
        morpho.deposit(user, vault, 1_000)
        assert vault.call("previewRedeem", vault.call("balanceOf", user)) == expected
