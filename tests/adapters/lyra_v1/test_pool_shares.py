"""Shares of the liquidity pool: by hand, and against the real pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.lyra_v1 import calls, pool_calls
from adapters.lyra_v1.pool_calls import Queued, TokenPrice
from aggregator.contract import Function
from aggregator.model.errors import CallReverted, ProviderUnavailable
from aggregator.model.positions import Supply
from tests.adapters.lyra_v1.deployed import read
from tests.adapters.lyra_v1.test_read import ANSWERS, NOW, OTHER, WAD, WALLET, asked
from tests.devnet.chain import MAX_UINT256
from tests.devnet.lyra_deploy import WEEK, units

if TYPE_CHECKING:
    from tests.devnet.world import World

EMPTY: dict[Function[Any], Any] = {**ANSWERS, calls.OWNER_POSITIONS: ()}
PRICE = TokenPrice(11 * WAD // 10, is_stale=False, breaker_until=NOW)


def test_shares_count_at_the_pools_price_and_are_named() -> None:
    """In quote, as no collateral of anything; a breaker that ended and fresh Greeks are not spoken of."""
    reading, batches = asked({**EMPTY, calls.BALANCE: 3 * WAD + 1, pool_calls.TOKEN_PRICE: PRICE})
    assert len(batches) == 2
    [account] = reading.accounts
    assert account.id.endswith(f":{WALLET}:pool")
    assert (account.label, account.rule, account.reported) == ("Lyra pool share", None, None)
    [share] = account.positions
    assert isinstance(share, Supply)
    assert (share.raw, share.asset.symbol, share.is_collateral) == (33 * WAD // 10 + 1, "sUSD", False)
    [sentence] = reading.warnings
    assert "pooled short volatility" in sentence


def test_stale_greeks_and_the_breaker_are_said() -> None:
    """Both, beside the number."""
    price = TokenPrice(WAD, is_stale=True, breaker_until=NOW + 1)
    reading, _ = asked({**EMPTY, calls.BALANCE: WAD, pool_calls.TOKEN_PRICE: price})
    assert ["stale" in one or "breaker" in one for one in reading.warnings] == [False, True, True]


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
    reading, _ = asked({**ANSWERS, **bad})
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

    def supplies() -> list[int]:
        [account] = read(devnet, user).accounts
        return [one.raw for one in account.positions if isinstance(one, Supply)]

    assert supplies() == [units(50_000)]
    devnet.node.warp(WEEK + 1)
    lyra.update_greeks()
    pool.send("processDepositQueue", 1)
    shares = token.call("balanceOf", user)
    assert shares > 0
    assert supplies() == [shares * pool.call("getTokenPrice") // WAD]
    pool.send("initiateWithdraw", user, shares // 4, sender=user)
    devnet.prices.set(ETH=2_300)
    assert token.call("balanceOf", user) == shares - shares // 4
    assert supplies() == [shares * pool.call("getTokenPrice") // WAD]
    assert any("stale" in one for one in read(devnet, user).warnings)
