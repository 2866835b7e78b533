"""The block of a moment: by its header, in few steps, on a model of headers and on a real node."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.errors import BlockUnavailable
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.moments import Moment, block_at
from tests.devnet.node import GENESIS_TIMESTAMP, Node
from tests.reading.kit import with_reader


def found(times: Sequence[int], moment: int) -> tuple[int, int]:
    """The number of the block of a moment among blocks of these times, and how many headers it took."""
    asked = 0

    def block(number: int) -> Block:
        return Block(ChainId(1), number, f"0x{number:064x}", "0x", times[number])

    async def header(number: int) -> Block:
        nonlocal asked
        asked += 1
        return block(number)

    return asyncio.run(block_at(moment, block(len(times) - 1), header)).number, asked


@given(
    gaps=st.lists(st.sampled_from([0, 0, 1, 2, 12, 12, 12, 3600]), min_size=1, max_size=300),
    moment=st.integers(0, 300_000),
)
def test_it_is_the_last_block_that_is_not_newer(gaps: list[int], moment: int) -> None:
    """Also where blocks share a time, and where the chain stood still."""
    times = [1000]
    for gap in gaps:
        times.append(times[-1] + gap)
    if moment < 1000:
        with pytest.raises(BlockUnavailable, match="no block at or before 1970-01-01"):
            found(times, moment)
        return
    assert found(times, moment)[0] == max(i for i, time in enumerate(times) if time <= moment)


def test_it_takes_few_headers() -> None:
    """None for now, two for a moment ago, and under twenty in a year of blocks, even if they are uneven."""
    even = range(0, 2_600_000 * 12, 12)
    assert found(even, even[-1] + 5) == (len(even) - 1, 0)
    assert found(even, even[-2] + 5) == (len(even) - 2, 1)
    assert max(found(even, i * 86_400 + 7)[1] for i in range(1, 360, 20)) < 20
    uneven = [12 * i if i < 1_000_000 else 12_000_000 + 2 * (i - 1_000_000) for i in range(2_000_000)]
    assert max(found(uneven, time)[1] for time in range(10**5, 13 * 10**6, 10**6)) < 30


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-22T13:45Z", "latest@2026-11-22T13:45:00Z"),
        ("2026-11-22t13:45:09z", "latest@2026-11-22T13:45:09Z"),
        ("FINALIZED@2026-11-22T13:45:00Z", "finalized@2026-11-22T13:45:00Z"),
    ],
)
def test_moments_as_texts(text: str, shown: str) -> None:
    """In UTC, which must be said; what is shown means the same."""
    moment = Moment.parse(text)
    assert str(moment) == shown
    assert Moment.parse(shown) == moment


@pytest.mark.parametrize(
    "text", ["2026-11-22", "2026-11-22T13:45", "2026-13-22T13:45Z", "now@2026-11-22T13:45Z", "@1", "latest"]
)
def test_texts_that_are_no_moment(text: str) -> None:
    """They are left to others, who refuse them."""
    assert Moment.parse(text) is None


def test_a_real_node_is_pinned_at_a_moment(node: Node) -> None:
    """The block before a long silence, at every moment of it; none before the first block."""
    number, time = node.block_number, node.timestamp
    node.warp(7_200)
    node.mine(3)

    def pinned(tag: str, at: int) -> Block:
        return with_reader([node.url], lambda reader: reader.pin(str(Moment(tag, at))))

    for later in (0, 1, 3_599, 7_199):
        assert pinned("latest", time + later).number == number
    assert pinned("safe", time + 7_200).number == number + 1
    with pytest.raises(BlockUnavailable, match="no block at or before 2026-10-31 23:59:59 UTC"):
        pinned("latest", GENESIS_TIMESTAMP - 1)
