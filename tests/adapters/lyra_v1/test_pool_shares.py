"""Shares of the liquidity pool: by hand, and against the real pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.lyra_v1 import calls, closing_calls, pool_calls
from adapters.lyra_v1.closing_calls import GlobalGreeks
from adapters.lyra_v1.pool_calls import Board, Queued, Strike, TokenPrice
from aggregator.contract import Function
from aggregator.model.errors import CallReverted, ProviderUnavailable
from aggregator.model.positions import Debt, Option, Position, Supply
from tests.adapters.lyra_v1.deployed import read
from tests.adapters.lyra_v1.test_read import ANSWERS, DAY, NOW, OTHER, WAD, WALLET, asked
from tests.devnet.chain import MAX_UINT256
from tests.devnet.lyra_deploy import WEEK, units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.devnet.world import World

BOARD = Board(1, NOW + 30 * DAY, 8 * WAD // 10, 0, (Strike(2_000 * WAD, WAD, 50_000 * WAD, -20_000 * WAD),))
POOL: dict[Function[Any], Any] = {
    pool_calls.BOARDS: (BOARD,),
    # What the pool is worth at the price below.
    pool_calls.TOTAL_SHARES: 10**8 * WAD * 10 // 11,
    closing_calls.NET_VALUE: 10**8 * WAD,
    closing_calls.GLOBAL_GREEKS: GlobalGreeks(-WAD, -9_000_000 * WAD),
}
EMPTY: dict[Function[Any], Any] = {**ANSWERS, **POOL, calls.OWNER_POSITIONS: ()}
PRICE = TokenPrice(11 * WAD // 10, is_stale=False, breaker_until=NOW)
SHARES = 3_000 * WAD + 1
HOLDER: dict[Function[Any], Any] = {**EMPTY, calls.BALANCE: SHARES, pool_calls.TOKEN_PRICE: PRICE}


def worth(positions: Sequence[Position], spot: int = 1_500 * WAD) -> int:
    """What they are worth in quote with 18 decimals, options at their marks."""
    total = 0
    for one in positions:
        if isinstance(one, Option):
            assert one.mark_raw is not None
            total += one.size_raw * one.mark_raw
        else:
            assert isinstance(one, Supply | Debt)
            price = spot if one.asset.symbol == "sETH" else WAD
            total += price * (one.raw if isinstance(one, Supply) else -one.raw)
    return total // WAD


def test_a_share_is_its_part_of_what_the_pool_has() -> None:
    """The other side of traders' options, base, the hedge, cash, and a residual: in all the pool's price."""
    reading, batches = asked(HOLDER)
    assert len(batches) == 3
    [account] = reading.accounts
    assert account.id.endswith(f":{WALLET}:pool")
    assert (account.label, account.rule, account.reported) == ("Lyra pool share", None, None)
    call, put, *rest = account.positions
    assert isinstance(call, Option)
    assert isinstance(put, Option)
    supply = POOL[pool_calls.TOTAL_SHARES]
    assert (call.right, call.size_raw) == ("call", -(50_000 * WAD * SHARES // supply))
    assert (put.right, put.size_raw) == ("put", 20_000 * WAD * SHARES // supply)
    assert (call.instrument, call.iv, call.side, put.side) == (
        "ETH 2026-12-30 2000 call",
        0.8,
        "writer",
        "holder",
    )
    signs = [(type(one).__name__, one.asset.symbol) for one in rest if isinstance(one, Supply | Debt)]
    assert signs == [
        ("Supply", "sUSD"),
        ("Supply", "sETH"),
        ("Supply", "sUSD"),
        ("Debt", "sETH"),
        (signs[-1][0], "sUSD"),
    ]
    assert rest[-1].origin.endswith("what no part of the pool explains")
    assert abs(worth(account.positions) - SHARES * 11 // 10) <= 1
    assert reading.warnings == ()


def test_what_the_parts_do_not_explain_is_said_where_it_is_much() -> None:
    """The pool's cached prices of options are far from today's."""
    far = {**HOLDER, closing_calls.GLOBAL_GREEKS: GlobalGreeks(-WAD, -20_000_000 * WAD)}
    reading, _ = asked(far)
    [sentence] = reading.warnings
    assert "of its value is what the pool's price has beyond its parts" in sentence
    assert abs(worth(reading.accounts[0].positions) - SHARES * 11 // 10) <= 1


@pytest.mark.parametrize(
    "bad",
    [
        {pool_calls.BOARDS: CallReverted("getLiveBoards", "no")},
        {pool_calls.TOTAL_SHARES: CallReverted("getTotalTokenSupply", "no")},
        {pool_calls.TOTAL_SHARES: SHARES - 1},
        {closing_calls.POOL_HEDGER: OTHER},
        {pool_calls.BOARDS: (BOARD._replace(settled_at=WAD),)},
        {pool_calls.BOARDS: (BOARD._replace(strikes=(Strike(10**40, WAD, WAD * WAD, 0),)),)},
    ],
)
def test_what_can_not_be_looked_through_counts_as_quote_and_is_named(bad: dict[Function[Any], Any]) -> None:
    """The pool's own price is still right; the exposure is said to be missing."""
    reading, _ = asked({**HOLDER, **bad})
    [account] = reading.accounts
    [share] = account.positions
    assert isinstance(share, Supply)
    assert (share.raw, share.asset.symbol, share.is_collateral) == (SHARES * 11 // 10, "sUSD", False)
    [sentence] = reading.warnings
    assert "can't be looked through" in sentence


def test_who_holds_no_shares_asks_for_no_parts() -> None:
    """Neither boards nor what the pool has."""
    _, batches = asked(EMPTY)
    assert len(batches) == 2
    told = {call.function for batch in batches for call in batch}
    assert not told & {pool_calls.BOARDS, pool_calls.TOTAL_SHARES, closing_calls.NET_VALUE}


def test_an_expired_board_counts_at_intrinsic_value() -> None:
    """Until it is settled, as positions on it do."""
    strike = Strike(1_200 * WAD, WAD, 100 * WAD, 0)
    reading, _ = asked({**HOLDER, pool_calls.BOARDS: (Board(1, NOW, WAD, 0, (strike,)),)})
    option = reading.accounts[0].positions[0]
    assert isinstance(option, Option)
    assert (option.mark_raw, option.side) == (300 * WAD, "writer")
    assert option.mark_source is not None
    assert option.mark_source.startswith("intrinsic value")


def test_stale_greeks_and_the_breaker_are_said() -> None:
    """Both, beside the number."""
    price = TokenPrice(11 * WAD // 10, is_stale=True, breaker_until=NOW + 1)
    reading, _ = asked({**HOLDER, pool_calls.TOKEN_PRICE: price})
    assert ["stale" in one or "breaker" in one for one in reading.warnings] == [True, True]


@pytest.mark.parametrize("owner", [WALLET, OTHER])
def test_what_waits_in_the_queues_is_its_beneficiarys(owner: Any) -> None:
    """Deposits in quote, withdrawals at the price; entries of others are not."""
    answers = {
        **EMPTY,
        pool_calls.TOKEN_PRICE: PRICE,
        pool_calls.NEXT_DEPOSIT: 5,
        pool_calls.NEXT_WITHDRAWAL: 10,
        pool_calls.DEPOSIT: Queued(4, owner, 70 * WAD, 0, NOW),
        pool_calls.WITHDRAWAL: Queued(9, owner, 20 * WAD, 5 * WAD, NOW),
    }
    reading, batches = asked(answers)
    assert len(batches) == 3
    found = [
        (position.raw, position.origin.partition("(")[0])
        for account in reading.accounts
        for position in account.positions
        if isinstance(position, Supply)
    ]
    mine = [(22 * WAD, "getTokenPriceWithCheck"), (70 * WAD, "queuedDeposits")]
    assert found == (mine if owner == WALLET else [])


@pytest.mark.parametrize(
    "bad",
    [
        {pool_calls.NEXT_DEPOSIT: 505},
        {pool_calls.NEXT_DEPOSIT: 3},
        {pool_calls.NEXT_WITHDRAWAL: 10, pool_calls.WITHDRAWAL: Queued(8, WALLET, WAD, 0, NOW)},
        {pool_calls.TOKEN_PRICE: CallReverted("getTokenPriceWithCheck", "MarketIsPaused"), calls.BALANCE: 1},
        {calls.BALANCE: CallReverted("balanceOf", "no")},
        {calls.MARKET_ADDRESSES: CallReverted("marketAddresses", "no")},
    ],
)
def test_what_can_not_be_told_is_a_failure_by_name(bad: dict[Function[Any], Any]) -> None:
    """Endless queues, entries of another id, no price: never nothing; the positions stand."""
    reading, _ = asked({**ANSWERS, **POOL, **bad})
    assert [failure.label for failure in reading.failures] == ["Lyra pool share"]
    assert len(reading.accounts) == 2


def test_no_price_is_no_failure_of_who_holds_nothing_and_no_answer_is() -> None:
    """A paused market refuses its price to everybody."""
    reading, _ = asked({**EMPTY, pool_calls.TOKEN_PRICE: CallReverted("price", "MarketIsPaused")})
    assert (reading.accounts, reading.failures) == ((), ())
    with pytest.raises(ProviderUnavailable):
        asked({**EMPTY, pool_calls.TOKEN_PRICE: ProviderUnavailable("one", "timed out")})


def test_shares_and_queues_are_the_real_pools(devnet: World) -> None:
    """A deposit waits, becomes shares, and leaves by the other queue; each time what the pool says it is."""
    lyra, user = devnet.lyra_v1, devnet.spare[0]
    pool, token = lyra.pool, lyra.liquidity_token
    lyra.quote.send("mint", user, units(50_000))
    lyra.quote.send("approve", pool.address, MAX_UINT256, sender=user)
    pool.send("initiateDeposit", user, units(50_000), sender=user)

    def value() -> int:
        [account] = read(devnet, user).accounts
        return worth(account.positions, lyra.spot())

    assert value() == units(50_000)
    devnet.node.warp(WEEK + 1)
    lyra.update_greeks()
    pool.send("processDepositQueue", 1)
    shares = token.call("balanceOf", user)
    assert shares > 0
    assert abs(value() - shares * pool.call("getTokenPrice") // WAD) <= 1
    pool.send("initiateWithdraw", user, shares // 4, sender=user)
    devnet.prices.set(ETH=2_300)
    assert token.call("balanceOf", user) == shares - shares // 4
    assert abs(value() - shares * pool.call("getTokenPrice") // WAD) <= 2
    assert any("wait to be paid out" in one for one in read(devnet, user).warnings)
    assert any("stale" in one for one in read(devnet, user).warnings)
