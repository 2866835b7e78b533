"""The read, fed by hand with odd replies: an error by name, never a smaller number."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.compound_v2 import calls
from aggregator.contract import Call, Function
from aggregator.model.errors import (
    AdapterFault,
    CallReverted,
    MalformedReply,
    NoContract,
    ProviderUnavailable,
    Unsupported,
)
from aggregator.model.rules import WAD
from tests.adapters.by_hand import Reply
from tests.adapters.compound_v2.hand import (
    C_ETH,
    C_USDC,
    COMPTROLLER,
    MISSING,
    USDC,
    WALLET,
    Compound,
    address,
    read,
)


def test_an_error_code_of_the_comptroller_is_no_figure() -> None:
    """Without a price that explains it."""
    with pytest.raises(CallReverted, match="error code 9"):
        read(Compound(liquidity=(9, 0, 0)))


@pytest.mark.parametrize("liquidity", [(0, 4_000 * WAD + 1, 0), (0, 0, 0), (0, 0, 1)])
def test_another_difference_than_the_comptrollers_is_a_fault(liquidity: tuple[int, int, int]) -> None:
    """To the wei: a market that was missed shows there."""
    with pytest.raises(AdapterFault, match="4000"):
        read(Compound(liquidity=liquidity))


def test_a_market_that_is_not_listed_is_a_fault() -> None:
    """What was entered counts for the comptroller."""
    with pytest.raises(AdapterFault, match="does not list"):
        read(Compound(entered=(C_ETH, C_USDC, address("9"))))


def test_a_debt_in_a_market_that_is_not_entered_is_a_fault() -> None:
    """The contracts do not let that happen."""
    with pytest.raises(AdapterFault, match="without entering"):
        read(Compound(entered=(C_ETH,)))


def test_an_exchange_rate_of_another_kind_is_refused() -> None:
    """Interest could not be added to it."""
    snapshot: dict[Call[Any], Reply] = {calls.SNAPSHOT.at(C_ETH, WALLET): (0, 500 * 10**8, 0, WAD)}
    with pytest.raises(Unsupported, match="exchange rate"):
        read(Compound(more=snapshot))


def test_a_snapshot_that_fails_is_no_zero() -> None:
    """An error code, as of a maths error, beside zeros."""
    with pytest.raises(Unsupported, match="error code 9"):
        read(Compound(more={calls.SNAPSHOT.at(C_USDC, WALLET): (9, 0, 0, 0)}))


@pytest.mark.parametrize(
    "more",
    [
        {calls.VAI_CONTROLLER.at(COMPTROLLER): (address("8"),)},
        {calls.INCENTIVE.at(COMPTROLLER): MISSING},
        {calls.SEIZE_PAUSED.at(COMPTROLLER): MISSING},
        {calls.PROTOCOL_PAUSED.at(COMPTROLLER): (False,)},
    ],
)
def test_a_comptroller_of_another_kind_is_refused(more: dict[Call[Any], Reply]) -> None:
    """Such as Venus' of before its risk pools."""
    with pytest.raises(Unsupported, match="comptroller"):
        read(Compound(more=more))


def _every_call() -> list[Call[Any]]:
    optional: list[Function[Any]] = [
        calls.INCENTIVE,
        calls.VAI_CONTROLLER,
        calls.LIQUIDATOR,
        calls.DEPRECATED,
    ]
    optional += [calls.PROTOCOL_PAUSED, calls.SEIZE_PAUSED, calls.SEIZE_SHARE, calls.SYMBOL]
    asked = frozenset().union(*read(Compound()).rounds)
    return [
        call
        for call in Compound().replies()
        if call.function not in optional and (call.target, call.data) in asked
    ]


@pytest.mark.parametrize("call", _every_call(), ids=lambda call: call.origin)
def test_whatever_fails_fails_the_read(call: Call[Any]) -> None:
    """A revert, an endpoint that is gone and no contract are errors, never a smaller number."""
    for error in (CallReverted(call.origin, "no"), NoContract(call.origin), ProviderUnavailable("x", "gone")):
        with pytest.raises(type(error)):
            read(Compound(more={call: error}))


@pytest.mark.parametrize(
    "function",
    [calls.INCENTIVE, calls.VAI_CONTROLLER, calls.SEIZE_PAUSED, calls.DEPRECATED, calls.SEIZE_SHARE],
)
def test_an_endpoint_that_is_gone_is_not_taken_for_an_absent_function(function: Function[Any]) -> None:
    """Only a revert says that the contract has none."""
    said = [call for call in Compound().replies() if call.function == function]
    gone: dict[Call[Any], Reply] = {call: ProviderUnavailable("x", "gone") for call in said}
    with pytest.raises(ProviderUnavailable):
        read(Compound(more=gone))


def test_decimals_that_no_token_has_are_malformed() -> None:
    """A price has 36 decimals less the token's."""
    with pytest.raises(MalformedReply, match="decimals"):
        read(Compound(more={calls.DECIMALS.at(USDC): (37,)}))


def test_a_token_without_a_text_as_symbol_is_called_by_its_address() -> None:
    """As MKR, whose symbol is bytes32."""
    reading = read(Compound(more={calls.SYMBOL.at(USDC): MalformedReply("symbol()", "bytes32")})).result
    assert [p.asset.symbol for a in reading.accounts for p in a.positions][1] == USDC  # type: ignore[union-attr]
