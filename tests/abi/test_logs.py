"""Logs as bytes: what is packed comes out again, and nothing that was not asked for."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.abi.logs import Log, Logs, pack
from aggregator.model.errors import MalformedReply
from aggregator.model.units import Address

TOKEN, OTHER = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
A, B = b"a" * 32, b"b" * 32
WANTED = Logs((TOKEN,), ((A,), None, (A, B)), 5, 9)
hashes = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())


def at(block: int, index: int = 0, fork: int = 0) -> Log:
    """A log that is asked for."""
    return Log(TOKEN, (A, A, B), b"data", block, f"0x{block:062x}{fork:02x}", "0x" + "cd" * 32, index)


def test_what_was_asked_for_comes_out() -> None:
    """Several of one block, several blocks, none at all."""
    logs = (at(5), at(7), at(7, 1), at(9, 4))
    assert WANTED.decode(pack(logs)) == logs
    assert WANTED.decode(b"") == ()


@given(
    st.lists(
        st.builds(
            Log,
            st.binary(min_size=20, max_size=20).map(lambda raw: Address("0x" + raw.hex())),
            st.lists(st.binary(min_size=32, max_size=32), max_size=4).map(tuple),
            st.binary(max_size=100),
            st.integers(0, 2**64 - 1),
            hashes,
            hashes,
            st.integers(0, 2**32 - 1),
        ),
        unique_by=lambda log: log.block_number,
    )
)
def test_any_logs_survive_packing(logs: list[Log]) -> None:
    """All fields, extremes included; block hashes that are equal by chance are no chain's."""
    logs = sorted(logs, key=lambda log: log.block_number)
    logs = [replace(log, block_hash=f"0x{i:064x}") for i, log in enumerate(logs)]
    assert Logs(()).decode(pack(logs)) == tuple(logs)


REFUSED = {
    "another contract": [replace(at(5), address=OTHER)],
    "another topic": [replace(at(5), topics=(B, A, B))],
    "another third topic": [replace(at(5), topics=(A, A, A[:31] + b"x"))],
    "too few topics": [replace(at(5), topics=(A, A))],
    "a block before": [at(4)],
    "a block after": [at(10)],
    "out of order": [at(7), at(6)],
    "one twice": [at(7), at(7)],
    "indices out of order": [at(7, 2), at(7, 1)],
    "one block with two hashes": [at(7, 0), at(7, 1, fork=1)],
    "two blocks with one hash": [at(7), replace(at(8), block_hash=at(7).block_hash)],
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_was_not_asked_for_is_malformed(case: str) -> None:
    """A filter that an endpoint ignored must not become positions."""
    with pytest.raises(MalformedReply):
        WANTED.decode(pack(REFUSED[case]))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_malformed_or_logs(raw: bytes) -> None:
    """Nothing but MalformedReply escapes."""
    with contextlib.suppress(MalformedReply):
        Logs(()).decode(raw)


@given(st.data())
def test_every_cut_is_noticed(data: st.DataObject) -> None:
    """Bytes that end within a log."""
    whole = pack([at(5), at(7)])
    cut = data.draw(st.integers(1, len(whole) - 1).filter(lambda size: size != len(whole) // 2))
    with pytest.raises(MalformedReply):
        WANTED.decode(whole[:cut])


@pytest.mark.parametrize(
    "log",
    [
        replace(at(5), topics=(A,) * 5),
        replace(at(5), topics=(b"short",)),
        replace(at(5), block_number=2**64),
        replace(at(5), log_index=-1),
        replace(at(5), block_hash="0x12"),
        replace(at(5), transaction_hash="zz"),
        replace(at(5), address=Address("0x12")),
    ],
)
def test_what_no_log_can_hold_is_not_packed(log: Log) -> None:
    """A ValueError, for whoever parses a node's answer."""
    with pytest.raises(ValueError, match=r"log|hex|bytes"):
        pack([log])


def test_the_key_of_a_filter_does_not_depend_on_its_blocks_or_order() -> None:
    """What the cache keeps logs by."""
    same = [
        WANTED,
        replace(WANTED, from_block=0, to_block=None),
        replace(WANTED, topics=((A, A), None, (B, A)), addresses=(TOKEN, TOKEN)),
    ]
    assert len({wanted.filter_key for wanted in same}) == 1
    others = [
        replace(WANTED, addresses=()),
        replace(WANTED, addresses=(OTHER,)),
        replace(WANTED, topics=((A,), (A, B))),
        replace(WANTED, topics=((A,), (A,), (A, B))),
    ]
    assert len({wanted.filter_key for wanted in (WANTED, *others)}) == 5


def test_the_pinned_block_is_the_last_one() -> None:
    """Whatever was asked for beyond it."""
    assert replace(WANTED, to_block=None).last(20) == 20
    assert (WANTED.last(20), WANTED.last(6)) == (9, 6)
