"""What becomes of positions after their expiry, and of a market that is paused, frozen or without a price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aggregator.model.errors import UnusablePrice
from aggregator.model.positions import Option, Supply
from tests.adapters.lyra_v1.deployed import read
from tests.devnet.errors import TransactionReverted
from tests.devnet.lyra import EXPIRIES_SECONDS, Kind, LyraV1
from tests.devnet.lyra_deploy import units

if TYPE_CHECKING:
    from aggregator.model.accounts import Account
    from aggregator.model.readings import Reading
    from tests.devnet.world import World

WAD = 10**18
COLLATERAL: dict[Kind, int | str] = {
    Kind.LONG_CALL: 0,
    Kind.LONG_PUT: 0,
    Kind.SHORT_CALL_BASE: "1.4",
    Kind.SHORT_CALL_QUOTE: 1_900,
    Kind.SHORT_PUT_QUOTE: 2_200,
}


def open_every_kind(lyra: LyraV1, user: str) -> dict[Kind, int]:
    """One and a half options of every kind at a strike of 2000 on the nearest board; their ids."""
    strike = lyra.strike_id(lyra.boards()[0], 2000)
    return {kind: lyra.open(user, strike, kind, "1.5", collateral) for kind, collateral in COLLATERAL.items()}


def shorts(reading: Reading) -> dict[int, Account]:
    """Accounts of shorts by position id."""
    accounts = [account for account in reading.accounts if not account.id.endswith(":long")]
    return {int(account.id.rpartition(":")[2]): account for account in accounts}


@pytest.mark.parametrize("spot", [1500, 2000, 2700])
def test_expired_and_unsettled_positions_count_at_intrinsic_value(devnet: World, spot: int) -> None:
    """They stay, without a rule: the protocol's view may flag them, but it liquidates nothing any more."""
    lyra, user = devnet.lyra_v1, devnet.spare[0]
    opened = open_every_kind(lyra, user)
    devnet.node.warp(EXPIRIES_SECONDS[0])
    devnet.prices.set(ETH=spot)
    reading = read(devnet, user)
    assert len(reading.accounts) == 4
    options = [p for account in reading.accounts for p in account.positions if isinstance(p, Option)]
    assert len(options) == 5
    for option in options:
        value = spot - 2000 if option.right == "call" else 2000 - spot
        assert option.mark_raw == max(value, 0) * WAD
    for account in reading.accounts:
        assert account.rule is None
        assert account.reported is None
    assert len(reading.warnings) == 5
    assert all("has expired and its board is not settled" in sentence for sentence in reading.warnings)
    with pytest.raises(TransactionReverted, match="BoardExpired"):
        lyra.liquidate(opened[Kind.SHORT_CALL_QUOTE])


@pytest.mark.parametrize("spot", [400, 1500, 2000, 2700, 9000])
def test_settled_positions_count_what_they_are_paid(devnet: World, spot: int) -> None:
    """The payout of every kind equals what `settleOptions` then transfers, insolvent shorts included."""
    lyra, user = devnet.lyra_v1, devnet.spare[0]
    opened = open_every_kind(lyra, user)
    board = lyra.boards()[0]
    devnet.node.warp(EXPIRIES_SECONDS[0])
    devnet.prices.set(ETH=spot)
    lyra.settle_board(board)
    devnet.prices.set(ETH=2100)  # what comes after the settlement doesn't matter

    reading = read(devnet, user)
    assert all(f"is settled at {spot}:" in sentence for sentence in reading.warnings)
    assert len(reading.warnings) == 5
    by_id = shorts(reading)
    assert set(by_id) == {opened[kind] for kind in opened if kind >= Kind.SHORT_CALL_BASE}
    [longs] = [account for account in reading.accounts if account.id.endswith(":long")]
    paid = {
        **{position: account.positions[0] for position, account in by_id.items()},
        opened[Kind.LONG_CALL]: longs.positions[0],
        opened[Kind.LONG_PUT]: longs.positions[1],
    }
    claims = {position: claim for position, claim in paid.items() if isinstance(claim, Supply)}
    assert len(claims) == 5
    # The pool took the board's whole collateral; it gives back what insolvent shorts owe when they settle.
    lyra.settle([lyra.positions(devnet.wallets["hedged"])[1].id])
    for position in sorted(claims, key=lambda position: claims[position].raw):
        claim = claims[position]
        assert not claim.is_collateral
        in_base = position == opened[Kind.SHORT_CALL_BASE]
        token = lyra.base if in_base else lyra.quote
        assert claim.asset.symbol == ("sETH" if in_base else "sUSD")
        before = token.call("balanceOf", user)
        lyra.settle([position])
        assert token.call("balanceOf", user) - before == claim.raw
    assert read(devnet, user).accounts == ()


def test_long_and_short_of_one_series_share_a_strike(devnet: World) -> None:
    """One account per short, one for all longs; sizes are signed."""
    lyra, user = devnet.lyra_v1, devnet.spare[0]
    opened = open_every_kind(lyra, user)
    reading = read(devnet, user)
    by_id = shorts(reading)
    assert set(by_id) == {opened[kind] for kind in opened if kind >= Kind.SHORT_CALL_BASE}
    option, collateral = by_id[opened[Kind.SHORT_CALL_BASE]].positions
    assert isinstance(option, Option)
    assert isinstance(collateral, Supply)
    assert (option.size_raw, option.right) == (-units("1.5"), "call")
    assert (collateral.asset.symbol, collateral.raw, collateral.is_collateral) == ("sETH", units("1.4"), True)
    longs = [account for account in reading.accounts if account.rule is None]
    assert [[p.size_raw for p in one.positions if isinstance(p, Option)] for one in longs] == [
        [units("1.5"), units("1.5")]
    ]
    # The long call of the same series.
    assert option.mark_raw is not None
    assert option.mark_raw in [p.mark_raw for one in longs for p in one.positions if isinstance(p, Option)]
    strike = lyra.strike(lyra.position(opened[Kind.LONG_PUT]).strike_id)
    iv = lyra.market.call("getOptionBoard", strike["boardId"])["iv"] * strike["skew"] / WAD**2
    assert option.iv == pytest.approx(iv, rel=1e-15)
    assert reading.warnings == ()


@pytest.mark.parametrize(("rate", "invalid"), [(0, False), (2000 * WAD, True)])
def test_an_unusable_price_is_an_error_for_holders_only(devnet: World, rate: int, *, invalid: bool) -> None:
    """Zero, or flagged by Synthetix: no number; who holds nothing here is told and loses nothing."""
    devnet.lyra_v1.set_rate(rate, invalid=invalid)
    with pytest.raises(UnusablePrice, match="can't be valued"):
        read(devnet, devnet.wallets["hedged"])
    reading = read(devnet, devnet.wallets["empty"])
    assert (reading.accounts, reading.quotes) == ((), ())
    assert "gives no prices" in reading.warnings[0]


def test_a_paused_market_is_read_and_named(devnet: World) -> None:
    """The market's own spot view reverts while it is paused; positions still have their value."""
    lyra, wallet = devnet.lyra_v1, devnet.wallets["hedged"]
    before = read(devnet, wallet)
    lyra.adapter.send("setMarketPaused", lyra.market.address, True)  # noqa: FBT003 - a Solidity argument
    with pytest.raises(TransactionReverted):
        lyra.spot()
    after = read(devnet, wallet)
    assert after.quotes == before.quotes
    assert [len(one.accounts) for one in (before, after)] == [2, 2]
    assert after.warnings == ("Lyra V1 ETH local is paused: nothing can be traded or liquidated there.",)


def test_a_frozen_board_is_named(devnet: World) -> None:
    """Its options can be neither closed nor liquidated."""
    lyra, wallet = devnet.lyra_v1, devnet.wallets["hedged"]
    lyra.market.send("setBoardFrozen", lyra.boards()[0], True)  # noqa: FBT003 - a Solidity argument
    assert ["is on a frozen board" in sentence for sentence in read(devnet, wallet).warnings] == [True, True]
