"""Replies of the stand-in that no honest venue gives: each is a named failure, none a number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.derive_v2.api import margin_watch
from aggregator.abi.http import pack
from aggregator.model.errors import MalformedReply
from tests.adapters.derive_v2 import real
from tests.adapters.derive_v2.stand_in import VENUE, StandInDerive, read, told
from tests.adapters.derive_v2.test_venue import ACCOUNTS, LOST, STANDARD, by_number, failed
from tests.reading.servers import Reply

HOSTILE: dict[str, Any] = {
    "another account": lambda d: d.update(subaccount_id=4),
    "no account": lambda d: d.pop("subaccount_id"),
    "a float": lambda d: d.update(subaccount_value=1.5e300),
    "not a number": lambda d: d.update(maintenance_margin="NaN"),
    "huge": lambda d: d.update(maintenance_margin="9" * 70),
    "a flag that is none": lambda d: d.update(is_delayed_liquidation="no"),
    "milliseconds": lambda d: d.update(valuation_timestamp=d["valuation_timestamp"] * 1_000),
    "a part is missing": lambda d: d["collaterals"].pop(0),
    "a worth that is none": lambda d: d.update(subaccount_value="1000000"),
    "a price that is not what it is worth": lambda d: d["collaterals"][0].update(mark_price="100"),
    "an amount that is not what it is worth": lambda d: d["collaterals"][0].update(amount="1000000"),
    "a mark that is not what it is worth": lambda d: d["positions"][1].update(mark_price="5000"),
    "an option of the other sign": lambda d: d["positions"][1].update(amount="5"),
    "one option by two names": lambda d: d["positions"].append(
        {
            **d["positions"][1],
            "instrument_name": "ETH-20261104-2200.0-C",
            "amount": "0.001",
            "mark_value": "0",
        }
    ),
    "one asset twice": lambda d: d["collaterals"].append(d["collaterals"][0]),
    "one instrument twice": lambda d: d["positions"].append(d["positions"][0]),
    "no list": lambda d: d.update(positions={}),
    "rows that are none": lambda d: d["positions"].append(5),
    "too many rows": lambda d: d["positions"].extend([{**d["positions"][0]} for _ in range(1_000)]),
    "a name with control characters": lambda d: d["collaterals"][0].update(asset_name="US\x1b[31mDC"),
    "a long name": lambda d: d["collaterals"][0].update(asset_name="U" * 100),
    "no price": lambda d: d["collaterals"][0].update(mark_price="0"),
    "a price below zero": lambda d: d["positions"][1].update(mark_price="-1"),
    "an index of zero": lambda d: d["positions"][0].update(index_price="0"),
    "an unknown kind": lambda d: d["positions"][0].update(instrument_type="spread"),
    "a perp as an option": lambda d: d["positions"][0].update(instrument_type="option"),
    "no day": lambda d: d["positions"][1].update(instrument_name="ETH-20261399-2200-C"),
    "no strike": lambda d: d["positions"][1].update(instrument_name="ETH-20261104-0-C"),
    "no instrument": lambda d: d["positions"][1].update(instrument_name="'; DROP TABLE"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_reply_is_a_named_failure(case: str) -> None:
    """Of the account that it concerns, where the chain has no figures either; none is the adapter's fault."""
    documents = told("first")
    HOSTILE[case](documents[STANDARD])
    reading = read(StandInDerive(documents), "stale")
    assert set(failed(reading)) == {STANDARD}
    assert set(by_number(reading)) == set(ACCOUNTS.values()) - {STANDARD}
    [sentence] = [
        one for one in reading.warnings if one.startswith(f"Derive V2 account {STANDARD}: venue derive: ")
    ]
    assert "can't be decoded" in sentence
    assert sentence.isprintable()
    documents[LOST] = {**told("first")[STANDARD], "subaccount_id": LOST}
    HOSTILE[case](documents[LOST])
    error = failed(read(StandInDerive(documents), "stale"))[LOST]
    assert isinstance(error, MalformedReply)


@pytest.mark.parametrize(
    "listing",
    [
        lambda reply: {**reply, "result": {**reply["result"], "wallet": "0x" + "11" * 20}},
        lambda reply: {**reply, "result": {**reply["result"], "subaccount_ids": ["8"]}},
        lambda reply: {**reply, "result": {**reply["result"], "subaccount_ids": [8, 8]}},
        lambda reply: {**reply, "result": {**reply["result"], "subaccount_ids": [-1]}},
        lambda reply: {**reply, "result": {**reply["result"], "subaccount_ids": [True]}},
        lambda reply: {**reply, "result": {**reply["result"], "subaccount_ids": list(range(10_000))}},
        lambda reply: {**reply, "result": None},
        lambda _: {},
        lambda _: {"error": {"code": -32602, "message": "Invalid params", "data": None}},
        lambda _: {"error": "no object"},
        lambda _: {"error": {"code": "x", "message": 5}},
        lambda _: Reply(200, b"<html>"),
    ],
)
def test_a_list_that_is_none_is_no_answer(listing: Any) -> None:
    """The chain's accounts stand, and the user is told."""
    reading = read(StandInDerive(told("first"), listing=listing))
    assert (reading.accounts, reading.failures) == (real.read("first").accounts, ())
    [warning] = reading.warnings
    assert warning.startswith("venue derive does not answer")


NUMBERS = st.decimals(allow_nan=True, allow_infinity=True).map(str) | st.integers().map(str)
PARTS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text() | NUMBERS | st.builds(lambda: [{}])
)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_change_of_a_reply_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever takes the place of a part: a worth that is its parts', or MalformedReply, nothing else."""
    document = {"result": told("first")[STANDARD]}
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    place[key] = data.draw(PARTS)
    try:
        found = margin_watch(VENUE, STANDARD).decode(pack(5, VENUE, document)).value
    except MalformedReply:
        return
    worth = sum(one.value for one in found.collaterals) + sum(one.value for one in found.instruments)
    assert abs(worth - found.value) < abs(found.value) // 10 + 2 * 10**18
    assert found.account == STANDARD
