"""Replies that must not pass: each fails the read or its account by name, none becomes a number."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.synthetix_perps_v2.names import name_key
from aggregator.model.assets import token_id
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
    TransportError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.rules import WAD
from aggregator.model.units import Address
from tests.adapters.synthetix_perps_v2.replies import (
    CHAIN,
    ETH_MARKET,
    MANAGER,
    RATES,
    RESOLVER,
    SETTINGS,
    SOL_MARKET,
    STATUS,
    SUSD,
    WALLET,
    read,
    system,
    with_short,
)
from tests.adapters.synthetix_perps_v2.scripted import Key, reverted
from tests.adapters.synthetix_perps_v2.strategies import NOW


def refused(table: dict[Key, Any], label: str = "sETHPERP") -> ReadError:
    """Why the only account could not be read."""
    reading = read(table)
    [failure] = reading.failures
    assert reading.accounts == ()
    assert failure.label == f"Synthetix {label}"
    return failure.error


def test_unknown_suspension_fails_the_account() -> None:
    """A status that can't be read is not taken for none."""
    error = NoContract("status")
    assert refused(with_short() | {("requireFuturesMarketActive", STATUS): error}) is error


@pytest.mark.parametrize("answer", [(0, 0), (0, 1), (2000 * WAD, 1)])
def test_unusable_price_fails_the_account(answer: tuple[int, int]) -> None:
    """Zero, or marked invalid by the market: never a number, and no quote either."""
    table = with_short() | {("assetPrice", ETH_MARKET): answer}
    assert isinstance(refused(table), UnusablePrice)
    assert [quote.asset for quote in read(table).quotes] == [token_id(CHAIN, SUSD)]


@pytest.mark.parametrize("answer", [(0, 0), (WAD, 1)])
def test_unusable_rate_of_susd_fails_the_read(answer: tuple[int, int]) -> None:
    """The margin could not be valued."""
    with pytest.raises(UnusablePrice):
        read(with_short() | {("rateAndInvalid", RATES): answer})


@pytest.mark.parametrize("index", [0, 5])
def test_funding_entry_that_can_not_be_fails_the_account(index: int) -> None:
    """Entries 1 to 4 are there."""
    position = (3, index, 5000 * WAD, 2010 * WAD, -10 * WAD)
    with pytest.raises(MalformedReply, match="funding entry"):
        raise refused(with_short() | {("positions", ETH_MARKET): position})


@pytest.mark.parametrize(
    ("function", "target", "reply", "said"),
    [
        ("skewScale", SETTINGS, (0,), "a skew scale of zero"),
        ("fundingLastRecomputed", ETH_MARKET, (NOW + 1,), "after the block's time"),
    ],
)
def test_state_that_can_not_be_fails_the_account(
    function: str, target: Address, reply: tuple[int], said: str
) -> None:
    """By name, before anything is divided by it."""
    with pytest.raises(MalformedReply, match=said):
        raise refused(with_short() | {(function, target): reply})


@pytest.mark.parametrize("markets", [(ETH_MARKET, SOL_MARKET, ETH_MARKET), tuple(range(10, 1_011))])
def test_list_of_markets_that_can_not_be_fails_the_read(markets: tuple[Any, ...]) -> None:
    """A market that comes twice would count twice; and nobody lists a thousand."""
    with pytest.raises(MalformedReply, match="differ"):
        read(with_short() | {("allMarkets", MANAGER): (32, len(markets), *markets)})


def test_replaced_manager_fails_the_read() -> None:
    """An abandoned manager lists markets in which nobody trades any more."""
    table = system()
    table["getAddress", RESOLVER][name_key("FuturesMarketManager")] = (SETTINGS,)
    with pytest.raises(Unsupported, match=SETTINGS):
        read(table)


@pytest.mark.parametrize("function", ["positions", "marketKey", "baseAsset", "fundingSequenceLength"])
def test_market_that_can_not_be_asked_fails_alone(function: str) -> None:
    """It may hold a position: it is named, and the other stands."""
    error = reverted(function, SOL_MARKET)
    assert refused(system() | {(function, SOL_MARKET): error}, f"market {SOL_MARKET}") is error
    reading = read(with_short() | {(function, SOL_MARKET): error})
    assert [account.label for account in reading.accounts] == ["Synthetix sETHPERP"]
    assert [failure.error for failure in reading.failures] == [error]
    assert reading.failures[0].id == f"synthetix_perps_v2:{CHAIN}:{SOL_MARKET}:{WALLET}"


def test_a_market_for_which_nobody_answered_fails_the_read() -> None:
    """That is no refusal of the market: the same request may be answered a moment later."""
    lost = TransportError("rpc", "lost")
    with pytest.raises(TransportError):
        read(with_short() | {("positions", SOL_MARKET): lost})


def test_markets_none_of_which_can_be_asked_fail_the_read() -> None:
    """That is no account's fault."""
    failing = {("positions", at): reverted("positions", at) for at in (ETH_MARKET, SOL_MARKET)}
    with pytest.raises(CallReverted, match="paused"):
        read(system() | failing)


@pytest.mark.parametrize(
    "key",
    sorted(
        key
        for key in with_short().keys() - system().keys()
        if key[0] not in {"fundingSequence", "marketSize"}
    ),
)
def test_missing_detail_of_a_position_fails_the_account(key: Key) -> None:
    """Every single one that says what it is worth: nothing is left out or replaced."""
    error = reverted(key[0], ETH_MARKET)
    assert refused(with_short() | {key: error}) is error
