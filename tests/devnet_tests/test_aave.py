"""Operations on both real versions of Aave: what the other tests rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.devnet.errors import TransactionReverted

if TYPE_CHECKING:
    from tests.devnet.aave import Aave
    from tests.devnet.world import World

WAD = 10**18
YEAR_SECONDS = 31_536_000


@pytest.fixture(params=["aave_v3_6", "aave_v3_0_1"])
def market(request: pytest.FixtureRequest, devnet: World) -> Aave:
    """Each version in turn, with changes undone afterwards."""
    found: Aave = devnet.aave_v36 if request.param == "aave_v3_6" else devnet.aave_v301
    return found


def borrower(market: Aave, world: World, debt: int | str = 15_000) -> str:
    """A wallet with 10 WETH, worth 20,000, and a debt in USDC."""
    user = world.spare[0]
    market.supply(user, "WETH", 10)
    market.borrow(user, "USDC", debt)
    return user


def test_the_revision_is_the_promised_one(market: Aave) -> None:
    assert market.pool.call("POOL_REVISION") == market.revision


def test_account_data_follow_positions_and_prices(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet)
    data = market.account_data(user)
    assert data.collateral_base // 10**8 == 20_000
    assert data.debt_base // 10**8 == 15_000
    assert (data.threshold_bps, data.ltv_bps) == (8250, 8000)
    devnet.prices.set(ETH=1000)
    halved = market.account_data(user)
    assert halved.collateral_base // 10**8 == 10_000
    assert halved.health_factor / WAD == pytest.approx(0.55, rel=1e-6)


def test_interest_accrues_on_both_sides(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet)
    supplied, owed = market.supplied(user, "WETH"), market.owed(user, "USDC")
    devnet.node.warp(YEAR_SECONDS)
    # The optimum of 80% costs 4%; 60% of USDC and 16% of WETH are lent out, the lender keeps 10% less.
    assert market.owed(user, "USDC") / owed - 1 == pytest.approx(0.0305, rel=0.02)
    assert market.supplied(user, "WETH") / supplied - 1 == pytest.approx(0.00115, rel=0.02)


def test_liquidation_starts_where_health_falls_below_one(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet)
    with pytest.raises(TransactionReverted):
        market.liquidate(user, "WETH", "USDC")
    devnet.prices.set(ETH=1800)
    assert market.account_data(user).health_factor < WAD
    before = market.owed(user, "USDC")
    done = market.liquidate(user, "WETH", "USDC", 1_000)
    assert done.repaid == 1_000 * 10**6
    # 1000 USD of WETH at 1800 with 5% bonus, of which a tenth goes to the protocol.
    assert done.seized / WAD == pytest.approx(1_000 * 1.045 / 1800, rel=1e-3)
    assert market.owed(user, "USDC") == pytest.approx(before - 1_000 * 10**6, abs=10**4)


def test_the_close_factor_tells_the_versions_apart(market: Aave, devnet: World) -> None:
    """Below 2000 USD, V3.6 lets everything be repaid at once, V3.0.1 half of it."""
    user = devnet.spare[1]
    market.supply(user, "WETH", 1)
    market.borrow(user, "USDC", 1_599)
    devnet.prices.set(ETH=1930)
    assert 0.95 < market.account_data(user).health_factor / WAD < 1
    owed = market.owed(user, "USDC")
    done = market.liquidate(user, "WETH", "USDC")
    share = {10: 1.0, 1: 0.5}[market.revision]
    assert done.repaid / owed == pytest.approx(share, rel=1e-6)


def test_repaying_and_withdrawing_everything_leaves_nothing(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet)
    devnet.node.warp(86_400)
    market.repay(user, "USDC")
    market.withdraw(user, "WETH")
    data = market.account_data(user)
    assert (data.collateral_base, data.debt_base) == (0, 0)
    assert data.health_factor == 2**256 - 1
    assert devnet.tokens.balance("WETH", user) > 10 * WAD


def test_partial_repayment_and_withdrawal(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet)
    market.repay(user, "USDC", "5000.5")
    market.withdraw(user, "WETH", 1)
    data = market.account_data(user)
    assert data.debt_base / 10**8 == pytest.approx(9_999.5, rel=1e-6)
    assert data.collateral_base / 10**8 == pytest.approx(18_000, rel=1e-6)


def test_emode_raises_the_thresholds_of_its_category(market: Aave, devnet: World) -> None:
    user = devnet.spare[2]
    market.supply(user, "wstETH", 10)
    assert market.account_data(user).threshold_bps == 8100
    market.set_emode(user, 1)
    market.borrow(user, "WETH", 10)
    data = market.account_data(user)
    assert (data.threshold_bps, data.ltv_bps) == (9300, 9000)
    assert data.health_factor / WAD == pytest.approx(11.5 * 0.93 / 10, rel=1e-6)
    with pytest.raises(TransactionReverted):
        market.borrow(user, "USDC", 1)


def test_collateral_can_be_switched_off(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet, 5_000)
    market.supply(user, "WBTC", 1)
    market.set_collateral(user, "WETH", enabled=False)
    assert market.account_data(user).collateral_base == pytest.approx(40_000 * 10**8, rel=1e-6)


@pytest.mark.parametrize("answer", [0, -1])
def test_a_price_of_zero_or_below_breaks_the_accounts_that_hold_it(
    market: Aave, devnet: World, answer: int
) -> None:
    user, other = borrower(market, devnet), devnet.spare[3]
    market.supply(other, "DAI", 100)
    market.set_feed("WETH", answer)
    with pytest.raises(TransactionReverted):
        market.account_data(user)
    assert market.account_data(other).collateral_base // 10**8 == 100
    devnet.prices.refresh()
    assert market.account_data(user).collateral_base > 0


def test_an_unused_reserve_leaves_a_hole_when_dropped(market: Aave, devnet: World) -> None:
    with pytest.raises(TransactionReverted):
        market.drop_reserve("USDC")
    user = borrower(market, devnet)
    before = market.account_data(user).collateral_base
    market.drop_reserve("wstETH")
    listed = market.pool.call("getReservesList")
    assert listed == [market.asset(symbol) for symbol in ("WETH", "WBTC", "USDC", "DAI")]
    assert market.account_data(user).collateral_base >= before


def test_a_frozen_reserve_takes_no_supply(market: Aave, devnet: World) -> None:
    market.freeze("WETH")
    with pytest.raises(TransactionReverted):
        market.supply(devnet.spare[4], "WETH", 1)
    market.freeze("WETH", frozen=False)
    market.supply(devnet.spare[4], "WETH", 1)


def test_a_paused_reserve_cannot_be_liquidated(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet)
    devnet.prices.set(ETH=1500)
    market.pause("WETH")
    with pytest.raises(TransactionReverted):
        market.liquidate(user, "WETH", "USDC")
    market.pause("WETH", paused=False)
    assert market.liquidate(user, "WETH", "USDC", 1_000).repaid == 1_000 * 10**6


def test_changed_risk_parameters_apply_at_once(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet)
    market.configure("WETH", ltv_bps=5000, threshold_bps=6000, bonus_bps=10500)
    data = market.account_data(user)
    assert (data.threshold_bps, data.ltv_bps) == (6000, 5000)
    assert data.health_factor / WAD == pytest.approx(0.8, rel=1e-6)


def test_an_oracle_can_be_pointed_at_another_contract(market: Aave, devnet: World) -> None:
    user = borrower(market, devnet)
    market.set_feed_source("WETH", devnet.feeds["WBTC"].address)
    assert market.account_data(user).collateral_base // 10**8 == 400_000


def test_old_markets_still_have_stable_debt(devnet: World) -> None:
    market, user = devnet.aave_v301, devnet.spare[5]
    market.supply(user, "WETH", 10)
    market.borrow_stable(user, "USDC", 1_000)
    assert market.owed(user, "USDC") == 0
    assert market.account_data(user).debt_base // 10**8 == 1_000
