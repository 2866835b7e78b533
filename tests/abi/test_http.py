"""Questions to venues and what is made of their replies, without a network: exact, or a malformed reply."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.abi.http import Http, canonical, pack
from aggregator.abi.json_rows import Row, loads
from aggregator.contract import Observed
from aggregator.model.errors import MalformedReply

AMOUNTS = st.integers(-(10**79), 10**79)
PRICES = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**20), max_value=10**20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


def whole(row: Row) -> tuple[str, int, Decimal]:
    """Every kind of number."""
    return row.text("name"), row.integer("amount"), row.decimal("price")


REQUEST = Http.post("here", "/public/thing", whole, wallet="0x11", number=7)


def reply(**changed: Any) -> dict[str, Any]:
    """What an honest venue says."""
    return {"name": "ETH", "amount": "12", "price": "0.5", **changed}


def test_requests_are_equal_where_they_ask_the_same() -> None:
    """Whatever the order of fields; a recording knows them by their key, which has no URL."""
    same = Http.post("here", "/public/thing", whole, number=7, wallet="0x11")
    assert same == REQUEST
    assert len({REQUEST, same}) == 1
    assert (REQUEST.body, REQUEST.origin) == ('{"number":7,"wallet":"0x11"}', "/public/thing@venue here")
    others = [
        Http.post("there", "/public/thing", whole, wallet="0x11", number=7),
        Http.post("here", "/public/things", whole, wallet="0x11", number=7),
        Http.post("here", "/public/thing", whole, wallet="0x11", number="7"),
        Http.get("here", "/public/thing", whole, wallet="0x11", number=7),
    ]
    assert len({REQUEST.key, *(other.key for other in others)}) == 5
    assert Http.post("here", "/public/thing", str, wallet="0x11", number=7).key == REQUEST.key


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "thing", "//evil.example/x", "/a/../b", "/a/./b", "/a?b=1", "/a#b", "/a@b", "/a b", "/a/"),
        *("/%2e", "http://evil.example", "/ä", "/a\n"),
    ],
)
def test_a_path_leads_nowhere_else(path: str) -> None:
    """Below the venue's URL, and to nothing that its URL does not name."""
    with pytest.raises(ValueError, match="no path"):
        Http.post("here", path, whole)


@given(amount=AMOUNTS, price=PRICES, as_text=st.booleans())
@settings(max_examples=50)
def test_numbers_are_exact(amount: int, price: Decimal, as_text: bool) -> None:
    """As text or as JSON numbers, of any size; a fraction never goes through a float."""
    sent = (
        f'{{"name": "x", "amount": "{amount}", "price": "{price}"}}'
        if as_text
        else f'{{"name": "x", "amount": {amount}, "price": {price:f}}}'
    )
    found = REQUEST.decode(pack(5, "here", loads(sent)))
    assert found.value == ("x", amount, price)


@given(JSON)
@settings(max_examples=50)
def test_the_hash_is_of_the_content(fields: Any) -> None:
    """Equal content in another order gives equal bytes and an equal hash, whenever it was said."""
    request = Http.post("here", "/a", len)
    one, other = {"a": fields, "b": 1}, {"b": 1, "a": fields}
    assert pack(5, "here", one) == pack(5, "here", other)
    first, later = request.decode(pack(5, "here", one)), request.decode(pack(6, "here", other))
    assert first.observation.content_hash == later.observation.content_hash
    assert (first.observation.time, later.observation.time) == (5, 6)
    changed = request.decode(pack(5, "here", {**one, "b": 2}))
    assert changed.observation.content_hash != first.observation.content_hash


@given(st.binary(max_size=60) | JSON.map(lambda found: json.dumps(found).encode()))
@settings(max_examples=100)
def test_any_bytes_are_a_reply_or_malformed(raw: bytes) -> None:
    """Nothing else is raised."""
    with suppress(MalformedReply):
        assert isinstance(REQUEST.decode(raw), Observed)


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": 1.5},
        {"amount": "1.5"},
        {"amount": True},
        {"amount": None},
        {"amount": [1]},
        {"amount": "9" * 5_000},
        {"amount": "0x10"},
        {"amount": " 1"},
        {"amount": "1_000"},
        {"amount": "١٢"},
        {"price": "NaN"},
        {"price": "Infinity"},
        {"price": "1e999"},
        {"price": "--1"},
        {"price": {}},
        {"name": 5},
        {"name": ["ETH"]},
    ],
)
def test_fields_of_another_kind_are_none(changed: dict[str, Any]) -> None:
    """Never coerced."""
    with pytest.raises(MalformedReply, match=next(iter(changed))):
        REQUEST.decode(pack(5, "here", loads(json.dumps(reply(**changed)))))


@pytest.mark.parametrize(
    "packed",
    [
        {"endpoint": "here", "reply": reply()},
        {"time": 5, "reply": reply()},
        {"time": 5, "endpoint": "here"},
        {"time": -1, "endpoint": "here", "reply": reply()},
        {"time": 2**70, "endpoint": "here", "reply": reply()},
        {"time": 5, "endpoint": "x" * 500, "reply": reply()},
        {"time": 5, "endpoint": "here", "reply": [reply()]},
        {"time": 5, "endpoint": "here", "reply": "text"},
    ],
)
def test_a_recording_is_not_trusted(packed: dict[str, Any]) -> None:
    """What stands around a reply is looked at as closely."""
    with pytest.raises(MalformedReply):
        REQUEST.decode(canonical(packed).encode())


@pytest.mark.parametrize(
    "text",
    [
        *('{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 1}}', "[1]", '"x"', "NaN", '{"a": NaN}', "", "<html>"),
        *('{"a": -Infinity}', '{"a": ' + "[" * 100_000, '{"a": ' + "9" * 5_000 + "}", '{"a": 1} {"b": 2}'),
    ],
)
def test_what_is_no_object_of_one_meaning_is_refused(text: str) -> None:
    """A name that comes twice is read differently by different readers."""
    with pytest.raises(ValueError):  # noqa: PT011  # each has words of its own
        loads(text)
