"""Replies that no honest deployment gives, and reverts: each is a named failure, none a number."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.gmx_v2 import calls, keys
from adapters.gmx_v2.reading import MOST, ZERO
from aggregator.contract import Calls, Function, Request
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    MalformedReply,
    NoContract,
    ProviderUnavailable,
    ReadError,
    UnusablePrice,
)
from aggregator.model.readings import Reading
from aggregator.model.units import Address
from tests.adapters.gmx_v2.live import Site, answer
from tests.devnet.gmx_v2 import BTC, ETH

REFUSED = CallReverted("a call", "paused")
STRANGER = Address("0x" + "9" * 40)


def changed(**fields: Any) -> Any:
    """The first row of a list with other fields."""
    return lambda rows: (rows[0]._replace(**fields), *rows[1:])


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (calls.POSITIONS, lambda rows: (*rows, rows[0])),
        (calls.POSITIONS, lambda rows: rows * 600),
        (calls.POSITIONS, changed(account=STRANGER)),
        (calls.POSITIONS, REFUSED),
        (calls.MARKETS, lambda rows: (*rows, rows[0])),
        (calls.MARKETS, lambda rows: rows * MOST),
        (calls.MARKETS, REFUSED),
        (calls.MARKETS, NoContract("a call")),
        (calls.KEYS, lambda rows: rows * 2),
        (calls.KEYS, REFUSED),
    ],
)
def test_lists_that_contradict_themselves_fail_the_read(
    site: Site, function: Function[Any], value: Any
) -> None:
    """What is in them can't be told."""
    with pytest.raises(ReadError) as raised:
        site.tampered(site.world.wallets["hedged"], answer(function, value))
    assert not isinstance(raised.value, AdapterFault)


@pytest.mark.parametrize(
    ("function", "value", "error"),
    [
        (calls.POSITIONS, changed(market=STRANGER), MalformedReply),
        (calls.POSITIONS, changed(collateral=STRANGER), MalformedReply),
        (calls.POSITIONS, changed(size_usd=0), MalformedReply),
        (calls.POSITIONS, changed(size_tokens=0), MalformedReply),
        (calls.POSITIONS, changed(funding=2**255), MalformedReply),
        (calls.POSITIONS, changed(claim_short=2**255), MalformedReply),
        (calls.MARKETS, changed(index_token=ZERO), MalformedReply),
        (calls.PRICE, REFUSED, CallReverted),
        (calls.PRICE, lambda said: said._replace(low=0), UnusablePrice),
        (calls.PRICE, lambda said: said._replace(low=0, high=0), UnusablePrice),
        (calls.PRICE, lambda said: said._replace(low=said.high + 1), UnusablePrice),
        (calls.PRICE, lambda said: said._replace(high=said.high * 2), MalformedReply),
        (calls.PRICE, lambda said: said._replace(token=STRANGER), MalformedReply),
        (calls.DECIMALS, 31, MalformedReply),
        (calls.DECIMALS, 255, MalformedReply),
        (calls.DECIMALS, REFUSED, ReadError),
        (calls.INFO[0], lambda said: said._replace(key=b"\1" * 32), MalformedReply),
        (calls.INFO[0], lambda said: said._replace(referral_discount=10**30 + 1), MalformedReply),
        (calls.INFO[0], lambda said: said._replace(pro_discount=2**255), MalformedReply),
        (calls.INFO[0], REFUSED, ReadError),
    ],
)
def test_a_position_that_could_not_be_is_a_named_failure(
    site: Site, function: Function[Any], value: Any, error: type[ReadError]
) -> None:
    """Of its own account; none is a fault of the adapter."""
    reading = site.tampered(site.world.wallets["hedged"], answer(function, value))
    _named(reading, error)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BORROWING_FEE_RECEIVER_FACTOR", 10**30 + 1),
        ("POSITION_FEE_RECEIVER_FACTOR", 2**256 - 1),
    ],
)
def test_a_market_that_could_not_be_is_a_named_failure(site: Site, key: str, value: int) -> None:
    """Of all accounts that it concerns."""
    site.gmx.set(uints={keys.key(key): value})
    reading = site.read(site.world.wallets["hedged"])
    _named(reading, MalformedReply)
    assert all(one.rule is None for one in reading.accounts)


@pytest.mark.parametrize("name", ["FUNDING_UPDATED_AT", "CUMULATIVE_BORROWING_FACTOR_UPDATED_AT"])
def test_a_market_that_was_updated_later_is_a_named_failure(site: Site, name: str) -> None:
    """Than the block."""
    about = () if name == "FUNDING_UPDATED_AT" else (("bool", False),)
    site.gmx.set(uints={site.gmx.key(name, ETH, *about): 2**60})
    reading = site.tampered(site.world.wallets["hedged"], _honest_info(site))
    assert reading.failures
    assert any(isinstance(one.error, MalformedReply) for one in reading.failures)


def test_a_supply_below_a_balance_is_a_named_failure(site: Site) -> None:
    """Nobody holds more than all of a pool."""
    for value in (0, 1):
        reading = site.tampered(site.world.wallets["hedged"], answer(calls.SUPPLY, value))
        _named(reading, MalformedReply)
        assert not [one for one in reading.accounts if "pool" in one.label or "GLV" in one.label]


def test_an_empty_pool_and_a_power_too_large_are_named_failures(site: Site) -> None:
    """What the contracts would revert on is no fault of the adapter."""
    user = site.world.wallets["hedged"]
    site.gmx.shares[ETH].send("mint", user, 10**18)
    site.gmx.pool(ETH, "WETH", 0)
    _named(site.read(user), MalformedReply)
    side = ("bool", True)
    site.gmx.pool(ETH, "WETH", 10**21)
    site.gmx.set(
        uints={
            site.gmx.key("OPTIMAL_USAGE_FACTOR", ETH, side): 0,
            site.gmx.key("BORROWING_EXPONENT_FACTOR", ETH, side): 10**33,
        }
    )
    _named(site.read(user), MalformedReply)


def test_a_power_that_grows_too_large_with_the_price_is_a_named_failure(site: Site) -> None:
    """Not an error where a liquidation price is looked for."""
    user, side = site.world.wallets["hedged"], ("bool", True)
    site.gmx.set(
        uints={
            site.gmx.key("OPTIMAL_USAGE_FACTOR", BTC, side): 0,
            site.gmx.key("BORROWING_EXPONENT_FACTOR", BTC, side): 65 * 10**29,
        }
    )
    [failure] = site.tampered(user, _honest_info(site)).failures
    assert isinstance(failure.error, MalformedReply)
    assert "power" in str(failure.error)


def test_impact_that_was_handed_out_later_is_a_named_failure(site: Site) -> None:
    """Than the block: a close-out could not tell what there is to pay gains from."""
    site.gmx.set(uints={site.gmx.key("POSITION_IMPACT_POOL_DISTRIBUTED_AT", ETH): 2**60})
    [failure] = site.read(site.world.wallets["hedged"]).failures
    assert isinstance(failure.error, MalformedReply)
    assert failure.label.endswith(f"{site.gmx.market(ETH).lower()} short")


def test_a_vault_of_strangers_is_a_named_failure(site: Site) -> None:
    """Its shares stand for pools that nobody lists."""

    def change(request: Request[Any], reply: Any) -> Any:
        if getattr(request, "function", None) == calls.ADDRESSES and len(reply) > 1:
            return (*reply, STRANGER)
        return reply

    reading = site.tampered(site.world.wallets["hedged"], change)
    _named(reading, MalformedReply)


def test_what_nobody_answered_is_no_answer(site: Site) -> None:
    """Neither a position without its own word nor a price from elsewhere follows from it."""
    lost = ProviderUnavailable("an endpoint", "it is gone")
    for function in (calls.TEST, calls.INFO[1], calls.PRICE):
        reading = site.tampered(site.world.wallets["hedged"], answer(function, lost))
        assert any(one.error is lost or type(one.error) is type(lost) for one in reading.failures)
        assert not [one for one in reading.accounts if one.rule is not None]


def test_an_order_of_another_wallet_is_a_named_failure(site: Site) -> None:
    """Its collateral is somebody else's."""

    def change(request: Request[Any], reply: Any) -> Any:
        if isinstance(request, Calls) and request.function == calls.ADDRESS:
            return type(reply)(reply.origin, reply.outputs, b"\0" * 12 + b"\7" * 20 + reply.raw[32:], {})
        return reply

    reading = site.tampered(site.world.wallets["hedged"], change)
    _named(reading, MalformedReply)
    assert not [one for one in reading.accounts if one.label.endswith("claims")]


def test_the_readers_own_test_may_be_missing(site: Site) -> None:
    """Its figures are enough for what it says of a position."""
    reading = site.tampered(site.world.wallets["hedged"], answer(calls.TEST, REFUSED))
    assert not reading.failures
    honest = site.read(site.world.wallets["hedged"])
    assert [one.reported for one in reading.accounts] == [one.reported for one in honest.accounts]


def _honest_info(site: Site) -> Any:
    """Figures of the Reader as if it had not noticed: the stand-in itself would revert."""
    zero = calls.Info(bytes(32), 0, 0, 0, 0, 0, 0, False, 0)  # noqa: FBT003
    assert site.world is not None
    return answer(calls.INFO[0], zero)


def _named(reading: Reading, error: type[ReadError]) -> None:
    assert reading.failures
    assert any(isinstance(failure.error, error) for failure in reading.failures)
    for failure in reading.failures:
        assert not isinstance(failure.error, AdapterFault), failure
