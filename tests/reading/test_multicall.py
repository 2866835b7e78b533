"""aggregate3 batches: packed as eth_abi encodes them, unpacked to each part's own replies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls, Function
from aggregator.model.errors import CallReverted, MalformedReply, NoContract, ReadError
from aggregator.model.units import Address, keccak
from aggregator.reading import multicall, queued_calls, reverts
from aggregator.reading.queued_calls import Batch, Part, Queue, Slice
from aggregator.reading.source import Raw, Wanted

PAIR: Function[Any] = Function("pair(address,uint8)(uint256,address)")
TEXT: Function[str] = Function("name(string)(string)")
NOTHING: Function[Any] = Function("poke()()")
ADDRESSES = [Address("0x" + f"{i:02x}" * 20) for i in range(1, 10)]

addresses = st.sampled_from(ADDRESSES)
singles = st.one_of(
    st.builds(NOTHING.at, addresses),
    st.builds(TEXT.at, addresses, st.text(max_size=40)),
    st.builds(PAIR.at, addresses, addresses, st.integers(0, 255)),
)
columns = st.one_of(
    st.builds(PAIR.each, addresses, st.lists(addresses, max_size=6), st.integers(0, 255)),
    st.builds(PAIR.each, st.lists(addresses, min_size=1, max_size=6), addresses, st.integers(0, 255)),
)
requests = st.lists(st.one_of(singles, columns), min_size=1, max_size=6)


def whole(wanted: list[Wanted]) -> list[tuple[int, Part]]:
    """All requests as one batch."""
    return [(i, r if isinstance(r, Call) else Slice(r, 0, len(r))) for i, r in enumerate(wanted)]


def calls_of(batch: list[tuple[int, Part]]) -> list[tuple[int, str, bytes]]:
    """Every call of a batch by itself: its request, target and calldata."""
    found: list[tuple[int, str, bytes]] = []
    for i, part in batch:
        if isinstance(part, Call):
            found.append((i, part.target, part.data))
        else:
            found += [(i, *part.calls.one(k)) for k in range(part.start, part.stop)]
    return found


def results(rows: list[tuple[bool, bytes]]) -> bytes:
    """What aggregate3 returns."""
    return encode(["(bool,bytes)[]"], [rows])


def taken(wanted: list[Wanted], limit: int, size: int = 10**9) -> Iterator[Batch]:
    """All batches of at most so many calls and bytes."""
    queue = Queue(wanted)
    while batch := queue.take(limit, size):
        yield batch


@given(requests, st.integers(1, 40))
def test_packing_is_what_eth_abi_encodes(wanted: list[Wanted], limit: int) -> None:
    """Selector and calldata, for any mix of single and columnar requests, whole or cut anywhere."""
    selector = keccak(b"aggregate3((address,bool,bytes)[])")[:4]
    for batch in taken(wanted, limit):
        rows = [(target, True, data) for _, target, data in calls_of(batch)]
        packed = selector + encode(["(address,bool,bytes)[]"], [rows])
        assert multicall.pack(batch) == packed
        assert multicall.pack_hex(batch) == packed.hex().encode()


@given(requests, st.integers(1, 7))
def test_parts_split_without_loss(wanted: list[Wanted], limit: int) -> None:
    """Every call once, in order, with the number of its request; all batches but the last are full."""
    batches = list(taken(wanted, limit))
    assert [call for batch in batches for call in calls_of(batch)] == calls_of(whole(wanted))
    assert [queued_calls.size(batch) for batch in batches][:-1] == [limit] * (len(batches) - 1)
    asked = {i for i, request in enumerate(wanted) if isinstance(request, Call) or len(request)}
    assert {i for batch in batches for i, _ in batch} == asked


@given(requests, st.integers(1, 7), st.integers(1, 2_000))
def test_batches_are_bounded_by_their_calldata_too(wanted: list[Wanted], limit: int, size: int) -> None:
    """Only a single call may be larger, and nothing is lost."""
    batches = list(taken(wanted, limit, size))
    assert [call for batch in batches for call in calls_of(batch)] == calls_of(whole(wanted))
    for batch in batches:
        head = 4 + 2 * 32
        assert queued_calls.size(batch) == 1 or len(multicall.pack(batch)) <= head + size


@given(requests)
def test_halves_split_without_loss(wanted: list[Wanted]) -> None:
    """Two parts of equal size or one apart, nothing lost and nothing twice."""
    batch = whole(wanted)
    if queued_calls.size(batch) < 2:
        return
    left, right = queued_calls.halves(batch)
    assert calls_of(left) + calls_of(right) == calls_of(batch)
    assert queued_calls.size(right) - queued_calls.size(left) in (0, 1)


@given(requests, st.data())
def test_unpacking_gives_every_part_its_own_replies(wanted: list[Wanted], data: st.DataObject) -> None:
    """Successes, reverts, empty and misshapen answers, each where it belongs."""
    batch = whole(wanted)
    good = encode(["uint256", "address"], [7, ADDRESSES[0]])
    answers = st.sampled_from([(True, good), (False, b""), (True, b""), (True, good + bytes(32))])
    rows = [data.draw(answers) for _ in calls_of(batch)]
    replies = multicall.unpack(batch, results(rows))
    assert len(replies) == len(batch)
    at = 0
    for (_, part), reply in zip(batch, replies, strict=True):
        if isinstance(part, Call):
            success, raw = rows[at]
            assert reply == raw if success else isinstance(reply, CallReverted)
            at += 1
        else:
            assert isinstance(reply, Column)
            for k, outcome in enumerate(reply.outcomes()):
                success, raw = rows[at + k]
                expected: Any = int if raw == good else NoContract if not raw else MalformedReply
                assert isinstance(outcome, expected if success else CallReverted)
            at += len(part)


def column(rows: list[tuple[bool, bytes]]) -> Column:
    """The replies of a column of as many calls."""
    calls = PAIR.each(ADDRESSES[0], ADDRESSES[: len(rows)], 1)
    [reply] = multicall.unpack(whole([calls]), results(rows))
    assert isinstance(reply, Column)
    return reply


def test_a_column_keeps_its_good_values_beside_failures() -> None:
    """Failures name their own call; the others stand."""
    good = [encode(["uint256", "address"], [n, ADDRESSES[n]]) for n in range(3)]
    reply = column([(True, good[0]), (False, b""), (True, b""), (True, good[1][:32]), (True, good[2])])
    first, reverted, absent, short, last = reply.outcomes()
    assert (first, last) == (0, 2)
    assert isinstance(reverted, CallReverted)
    assert isinstance(absent, NoContract)
    assert isinstance(short, MalformedReply)
    assert all(e.origin == f"pair(address,uint8)@{ADDRESSES[0]}" for e in (reverted, absent, short))


def test_a_column_whose_sizes_only_sum_up_is_not_taken_as_a_block() -> None:
    """One reply a word longer and the next a word shorter: both are malformed, none is shifted."""
    long, short = bytes(96), bytes(32)
    reply = column([(True, long), (True, short)])
    assert all(isinstance(outcome, MalformedReply) for outcome in reply.outcomes())


def test_merging_moves_failures_to_their_place() -> None:
    """Slices of one request become one column again."""
    calls: Calls = PAIR.each(ADDRESSES[0], ADDRESSES[:5], 1)
    row = encode(["uint256", "address"], [7, ADDRESSES[0]])
    pieces: list[Raw] = []
    for part in (Slice(calls, 0, 2), Slice(calls, 2, 5)):
        rows = [(part.start + k != 3, row) for k in range(len(part))]
        pieces += multicall.unpack([(0, part)], results(rows))
    merged = multicall.merge(calls, [(len(piece), piece) for piece in pieces if isinstance(piece, Column)])
    assert isinstance(merged, Column)
    assert list(merged.failures) == [3]
    assert [o for o in merged.outcomes() if not isinstance(o, ReadError)] == [7] * 4


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_malformed_or_unpacked(raw: bytes) -> None:
    """Nothing but MalformedReply escapes."""
    batch = whole([NOTHING.at(ADDRESSES[0]), PAIR.each(ADDRESSES[0], ADDRESSES[:2], 1)])
    with contextlib.suppress(MalformedReply):
        assert len(multicall.unpack(batch, raw)) == 2


GOOD = results([(True, bytes(64)), (True, bytes(64))])


def patched(word: int, value: int) -> bytes:
    """A good reply with another word in one place."""
    return GOOD[: 32 * word] + value.to_bytes(32) + GOOD[32 * word + 32 :]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        GOOD[:32],
        GOOD[:-1],
        GOOD[:-64],
        patched(0, 64),
        patched(1, 1),
        patched(1, 3),
        patched(1, 2**256 - 1),
        patched(2, 2**255),
        patched(2, 2**64 - 1),
        patched(2, 2**64 + int.from_bytes(GOOD[64:96]) - len(GOOD)),  # as if counted from the end
        patched(3, len(GOOD)),
        patched(4, 2),
        patched(5, 0),
        patched(6, 2**200),
    ],
)
@pytest.mark.parametrize("columnar", [False, True])
def test_a_reply_that_is_no_list_of_results_is_malformed(raw: bytes, *, columnar: bool) -> None:
    """Wrong counts, offsets outside, booleans of 2, lengths beyond the end."""
    one: Wanted = PAIR.at(ADDRESSES[0], ADDRESSES[0], 1)
    wanted: list[Wanted] = [PAIR.each(ADDRESSES[0], ADDRESSES[:2], 1)] if columnar else [one, one]
    assert decode(["(bool,bytes)[]"], GOOD)
    assert len(multicall.unpack(whole(wanted), GOOD)) == len(wanted)
    with pytest.raises(MalformedReply):
        multicall.unpack(whole(wanted), raw)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no reason given"),
        (Function[Any]("Error(string)()").at(ADDRESSES[0], "ERC20: paused").data, "ERC20: paused"),
        (Function[Any]("Panic(uint256)()").at(ADDRESSES[0], 17).data, "panic 17"),
        (
            Function[Any]("Custom(uint256)()").at(ADDRESSES[0], 1).data,
            "0x" + keccak(b"Custom(uint256)")[:4].hex(),
        ),
        (Function[Any]("Error(string)()").at(ADDRESSES[0], "cut").data[:-1], "0x08c379a0"),
        (Function[Any]("Error(string)()").at(ADDRESSES[0], "\x1b[2Jall\u202efine").data, "?[2Jall?fine"),
    ],
)
def test_reasons_of_reverts(data: bytes, reason: str) -> None:
    """A text, a panic code, or the first bytes; what moves a terminal's cursor is not shown."""
    error = reverts.reverted("somewhere", data)
    assert isinstance(error, CallReverted)
    assert reason in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 300
