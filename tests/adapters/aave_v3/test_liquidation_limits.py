"""Against the real contracts: what holds a liquidation up, what may not remain, what is written off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aggregator.model.rules import Amount, Liquidated, Refused, Repayment
from tests.adapters.aave_v3.kit import read_market, set_configuration
from tests.adapters.aave_v3.liquidations import Liquidations
from tests.devnet.errors import TransactionReverted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.aave import Aave
    from tests.devnet.world import World

BOTH = pytest.mark.parametrize(
    "choose",
    [
        pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
        pytest.param(lambda world: world.aave_v36, id="v3.6"),
    ],
)
ALL = 2**255
PRICES = {"WETH": 2_000 * 10**8, "wstETH": 2_300 * 10**8, "WBTC": 40_000 * 10**8, "USDC": 10**8, "DAI": 10**8}
# Of 10 WETH with 15,000 USDC of debt: health 0.97 and 0.94.
BELOW_ONE, BELOW_95 = ({**PRICES, "WETH": dollars * 10**8} for dollars in (1_763, 1_709))


def _borrower(world: World, market: Aave) -> tuple[str, Liquidations]:
    user = world.spare[0]
    market.supply(user, "WETH", 10)
    market.borrow(user, "USDC", 15_000)
    return user, Liquidations(world, market, 0)


def _reason(found: Liquidated | Refused) -> str:
    assert isinstance(found, Refused), found
    return found.reason


@BOTH
def test_pause_and_inactivity(devnet: World, choose: Callable[[World], Aave]) -> None:
    """Of either side; a frozen reserve is liquidated as ever."""
    market = choose(devnet)
    user, all_of = _borrower(devnet, market)
    old = market is devnet.aave_v301

    def reason() -> str:
        rule = all_of.rule(user)
        return _reason(all_of.check(user, rule, BELOW_ONE, devnet.node.timestamp + 60, "WETH", "USDC", ALL))

    for symbol in ("WETH", "USDC"):
        with devnet.isolated():
            market.pause(symbol)
            assert reason() == ("RESERVE_PAUSED (29)" if old else "ReservePaused")
        with devnet.isolated():
            bits = market.pool.call("getConfiguration", market.asset(symbol))["data"]
            set_configuration(devnet, market, symbol, bits & ~(1 << 56))
            assert reason() == ("RESERVE_INACTIVE (27)" if old else "ReserveInactive")
        market.freeze(symbol)
    done = all_of.check(user, all_of.rule(user), BELOW_ONE, devnet.node.timestamp + 60, "WETH", "USDC", ALL)
    assert isinstance(done, Liquidated)


def test_grace_period_ends_with_its_last_second(devnet: World) -> None:
    """From V3.1: refused at the second that the pool names, liquidated one later."""
    market = devnet.aave_v36
    user, all_of = _borrower(devnet, market)
    for symbol in ("WETH", "USDC"):
        with devnet.isolated():
            market.pause(symbol)
            market.grant_grace(symbol, 3_600)
            until = devnet.node.timestamp + 3_600
            [warning] = read_market(devnet, market, user).warnings
            assert warning.startswith(f"nobody is liquidated over {symbol} on Aave V3.6 local until ")
            rule = all_of.rule(user)
            refused = all_of.check(user, rule, BELOW_ONE, until, "WETH", "USDC", ALL)
            assert _reason(refused) == "LiquidationGraceSentinelCheckFailed"
            done = all_of.check(user, rule, BELOW_ONE, until + 1, "WETH", "USDC", ALL)
            assert isinstance(done, Liquidated)


@BOTH
def test_sequencer_outage(devnet: World, choose: Callable[[World], Aave]) -> None:
    """Aave's sentinel: down, or up for too short a time, it spares whoever is at 0.95 or more."""
    market = choose(devnet)
    user, all_of = _borrower(devnet, market)
    sequencer = market.set_sentinel(grace_seconds=3_600)
    old = market is devnet.aave_v301
    for down, since in ((True, 0), (False, devnet.node.timestamp)):
        sequencer.send("setAnswer", down, since)
        rule, time = all_of.rule(user), devnet.node.timestamp + 60
        assert rule.sentinel_closed
        [warning] = read_market(devnet, market, user).warnings
        assert "outage of the sequencer" in warning
        held_up = all_of.check(user, rule, BELOW_ONE, time, "WETH", "USDC", ALL)
        assert _reason(held_up) == (
            "PRICE_ORACLE_SENTINEL_CHECK_FAILED (59)" if old else "PriceOracleSentinelCheckFailed"
        )
        # Without a reason to be liquidated the sentinel is asked first all the same.
        assert _reason(all_of.check(user, rule, PRICES, time, "WETH", "USDC", ALL)) == _reason(held_up)
        done = all_of.check(user, rule, BELOW_95, time, "WETH", "USDC", ALL)
        assert isinstance(done, Liquidated)
    devnet.node.warp(3_601)
    rule = all_of.rule(user)
    assert not rule.sentinel_closed
    assert read_market(devnet, market, user).warnings == ()
    done = all_of.check(user, rule, BELOW_ONE, devnet.node.timestamp + 60, "WETH", "USDC", ALL)
    assert isinstance(done, Liquidated)


def test_dust_begins_where_the_rule_says(devnet: World) -> None:
    """From V3.3: one unit less of the debt must remain 1,000 USD, one unit more the whole is taken."""
    market, user = devnet.aave_v36, devnet.spare[0]
    market.supply(user, "WETH", 2)
    market.borrow(user, "USDC", 3_000)
    all_of = Liquidations(devnet, market, 0)
    rule, time = all_of.rule(user), devnet.node.timestamp + 3_600
    prices = {**PRICES, "WETH": 1_700 * 10**8}
    [usdc] = [leg for leg in rule.legs if leg.owed_scaled]
    owed = usdc.owed(rule.maths, time)

    def check(units: int) -> Liquidated | Refused:
        return all_of.check(user, rule, prices, time, "WETH", "USDC", units)

    first_dust = owed - 1_000 * 10**6 + 1
    assert isinstance(check(first_dust - 1), Liquidated)
    assert _reason(check(first_dust)) == "MustNotLeaveDust"
    assert _reason(check(owed - 1)) == "MustNotLeaveDust"
    done = check(owed)
    assert isinstance(done, Liquidated)
    assert [all_of.symbols[feed.asset] for feed in done.successor.feeds] == ["WETH"]


def test_all_debts_are_written_off_with_the_last_collateral(devnet: World) -> None:
    """From V3.3: what the last collateral does not cover, of the debt repaid and of every other."""
    market, user = devnet.aave_v36, devnet.spare[0]
    market.supply(user, "WETH", 10)
    for symbol, amount in (("USDC", 8_000), ("DAI", 3_000), ("WBTC", "0.1")):
        market.borrow(user, symbol, amount)
    all_of = Liquidations(devnet, market, 0)
    rule, time = all_of.rule(user), devnet.node.timestamp + 86_400
    prices = {**PRICES, "WETH": 700 * 10**8}
    done = all_of.check(user, rule, prices, time, "WETH", "USDC", ALL)
    assert isinstance(done, Liquidated)
    assert [all_of.symbols[amount.asset] for amount in done.bad_debt] == ["USDC", "WBTC", "DAI"]
    assert done.successor.feeds == ()


def test_collateral_left_over_is_no_reason_to_write_off(devnet: World) -> None:
    """The debt stays as long as any collateral does."""
    market, user = devnet.aave_v36, devnet.spare[0]
    market.supply(user, "WETH", 5)
    market.supply(user, "WBTC", "0.01")
    market.borrow(user, "USDC", 8_000)
    all_of = Liquidations(devnet, market, 0)
    prices = {**PRICES, "WETH": 900 * 10**8}
    time = devnet.node.timestamp + 60
    done = all_of.check(user, all_of.rule(user), prices, time, "WETH", "USDC", ALL)
    assert isinstance(done, Liquidated)
    assert done.bad_debt == ()
    assert len(done.successor.feeds) == 2


@BOTH
def test_collateral_that_was_delisted(devnet: World, choose: Callable[[World], Aave]) -> None:
    """With threshold and bonus zero: not to be seized on V3.0; on V3.6 the pool divides by its bonus."""
    market = choose(devnet)
    user, all_of = _borrower(devnet, market)
    market.supply(user, "WBTC", "0.1")
    bits = market.pool.call("getConfiguration", market.asset("WBTC"))["data"]
    set_configuration(devnet, market, "WBTC", bits & ~0xFFFFFFFFFFFF)
    rule, time = all_of.rule(user), devnet.node.timestamp + 60
    if market is devnet.aave_v301:
        refused = all_of.check(user, rule, BELOW_ONE, time, "WBTC", "USDC", ALL)
        assert _reason(refused) == "COLLATERAL_CANNOT_BE_LIQUIDATED (46)"
        return
    offer = Repayment(Amount(all_of.assets["USDC"], ALL), all_of.assets["WBTC"])
    prices = {all_of.assets[symbol]: price for symbol, price in BELOW_ONE.items()}
    assert "no liquidation bonus" in _reason(rule.liquidate(prices, time, offer))
    market.set_feed("WETH", BELOW_ONE["WETH"])
    with pytest.raises(TransactionReverted) as caught:
        market.liquidate_units(user, "WBTC", "USDC", ALL)
    assert caught.value.data == b""
    # Without a fee it does not get to divide, and burns nothing in the end.
    set_configuration(devnet, market, "WBTC", bits & ~0xFFFFFFFFFFFF & ~(0xFFFF << 152))
    rule, time = all_of.rule(user), devnet.node.timestamp + 60
    refused = all_of.check(user, rule, BELOW_ONE, time, "WBTC", "USDC", ALL)
    assert _reason(refused) == "InvalidBurnAmount"
