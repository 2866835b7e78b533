"""Columnar requests are the same calls as single ones, and give the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.columns import Column
from aggregator.abi.function import Function
from aggregator.abi.types import AbiType
from aggregator.abi.words import WordError, reader
from aggregator.model.errors import CallReverted, MalformedReply
from aggregator.model.units import Address
from tests.abi.strategies import STATIC_LEAVES, values

TARGETS = [Address("0x" + f"{i:02x}" * 20) for i in range(1, 6)]
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")


@given(st.data())
def test_columns_are_the_single_calls(data: st.DataObject) -> None:
    """Targets and calldata are equal, whichever arguments are one value for all."""
    leaves = data.draw(st.lists(st.sampled_from(STATIC_LEAVES), min_size=1, max_size=3))
    codec: Function[Any] = Function(f"f({','.join(leaves)})(uint256)")
    count = data.draw(st.integers(1, 5))
    columns = [
        data.draw(st.lists(values(AbiType(leaf)), min_size=count, max_size=count) | values(AbiType(leaf)))
        for leaf in leaves
    ]
    calls = codec.each(TARGETS[:count], *columns)
    for i in range(count):
        arguments = [column[i] if isinstance(column, list) else column for column in columns]
        single = codec.at(TARGETS[i], *arguments)
        assert calls.one(i) == (single.target, single.data)
    assert len(calls) == count


@given(st.data())
def test_column_values_are_the_single_replies(data: st.DataObject) -> None:
    """Each output word of a column is what decoding every reply alone gives."""
    leaves = data.draw(st.lists(st.sampled_from(("uint256", *STATIC_LEAVES)), min_size=1, max_size=3))
    codec: Function[Any] = Function(f"f(address)({','.join(leaves)})")
    rows = data.draw(st.lists(st.tuples(*(values(AbiType(leaf)) for leaf in leaves)), min_size=1, max_size=4))
    replies = [encode(leaves, row) for row in rows]
    column = codec.each(TARGETS[0], TARGETS[: len(rows)]).decode(b"".join(replies))
    for place in range(len(leaves)):
        assert column.values(place) == column.outcomes(place) == [row[place] for row in rows]
    assert len(column) == len(rows)


BITS = sorted({bits for size in range(8, 257, 8) for bits in (size - 1, size) if bits < 256})
EDGES = [
    edge.to_bytes(32, signed=edge < 0)
    for bits in BITS
    for edge in (1 << bits, (1 << bits) - 1, -(1 << bits))
    if edge >= -(1 << 255)
]


@pytest.mark.parametrize("family", ["address", "bool", "uint", "int", "bytes"])
def test_long_columns_are_read_as_word_by_word(family: str) -> None:
    """Arrays decode, and refuse, exactly what the reader of one word does: one edge among many zeros."""
    for leaf in (leaf for leaf in STATIC_LEAVES if leaf.startswith(family)):
        codec: Function[Any] = Function(f"f(address)({leaf})")
        calls = codec.each(TARGETS[0], [TARGETS[1]] * 60)
        read = reader(leaf)
        for edge in EDGES:
            found = calls.decode(bytes(32 * 20) + edge + bytes(32 * 39))
            try:
                expected = [*[read(bytes(32))] * 20, read(edge), *[read(bytes(32))] * 39]
            except WordError:
                with pytest.raises(MalformedReply):
                    found.values()
            else:
                assert found.values() == expected
                assert type(found.values()[20]) is type(expected[20])


@pytest.mark.parametrize("largest", [0, 2**64 - 1, 2**64, 2**256 - 1])
def test_values_beyond_64_bits_stay_exact(largest: int) -> None:
    """The array of 64-bit numbers is given only where every value fits; the list is always exact."""
    numbers = [1, largest, 2**53 + 1]
    column = BALANCE.each(TARGETS[0], TARGETS[:3]).decode(encode(["uint256"] * 3, numbers))
    assert column.values() == numbers
    small = column.uint64()
    assert (small is None) == (largest >= 2**64)
    if small is not None:
        assert small.dtype == np.uint64
        assert small.tolist() == numbers


def test_a_failed_call_is_never_a_zero() -> None:
    """Values are refused while one is missing; outcomes hold the error in its place."""
    error = CallReverted("balanceOf(address)@0x…", "paused")
    column = Column("balanceOf", BALANCE.outputs, encode(["uint256"] * 3, [5, 0, 7]), {1: error})
    for read in (column.values, column.uint64):
        with pytest.raises(CallReverted, match="paused"):
            read()
    assert column.outcomes() == [5, error, 7]


def test_a_word_outside_its_type_is_malformed() -> None:
    """As for a single call."""
    calls = Function[Any]("f(address)(uint8)").each(TARGETS[0], TARGETS[:2])
    with pytest.raises(MalformedReply, match="uint8"):
        calls.decode(encode(["uint256"] * 2, [1, 256])).values()


def test_replies_of_another_length_are_malformed() -> None:
    """A column is as long as its calls."""
    with pytest.raises(MalformedReply, match="31 bytes for 1 replies"):
        BALANCE.each(TARGETS[0], TARGETS[:1]).decode(bytes(31))


def test_an_empty_column() -> None:
    """No calls, no values."""
    calls = BALANCE.each(TARGETS[0], [])
    assert len(calls) == 0
    assert calls.decode(b"").values() == []


def test_equal_columns_are_one_request() -> None:
    """Equal as requests, so that wallets that need the same column share it."""
    a, b, other = (BALANCE.each(TARGETS[0], TARGETS[:n]) for n in (3, 3, 2))
    assert a == b
    assert hash(a) == hash(b)
    assert a != other


@pytest.mark.parametrize(
    ("signature", "targets", "arguments"),
    [
        ("f(address)(uint256)", TARGETS[:2], [TARGETS[:3]]),
        ("f(address)(uint256)", TARGETS[0], [TARGETS[1]]),
        ("f(address)(uint256)", TARGETS[:2], []),
        ("f(address)(uint256)", TARGETS[:2], [["0x" + "11" * 19, "0x" + "11" * 21]]),
        ("f(address)(uint256)", TARGETS[:1], [["0x" + "zz" * 20]]),
        ("f(address)(string)", TARGETS[:2], [TARGETS[0]]),
        ("f(address)()", TARGETS[:2], [TARGETS[0]]),
        ("f(string)(uint256)", TARGETS[:2], ["a"]),
        ("f(uint256[2])(uint256)", TARGETS[:2], [[1, 2]]),
        ("f(uint8)(uint256)", TARGETS[:2], [[1, 256]]),
        ("f(uint8)(uint256)", TARGETS[:2], [np.array([1, 2])]),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    signature: str, targets: list[Address], arguments: list[Any]
) -> None:
    """Unequal lengths, no column at all, layouts that are not flat and fixed, values of another type."""
    with pytest.raises(WordError):
        Function[Any](signature).each(targets, *arguments)
