"""Replies that no honest contract gives: each fails what it concerns, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adapters.gmx_v1 import calls
from adapters.gmx_v1.waiting import MOST_ORDERS
from aggregator.contract import Column, Function, Request
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    ProviderUnavailable,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from tests.adapters.gmx_v1.live import Site
from tests.adapters.gmx_v1.scripted import instead, read_with


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (calls.MAX_LEVERAGE, 0),
        (calls.MAX_LEVERAGE, 10_000),
        (calls.MARGIN_FEE, 10_001),
        (calls.LIQUIDATION_FEE, 10**40),
        (calls.FUNDING_INTERVAL, 0),
        (calls.FUNDING_FACTOR, 2**255),
        (calls.TOKENS_LENGTH, 0),
        (calls.TOKENS_LENGTH, 2**255),
        (calls.TOKEN, 0),
        (calls.TOKEN_DECIMALS, 255),
    ],
)
def test_settings_that_no_vault_has_fail_the_read(site: Site, function: Function[Any], said: int) -> None:
    with pytest.raises(MalformedReply):
        read_with(site, instead(function, said))


@pytest.mark.parametrize(
    ("function", "said", "error"),
    [
        (calls.FEED_PRICE, 0, UnusablePrice),
        (calls.CUMULATIVE_RATE, 0, MalformedReply),
        (calls.READER_POSITIONS, (), MalformedReply),
        (calls.READER_POSITIONS, (1,) * 9, MalformedReply),
        (calls.READER_POSITIONS, (0,) * 18, MalformedReply),
        (calls.VALIDATE, (3, 0), MalformedReply),
        (calls.VALIDATE, CallReverted("validateLiquidation", "no"), CallReverted),
        (calls.IS_WHITELISTED, 0, Unsupported),
    ],
)
def test_hostile_replies_of_positions_fail_these_by_name(
    site: Site, function: Function[Any], said: Any, error: type[ReadError]
) -> None:
    """GLP, which needs none of them but the list, stands or fails for itself."""
    reading, _ = read_with(site, instead(function, said))
    failed = [one for one in reading.failures if one.label != "GMX V1 GLP"]
    assert len(failed) == 2
    assert all(isinstance(one.error, error) for one in failed), failed
    assert not [one for one in reading.accounts if one.rule is not None]


@pytest.mark.parametrize(
    ("function", "said", "error"),
    [
        (calls.AUM, 10**30, ReadError),
        (calls.SUPPLY, 0, MalformedReply),
        (calls.SUPPLY, 1, MalformedReply),
        (calls.SHORT_AVERAGE, 0, MalformedReply),
        (calls.MIN_PRICE, 0, UnusablePrice),
        (calls.RESERVED_AMOUNT, 10**40, MalformedReply),
        (calls.GLP, "0x" + "1" * 40, Unsupported),
    ],
)
def test_hostile_replies_of_the_pool_fail_it_by_name(
    site: Site, function: Function[Any], said: Any, error: type[ReadError]
) -> None:
    reading, _ = read_with(site, instead(function, said))
    [failure] = [one for one in reading.failures if one.label == "GMX V1 GLP"]
    assert isinstance(failure.error, error)
    assert not [one for one in reading.accounts if one.label == "GMX V1 GLP"]


@pytest.mark.parametrize("words", [{0: 0}, {2: 0}])
def test_half_a_position_fails_alone(site: Site, words: dict[int, int]) -> None:
    """Without a size or an average price it is none, but not nothing either."""

    def answer(request: Request[Any], reply: Any) -> Any:
        if getattr(request, "function", None) != calls.POSITION:
            return reply
        raw = np.frombuffer(bytearray(reply.raw), dtype=np.uint8).reshape(-1, 8, 32).copy()
        for word, said in words.items():
            raw[:, word] = np.frombuffer(said.to_bytes(32, "big"), dtype=np.uint8)
        return replace(reply, raw=raw.tobytes())

    reading, _ = read_with(site, answer)
    assert [one.label for one in reading.accounts] == ["GMX V1 GLP"]
    assert len(reading.failures) == 2
    assert all("a position of" in str(one.error) for one in reading.failures)


def test_more_orders_than_are_read_fail_by_name(site: Site) -> None:
    for function in (calls.INCREASE_ORDERS, calls.DECREASE_REQUESTS):
        reading, _ = read_with(site, instead(function, MOST_ORDERS + 1))
        [failure] = reading.failures
        assert f"at most {MOST_ORDERS}" in str(failure.error)
        assert len(reading.accounts) == 3


def test_a_request_of_somebody_else_is_refused(site: Site) -> None:
    user = str(site.world.spare[0])
    site.gmx.request_decrease(user, "WETH", size=100)
    reading, _ = read_with(site, instead(calls.DECREASE_REQUEST, 1), user)
    [failure] = reading.failures
    assert isinstance(failure.error, MalformedReply)
    assert "not of" in str(failure.error)


def test_nobody_answering_is_no_missing_price(site: Site) -> None:
    """A price that an endpoint failed to bring fails the read; a contract's refusal fails what needs it."""
    lost = ProviderUnavailable("an endpoint", "gone")
    with pytest.raises(ProviderUnavailable):
        read_with(site, instead(calls.FEED_PRICE, lost))
    reading, _ = read_with(site, instead(calls.FEED_PRICE, CallReverted("getPrice", "no")))
    assert len(reading.failures) == 2
    assert [one.label for one in reading.accounts] == ["GMX V1 GLP"]


def test_absurd_sizes_are_no_amounts(site: Site) -> None:
    """A position of some 2**239 at the price of 1e-30 has more tokens than an integer holds."""

    def answer(request: Request[Any], reply: Any) -> Any:
        function = getattr(request, "function", None)
        if function == calls.POSITION and isinstance(reply, Column):
            raw = np.frombuffer(bytearray(reply.raw), dtype=np.uint8).reshape(-1, 8, 32).copy()
            held = raw[:, 0].any(axis=1)
            raw[held, 0, 2], raw[held, 2] = 0x7F, 0
            raw[held, 2, 31] = 1
            return replace(reply, raw=raw.tobytes())
        if function == calls.READER_POSITIONS:
            first = reply[0] + (0x7F << 232)
            return (first, reply[1], 1, *reply[3:])
        return reply

    reading, _ = read_with(site, answer)
    assert [one.label for one in reading.accounts] == ["GMX V1 GLP"]
    assert all("digits" in str(one.error) for one in reading.failures), reading.failures
    assert len(reading.failures) == 2
