"""The option market of the test kit does what its tests rely on."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.devnet.errors import TransactionReverted
from tests.devnet.lyra import EXPIRIES_SECONDS, STRIKES, Kind
from tests.devnet.lyra_deploy import WEEK, units
from tests.devnet.world import World


def test_seeded_wallet_holds_a_long_put_and_a_partially_collateralised_short_call(world: World) -> None:
    """The options of the three-protocol wallet are there, and healthy."""
    lyra = world.lyra_v1
    put, call = lyra.positions(world.wallets["hedged"])
    assert (put.kind, put.collateral) == (Kind.LONG_PUT, 0)
    assert call.kind is Kind.SHORT_CALL_QUOTE
    strike = lyra.strike(call.strike_id)["strikePrice"]
    assert lyra.min_collateral(call) < call.collateral < call.amount * strike // 10**18


def test_boards_lie_on_both_sides_of_the_shock_volatility(world: World) -> None:
    """Two expiries with all strikes each."""
    lyra = world.lyra_v1
    ages = [lyra.expiry(board) - world.node.timestamp for board in lyra.boards()]
    assert all(0 < wanted - found < WEEK for found, wanted in zip(ages, EXPIRIES_SECONDS, strict=True))
    assert all(len(lyra.market.call("getBoardStrikes", board)) == len(STRIKES) for board in lyra.boards())


def test_price_drives_the_spot_and_a_rise_makes_a_short_call_liquidatable(devnet: World) -> None:
    """Liquidation is refused while healthy and burns the position after a rise."""
    lyra, user = devnet.lyra_v1, devnet.wallets["hedged"]
    short = lyra.positions(user)[1]
    with pytest.raises(TransactionReverted, match="PositionNotLiquidatable"):
        lyra.liquidate(short.id)
    devnet.prices.set(ETH="2900.5")
    assert lyra.spot() == units("2900.5")
    assert lyra.min_collateral(short) > short.collateral
    lyra.liquidate(short.id)
    assert [p.id for p in lyra.positions(user)] == [lyra.positions(user)[0].id]


@pytest.mark.parametrize(
    ("kind", "collateral"),
    [
        (Kind.LONG_CALL, 0),
        (Kind.LONG_PUT, 0),
        (Kind.SHORT_CALL_BASE, "0.9"),
        (Kind.SHORT_CALL_QUOTE, 1500),
        (Kind.SHORT_PUT_QUOTE, 1500),
    ],
)
def test_every_kind_opens_and_closes(devnet: World, kind: Kind, collateral: int | str) -> None:
    """Open 1.5, close 0.5 with the collateral kept, then the rest."""
    lyra, user = devnet.lyra_v1, devnet.spare[0]
    strike = lyra.strike_id(lyra.boards()[0], 2000)
    opened = lyra.open(user, strike, kind, "1.5", collateral)
    lyra.close(user, opened, Decimal("0.5"), collateral)
    found = lyra.position(opened)
    assert (found.kind, found.amount, found.collateral) == (kind, units(1), units(collateral))
    lyra.close(user, opened)
    assert lyra.positions(user) == []


def test_too_little_collateral_is_refused(devnet: World) -> None:
    """The market checks the minimum on opening."""
    lyra = devnet.lyra_v1
    strike = lyra.strike_id(lyra.boards()[0], 2000)
    with pytest.raises(TransactionReverted, match="MinimumCollateralNotBeingMet"):
        lyra.open(devnet.spare[0], strike, Kind.SHORT_PUT_QUOTE, 10, 300)


def test_an_expired_board_is_settled_and_pays_out(devnet: World) -> None:
    """A long put in the money is paid the difference to the settlement price."""
    lyra, user = devnet.lyra_v1, devnet.wallets["hedged"]
    board = lyra.boards()[0]
    devnet.node.warp(EXPIRIES_SECONDS[0])
    devnet.prices.set(ETH=1700)
    lyra.settle_board(board)
    put = lyra.positions(user)[0]
    lyra.settle([put.id])
    assert lyra.quote.call("balanceOf", user) == put.amount * 100
    assert len(lyra.positions(user)) == 1


def test_a_zero_or_invalid_rate_stops_the_market(devnet: World) -> None:
    """The adapter refuses both."""
    lyra = devnet.lyra_v1
    for rate, invalid in ((0, False), (units(2000), True)):
        lyra.set_rate(rate, invalid=invalid)
        with pytest.raises(TransactionReverted, match="RateIsInvalid"):
            lyra.spot()
