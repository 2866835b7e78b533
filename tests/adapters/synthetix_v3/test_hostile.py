"""Replies that no honest deployment gives, and reverts: each is a named failure, none a number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode

from adapters.synthetix_v3 import calls
from aggregator.contract import Function, Logs, Request
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    MalformedReply,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD
from aggregator.model.units import keccak, parse_address
from aggregator.reading.reverts import reverted
from tests.adapters.synthetix_v3.live import Site, answer
from tests.devnet.synthetix_v3_deploy import ETH, SNX_USD

REFUSED = CallReverted("a call", "paused")


@pytest.mark.parametrize(
    ("function", "value", "error"),
    [
        (calls.SUMMARY, lambda said: said._replace(index_price=0), UnusablePrice),
        (calls.SUMMARY, lambda said: said._replace(index_price=said.index_price * 2), ReadError),
        (calls.SUMMARY, REFUSED, CallReverted),
        (calls.SUMMARY, lambda said: said._replace(skew=-said.skew), Unsupported),
        (calls.SUMMARY, lambda said: said._replace(funding_velocity=said.funding_velocity * 2), Unsupported),
        (calls.FUNDING_PARAMETERS, lambda said: (said[0], said[1] + WAD), Unsupported),
        (calls.FUNDING_PARAMETERS, lambda said: (said[0] * 2, said[1]), Unsupported),
        (calls.SPOT_PRICE, 0, UnusablePrice),
        (calls.SPOT_PRICE, lambda said: said + WAD, Unsupported),
        (calls.OPEN_POSITION, lambda said: said._replace(size=0), MalformedReply),
        (calls.OPEN_POSITION, lambda said: said._replace(total_pnl=10**40), ReadError),
        (calls.OPEN_POSITIONS, (ETH, ETH), MalformedReply),
        (calls.OPEN_POSITIONS, (2**200,), MalformedReply),
        (calls.OPEN_POSITIONS, tuple(range(1_000)), MalformedReply),
        (calls.COLLATERAL_IDS, (), Unsupported),
        (calls.COLLATERAL_IDS, (SNX_USD, SNX_USD), MalformedReply),
        (calls.COLLATERAL_CONFIGURATION, (1, 5 * WAD, 5 * WAD, WAD), MalformedReply),
        (calls.AVAILABLE_MARGIN, lambda said: said + WAD, Unsupported),
        (calls.REQUIRED_MARGINS, (0, 10**30, 0), Unsupported),
        (calls.CAPACITY, lambda said: said._replace(capacity=said.limit + 1), MalformedReply),
        (calls.CAPACITY, lambda said: said._replace(latest=2**200), MalformedReply),
        (calls.LOCKED_OI_RATIO, 0, MalformedReply),
        (calls.PROCESS, -1, MalformedReply),
        (calls.PROCESS, REFUSED, CallReverted),
        (calls.DEBT, REFUSED, CallReverted),
    ],
)
def test_a_hostile_reply_is_a_named_failure(
    site: Site, function: Function[Any], value: Any, error: type[ReadError]
) -> None:
    """Of the accounts that it concerns; none is a fault of the adapter."""
    reading = site.tampered(site.world.wallets["hedged"], answer(function, value))
    assert reading.failures
    for failure in reading.failures:
        assert isinstance(failure.error, error)
        assert not isinstance(failure.error, AdapterFault)
    assert len(reading.failures) + len(reading.accounts) == 2


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (calls.BALANCE, 10**9),
        (calls.BALANCE, 5),
        (calls.FLAGGED, REFUSED),
        (calls.GUARDS, REFUSED),
        (calls.ACCOUNT_TOKEN, parse_address("0x" + "5e" * 20)),
    ],
)
def test_without_what_all_accounts_share_the_read_fails(
    site: Site, function: Function[Any], value: Any
) -> None:
    """No account is left out in silence."""
    with pytest.raises(ReadError) as raised:
        site.tampered(site.world.wallets["hedged"], answer(function, value))
    assert not isinstance(raised.value, AdapterFault)


def test_strange_events_do_not_make_numbers(site: Site) -> None:
    """A log of another layout fails the accounts with positions."""

    def change(request: Request[Any], reply: Any) -> Any:
        if isinstance(request, Logs) and request.topics == ((calls.MARKET_UPDATED.topic,),):
            return tuple(replace(log, data=log.data[:64]) for log in reply)
        return reply

    reading: Reading = site.tampered(site.world.wallets["hedged"], change)
    assert [type(one.error) for one in reading.failures] == [MalformedReply, MalformedReply]


# An oracle of ERC-7412 that wants a price to be written, one that has none to fall back on, and the former
# among several that were asked together, as the oracle manager reverts with them.
WANTED = keccak(b"OracleDataRequired(address,bytes)")[:4] + encode(
    ["address", "bytes"], ["0x" + "11" * 20, b"id"]
)
LATE = keccak(b"StalenessToleranceExceeded(bytes32,int256,uint256)")[:4] + bytes(96)
SEVERAL = keccak(b"Errors(bytes[])")[:4] + encode(["bytes[]"], [[WANTED]])


@pytest.mark.parametrize(
    ("data", "said"),
    [(WANTED, "a price that is too old"), (LATE, "a price that is too old"), (SEVERAL, "oracles refuse")],
    ids=["wanted", "late", "several"],
)
def test_a_stale_oracle_is_told_as_such(site: Site, data: bytes, said: str) -> None:
    """By the account, as far as what is kept of a revert tells."""
    refused = reverted("getAvailableMargin", data)
    reading = site.tampered(site.world.wallets["hedged"], answer(calls.AVAILABLE_MARGIN, refused))
    assert len(reading.failures) == 2
    for failure in reading.failures:
        assert isinstance(failure.error, Unsupported)
        assert said in str(failure.error)
