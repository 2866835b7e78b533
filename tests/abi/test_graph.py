"""Queries of subgraphs and their rows, without a network: exact figures, or a malformed reply."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.graph import Indexed, Page, Query, pack, page_of
from aggregator.abi.json_rows import Row, loads
from aggregator.model.errors import MalformedReply

OWNER = "0x" + "11" * 20
HASH = "0x" + "ab" * 32


def whole(row: Row) -> tuple[str, int, Decimal]:
    """Every kind of number."""
    return row.text("id"), row.natural("amount"), row.decimal("price")


QUERY = Query("things", "amount price", where="owner: $owner", schema="own", into=whole, owner="String!")
REQUEST = QUERY.of("here", owner=OWNER)
AMOUNTS = st.integers(0, 2**256 - 1)
PRICES = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**20), max_value=10**20)


def page(rows: list[dict[str, Any]], number: int = 7) -> Page:
    """Rows of one block."""
    return Page(number, HASH, "Qm", has_indexing_errors=False, rows=tuple(map(Row, rows)))


def test_a_document_has_all_that_the_protocol_needs() -> None:
    """The block for rows and `_meta`, the head, the order and the cursor; ours are declared once."""
    document = QUERY.document
    for part in ("$block: Block_height!", "$first: Int!", "$after: ID!", "$owner: String!", "head: _meta {"):
        assert document.count(part) == 1
    assert "_meta(block: $block)" in document
    assert "rows: things(block: $block, first: $first, orderBy: id, orderDirection: asc" in document
    assert "where: {owner: $owner, id_gt: $after}) { id amount price }" in document
    by_bytes = Query("things", "amount", schema="own", into=whole, id_type="Bytes")
    assert "$after: Bytes!" in by_bytes.document
    assert "where: {id_gt: $after}" in by_bytes.document


def test_requests_are_equal_where_they_ask_the_same() -> None:
    """Hashable, so that what several reads share is fetched once; a recording knows them by their key."""
    same = Query("things", "amount price", where="owner: $owner", schema="own", into=whole, owner="String!")
    assert same.of("here", owner=OWNER) == REQUEST
    assert len({same.of("here", owner=OWNER), REQUEST}) == 1
    others = [
        QUERY.of("there", owner=OWNER),
        QUERY.of("here", owner="0x" + "22" * 20),
        Query("things", "amount", where="owner: $owner", schema="own", into=whole, owner="String!").of(
            "here", owner=OWNER
        ),
    ]
    assert len({REQUEST.key, *(one.key for one in others)}) == 4
    assert len({REQUEST, *others}) == 4


def test_variables_are_those_of_the_query() -> None:
    """None missing, none too many, none of ours, and no integer that an Int does not hold."""
    for values in ({}, {"owner": OWNER, "more": 1}, {"other": OWNER}):
        with pytest.raises(ValueError, match="takes"):
            QUERY.of("here", **values)
    with pytest.raises(ValueError, match="BigInt as text"):
        QUERY.of("here", owner=2**31)
    with pytest.raises(ValueError, match="block"):
        Query("things", "amount", schema="own", into=whole, block="Int!")


@given(st.lists(st.tuples(st.text(min_size=1), AMOUNTS, PRICES), unique_by=lambda row: row[0]))
def test_what_is_packed_comes_back_exactly(rows: list[tuple[str, int, Decimal]]) -> None:
    """Amounts of 256 bits and decimals to the last digit, through any split into pages."""
    rows.sort()
    entities = [{"id": i, "amount": str(amount), "price": f"{price:f}"} for i, amount, price in rows]
    middle = len(rows) // 2
    raw = pack(9, [page(entities[:middle]), page(entities[middle:])])
    assert raw == pack(9, [page(entities)])
    found = REQUEST.decode(raw)
    assert list(found.rows) == rows
    assert (found.number, found.lag, found.hash, found.source) == (7, 2, HASH, "here")


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["pinned", "_meta", "rows", "block", "number", "hash", "id", "amount", "price"]
                ),
                inner,
            )
        ),
    ).map(lambda document: json.dumps(document).encode())
)
def test_what_is_no_reply_is_malformed(raw: bytes) -> None:
    """Any bytes, and JSON of any shape: rows, or an error by name."""
    with suppress(MalformedReply):
        assert isinstance(REQUEST.decode(raw), Indexed)


PATHS = [
    ("pinned",), ("_meta",), ("rows",), ("rows", 0), ("rows", 0, "id"), ("rows", 0, "amount"),
    ("rows", 1, "price"), ("_meta", "block"), ("_meta", "block", "number"), ("_meta", "block", "hash"),
    ("_meta", "deployment"), ("_meta", "hasIndexingErrors"),
]  # fmt: skip
VALUES: list[Any] = [
    None,
    True,
    7,
    -1,
    1.5,
    "",
    "x",
    "1e5",
    " 5",
    "0x10",
    "1_000",
    "٣",
    [],
    {},
    [7],
    "9" * 100,
    10**400,
]


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_every_part_is_checked(path: tuple[Any, ...]) -> None:
    """One wrong value anywhere: never another figure than the text says."""
    entities = [{"id": i, "amount": "5", "price": "1.25"} for i in "ab"]
    for value in VALUES:
        document = json.loads(pack(9, [page(entities)]))
        place = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        found, told = None, ""
        try:
            found = REQUEST.decode(json.dumps(document).encode())
        except MalformedReply as error:
            told = str(error)
        if found is None:
            assert 0 < len(told) < 400
            continue
        # A number with a fraction is text, wherever it stands.
        text = isinstance(value, str | float)
        kept = {
            "pinned": value == 7 and found.lag == 0,
            "rows": value == [] and found.rows == (),
            "id": text and "" < str(value) < "b",
            "amount": value == 7 and found.rows[0][1] == 7,
            "price": value in (7, -1, 1.5, "1e5") and found.rows[1][2] == Decimal(str(value)),
            "number": value == 7,
            "hash": value is None and found.hash is None,
            "deployment": text and found.deployment == str(value),
            "hasIndexingErrors": value is True,
        }
        assert kept[next(step for step in reversed(path) if isinstance(step, str))], (path, value, found)


@pytest.mark.parametrize("rows", [["b", "a"], ["a", "a"], [""], ["b", "a", "c"]])
def test_rows_twice_or_out_of_order_are_none(rows: list[str]) -> None:
    """They would hide that others are missing."""
    data = json.loads(pack(9, [page([{"id": i} for i in rows])]))
    with pytest.raises(ValueError, match="twice, out of order"):
        page_of(data, "")


def test_a_reply_of_a_later_block_is_none() -> None:
    """A recording that was tampered with, or a subgraph that ignores the block."""
    with pytest.raises(MalformedReply, match="beyond block 6"):
        REQUEST.decode(pack(6, [page([])]))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "[1]", "7", "{", '{"a": NaN}', "[" * 100_000])
def test_json_that_is_no_object_of_numbers(text: str) -> None:
    """Including what Python's parser would take."""
    with pytest.raises(ValueError, match=r".+"):
        loads(text)


def test_no_number_becomes_a_float() -> None:
    """A fraction stays its text, a large integer whole."""
    assert loads(
        '{"a": 1.10, "b": 115792089237316195423570985008687907853269984665640564039457584007913129639935}'
    ) == {
        "a": "1.10",
        "b": 2**256 - 1,
    }


def test_fields_by_their_path() -> None:
    """Lists inside a row, addresses in lower case, and what is null."""
    row = Row(
        {"market": {"token": {"id": "0x" + "AB" * 20}}, "hash": None, "events": [{"n": "3"}], "on": True}
    )
    assert row.address("market", "token", "id") == "0x" + "ab" * 20
    assert row.at("hash") is None
    assert [event.integer("n") for event in row.rows("events")] == [3]
    assert row.flag("on") is True
    assert (len(row), list(row)) == (4, ["market", "hash", "events", "on"])
    for wrong in (
        lambda: row.at("market", "id"),
        lambda: row.text("hash"),
        lambda: row.address("on"),
        lambda: row.rows("market"),
        lambda: row.flag("market"),
        lambda: Row({"n": 256}).small("n"),
    ):
        with pytest.raises(ValueError, match=r".+"):
            wrong()
