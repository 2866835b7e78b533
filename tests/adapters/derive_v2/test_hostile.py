"""Replies that no honest deployment gives, and reverts: each is a named failure, none a number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.derive_v2 import calls
from adapters.derive_v2.adapter import build
from aggregator.abi.columns import Column
from aggregator.contract import Call, Calls, Deployments, Function, Logs, Request
from aggregator.model.errors import (
    AdapterFault,
    BadConfiguration,
    CallReverted,
    MalformedReply,
    ReadError,
    TransportError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD
from aggregator.model.units import Address
from tests.adapters.derive_v2.real import deployment, read, replayed, said
from tests.reading_kit import Change

ACCOUNTS = said()["accounts"]
REFUSED = CallReverted("a call", "paused")
SILENT = TransportError("local", "no answer")
STRANGER = Address("0x" + "ab" * 20)


def answer(function: Function[Any], value: Any) -> Change:
    """Every reply of a function becomes this value, or what it makes of the true one."""

    def change(request: Request[Any], reply: Any) -> Any:
        if isinstance(request, Call) and request.function is function:
            return value(reply) if callable(value) else value
        return reply

    return change


def failed(reading: Reading) -> set[int]:
    return {int(one.id.rsplit(":", 1)[1]) for one in reading.failures}


def first(change: Any) -> Any:
    """The first balance changed, as a function of replies."""
    return lambda rows: (change(rows[0]), *rows[1:]) if rows else rows


@pytest.mark.parametrize(
    ("function", "value", "error"),
    [
        (calls.SPOT, (0, WAD), UnusablePrice),
        (calls.SPOT, lambda said: (said[0] * 2, said[1]), Unsupported),
        (calls.SPOT, lambda said: (said[0], 2 * WAD), MalformedReply),
        (calls.SPOT, (2**200, WAD), UnusablePrice),
        (calls.SPOT, REFUSED, CallReverted),
        (calls.FORWARD, (0, 0, WAD), UnusablePrice),
        (calls.FORWARD, REFUSED, CallReverted),
        (calls.VOL, (2**200, WAD), MalformedReply),
        (calls.VOL, lambda said: (said[0] * 2, said[1]), Unsupported),
        (calls.RATE, (10**40, WAD), Unsupported),
        (calls.PERP_PRICE, (0, WAD), UnusablePrice),
        (calls.FUNDING_RATE, 2 * WAD, MalformedReply),
        (calls.FUNDING_RATE, -(10**30), MalformedReply),
        (calls.UNSETTLED, lambda cash: cash + WAD, Unsupported),
        (calls.MARGIN, lambda margin: margin + 1, Unsupported),
        (calls.MARGIN, REFUSED, CallReverted),
        (calls.MARGIN_AND_VALUE, lambda said: (said[0], said[1] - 1), Unsupported),
        (calls.MANAGER, STRANGER, Unsupported),
        (calls.BALANCES, first(lambda one: one._replace(asset=STRANGER)), ReadError),
        (calls.BALANCES, lambda rows: (*rows, *rows), MalformedReply),
        (calls.BALANCES, lambda rows: (rows[0],) * 1_000, MalformedReply),
        (calls.BALANCES, first(lambda one: one._replace(sub_id=2**96)), ReadError),
        (calls.BALANCES, first(lambda one: one._replace(amount=10**60)), ReadError),
        (calls.BALANCES, REFUSED, CallReverted),
        (calls.OPTION_PARAMETERS, (2**255,) * 8, Unsupported),
        (calls.COLLATERAL_PARAMETERS, (True, True, WAD, WAD), Unsupported),
        (calls.VOL_SHOCK, (WAD, WAD, 10**30, 10**30, 1), Unsupported),
        (calls.VOL_SHOCK_2, (WAD, WAD, WAD, WAD, 2**255, 0), Unsupported),
        (calls.MARGIN_PARAMETERS, (0,) * 8, Unsupported),
        (calls.SCENARIOS, (), MalformedReply),
        (calls.SCENARIOS, ((WAD, 9),), MalformedReply),
        (calls.SCENARIOS, ((WAD, 0),) * 1_000, MalformedReply),
        (calls.SCENARIOS_2, ((WAD, 0, WAD),), Unsupported),
        (calls.STABLE_FEED, STRANGER, ReadError),
        (calls.LAST_MARKET, 10**6, Unsupported),
        (calls.AUCTION, REFUSED, CallReverted),
    ],
)
def test_a_hostile_reply_is_a_named_failure(
    function: Function[Any], value: Any, error: type[ReadError]
) -> None:
    """Of the accounts that it concerns; the others are judged as ever, and none is the adapter's fault."""
    reading, _ = replayed("first", answer(function, value))
    assert reading.failures
    assert any(isinstance(one.error, error) for one in reading.failures)
    assert not any(isinstance(one.error, AdapterFault) for one in reading.failures), reading.failures
    true = {one.id: one.reported for one in read("first").accounts}
    for one in reading.accounts:
        assert one.reported == true[one.id]


@pytest.mark.parametrize(
    ("function", "value", "error"),
    [
        (calls.TERMS, (2 * WAD, 0, 1, 1, 1, 0, 0), MalformedReply),
        (calls.TERMS, REFUSED, CallReverted),
        (calls.EXCHANGE_RATE, 2 * WAD, MalformedReply),
        (calls.TOKEN_DECIMALS, 200, MalformedReply),
        (calls.WITHDRAW_BLOCKED, REFUSED, CallReverted),
    ],
)
def test_what_concerns_all_accounts_fails_the_read(
    function: Function[Any], value: Any, error: type[ReadError]
) -> None:
    """Cash and the auction are everybody's."""
    with pytest.raises(error):
        replayed("first", answer(function, value))


@pytest.mark.parametrize(
    "function", [calls.WITH_INTEREST, calls.OWNER_OF, calls.IS_DISABLED, calls.ACCOUNT_LIB]
)
def test_no_answer_is_never_taken_for_a_refusal(function: Function[Any]) -> None:
    """Where a contract may refuse, silence fails the account."""
    reading, _ = replayed("first", answer(function, SILENT))
    assert reading.failures
    assert all(one.error is SILENT for one in reading.failures)


def test_what_cash_does_not_tell_is_named() -> None:
    """Pending interest that is refused is not counted, and said so."""
    reading, _ = replayed("first", answer(calls.WITH_INTEREST, REFUSED))
    assert not reading.failures
    assert any("does not say what interest is pending" in one for one in reading.warnings)


def test_interest_that_flips_the_verdict_is_told() -> None:
    """The margin has not got it, but an auction would settle it first."""
    number = ACCOUNTS["standard"]

    def change(request: Request[Any], reply: Any) -> Any:
        if isinstance(request, Call) and request.function is calls.WITH_INTEREST:
            return reply - 10**6 * WAD
        return reply

    reading, _ = replayed("first", change)
    [sentence] = [one for one in reading.warnings if f"account {number}:" in one]
    assert sentence.endswith("an auction settles it first, so that one can be started now")


def test_an_account_of_nobody_is_not_there() -> None:
    """Configured numbers that were never given, and those of others, are left out."""

    def change(request: Request[Any], reply: Any) -> Any:
        if isinstance(request, Logs):
            return ()
        if isinstance(request, Call) and request.function is calls.OWNER_OF:
            return REFUSED
        return reply

    reading, _ = replayed("first", change, deployment(accounts=[ACCOUNTS["standard"]]))
    assert (reading.accounts, reading.failures) == ((), ())


def test_configured_accounts_need_no_events() -> None:
    """Where an endpoint keeps no old logs, `options.accounts` names what to look at; owners are asked."""

    def no_logs(request: Request[Any], reply: Any) -> Any:
        return () if isinstance(request, Logs) else reply

    listed = [ACCOUNTS["standard"], ACCOUNTS["portfolio"], *said()["lost"]]
    reading, rounds = replayed("first", no_logs, deployment(accounts=listed))
    assert {int(one.id.rsplit(":", 1)[1]) for one in reading.accounts} == set(listed[:2])
    assert rounds == 3


def test_markets_without_a_name_go_by_their_number_or_by_what_the_user_calls_them() -> None:
    """The rule is the same; what moves them is told by the name alone."""

    def nameless(request: Request[Any], reply: Any) -> Any:
        is_names = (
            isinstance(request, Logs) and request.topics[:1] == calls.MARKET_CREATED.logs(STRANGER).topics
        )
        return () if is_names else reply

    number = ACCOUNTS["standard"]
    for options, expected in (({}, "index:market 1"), ({"markets": {"1": "ETH"}}, "index:ETH")):
        reading, _ = replayed("first", nameless, deployment(**options))
        [found] = [one for one in reading.accounts if one.id.endswith(f":{number}")]
        assert found.rule is not None
        assert expected in {feed.asset for feed in found.rule.feeds}


def test_a_broken_collateral_concerns_who_holds_it() -> None:
    """A column that refuses for one asset leaves the others alone."""

    def change(request: Request[Any], reply: Any) -> Any:
        if isinstance(request, Calls) and request.function is calls.COLLATERAL_FEED:
            assert isinstance(reply, Column)
            return replace(reply, failures=dict.fromkeys(range(len(request)), REFUSED))
        if isinstance(request, Call) and request.function is calls.COLLATERAL_FEED:
            return REFUSED
        return reply

    reading, _ = replayed("first", change)
    assert failed(reading) == {ACCOUNTS["portfolio_2"]}


@pytest.mark.parametrize(
    ("roles", "options"),
    [
        ({"cash": None}, {}),
        ({"srm": None, "pmrm_eth": None, "pmrm2_eth": None}, {}),
        ({}, {"accounts": "5"}),
        ({}, {"accounts": [-1]}),
        ({}, {"markets": {"ETH": "1"}}),
        ({}, {"markets": ["ETH"]}),
    ],
)
def test_a_deployment_that_lacks_something_is_refused(
    roles: dict[str, None], options: dict[str, Any]
) -> None:
    """Before anything is read."""
    entry = deployment(**options)
    addresses = {role: at for role, at in entry.addresses.items() if role not in roles}
    with pytest.raises(BadConfiguration):
        build(Deployments((replace(entry, addresses=addresses),), ()))
