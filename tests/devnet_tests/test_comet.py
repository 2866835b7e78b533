"""Operations on the stand-in for Compound V3: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devnet.comet import BORROW_CURVE, SUPPLY_CURVE, factor
from tests.devnet.errors import TransactionReverted

if TYPE_CHECKING:
    from tests.devnet.comet import CometUsdc
    from tests.devnet.world import World

USDC, WETH = 10**6, 10**18


@pytest.fixture
def comet(devnet: World) -> CometUsdc:
    """The comet of USDC, with changes undone afterwards."""
    return devnet.comet_usdc


def test_stand_in_prices_its_assets_as_the_market(devnet: World) -> None:
    """In USD, or in the base, which costs one."""
    devnet.prices.set(ETH=2500, BTC=50_000)
    for comet, symbol, price in (
        (devnet.comet_usdc, "WETH", 2_500 * 10**8),
        (devnet.comet_usdc, "USDC", 10**8),
        (devnet.comet_weth, "WETH", 10**8),
        (devnet.comet_weth, "WBTC", 20 * 10**8),
        (devnet.comet_weth, "wstETH", 115_000_000),
    ):
        assert comet.comet.call("getPrice", comet.feeds[symbol].address) == price


def test_stand_in_lends_and_borrows(comet: CometUsdc, devnet: World) -> None:
    """Supply grows, debt grows faster; both are what the tokens moved at first."""
    lender, user = devnet.spare[:2]
    comet.supply(lender, "USDC", 1_000)
    comet.supply(user, "WETH", 1)
    comet.borrow(user, 1_000)
    assert comet.tokens.balance("USDC", user) == 1_000 * USDC
    # A few seconds have passed.
    assert 1_000 * USDC - 1 <= comet.supplied(lender) < 1_000 * USDC + 20
    assert 1_000 * USDC <= comet.owed(user) < 1_000 * USDC + 20
    devnet.node.warp(365 * 86_400)
    earned, cost = comet.supplied(lender) - 1_000 * USDC, comet.owed(user) - 1_000 * USDC
    # 85.x% are lent: by the curves above their kinks.
    assert 45 * USDC < earned < cost < 70 * USDC
    comet.repay_all(user)
    assert comet.owed(user) == 0
    comet.withdraw(user, "WETH", 1)
    assert comet.comet.call("userBasic", user)[3] == 0


def test_stand_in_refuses_as_a_comet_does(comet: CometUsdc, devnet: World) -> None:
    """By the names of a comet's errors."""
    user = devnet.spare[0]
    comet.supply(user, "WETH", 1)
    with pytest.raises(TransactionReverted, match="NotCollateralized"):
        comet.borrow(user, 1_661)
    with pytest.raises(TransactionReverted, match="BorrowTooSmall"):
        comet.borrow(user, 99)
    comet.borrow(user, 1_600)
    with pytest.raises(TransactionReverted, match="NotLiquidatable"):
        comet.absorb(user)
    comet.pause("withdraw", "absorb")
    for refused in (lambda: comet.borrow(user, 100), lambda: comet.absorb(user)):
        with pytest.raises(TransactionReverted, match="Paused"):
            refused()
    comet.set_feed("WETH", 0)
    with pytest.raises(TransactionReverted, match="BadPrice"):
        comet.comet.call("isLiquidatable", user)


def test_stand_in_rates_bend_at_the_kink(world: World) -> None:
    """Against the curves per year."""
    comet = world.comet_usdc.comet
    for function, curve in (("getSupplyRate", SUPPLY_CURVE), ("getBorrowRate", BORROW_CURVE)):
        for used in (0.0, 0.5, 0.8, 0.95):
            rate = comet.call(function, factor(str(used))) * 31_536_000 / 10**18
            above = max(used - 0.8, 0)
            expected = float(curve.base) + float(curve.low) * (used - above) + float(curve.high) * above
            assert rate == pytest.approx(expected, rel=1e-9, abs=1e-10)


def test_stand_in_absorbs_and_sells(comet: CometUsdc, devnet: World) -> None:
    """All collateral is taken at 95% and sold at half of the penalty; the rest of the credit is kept."""
    user, buyer = devnet.spare[:2]
    comet.supply(user, "WETH", 10)
    comet.borrow(user, 16_000)
    devnet.prices.set(ETH=1_700)
    absorbed = comet.absorb(user)
    assert absorbed.base_paid_out >= 16_000 * USDC
    # 10 * 1700 * 0.95 = 16,150 of credit.
    assert 149 * USDC < comet.supplied(user) < 150 * USDC
    assert comet.collateral(user, "WETH") == 0
    devnet.tokens.mint("USDC", buyer, 1_000)
    devnet.tokens["USDC"].send("approve", comet.comet.address, 1_000 * USDC, sender=buyer)
    quoted = comet.comet.call("quoteCollateral", comet.asset("WETH"), 1_000 * USDC)
    comet.comet.send("buyCollateral", comet.asset("WETH"), quoted, 1_000 * USDC, buyer, sender=buyer)
    assert devnet.tokens.balance("WETH", buyer) == quoted
    assert quoted == pytest.approx(1_000 / (1_700 * 0.975) * WETH, rel=1e-9)


def test_stand_in_starts_uninitialised_only_once(world: World) -> None:
    """A second start would reset the indices."""
    with pytest.raises(TransactionReverted, match="AlreadyInitialized"):
        world.comet_usdc.comet.call("initializeStorage")
