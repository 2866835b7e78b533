"""Texts that name blocks, and looking times up with headers that were kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.errors import BadConfiguration
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.blocks import Back, BlockName, Hash, Number, Tag, parse_block
from aggregator.reading.chain import ChainReader
from aggregator.reading.moments import Moment
from tests.devnet.node import Node
from tests.reading.kit import with_reader
from tests.reading.servers import Server, proxy

HASH = "0x" + "aB" * 32


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("latest", Tag("latest")),
        ("FINALIZED", Tag("finalized")),
        ("safe", Tag("safe")),
        ("0", Number(0)),
        ("21500000", Number(21_500_000)),
        ("0x10", Number(16)),
        ("16M", Number(16_000_000)),
        ("16m", Number(16_000_000)),
        ("21.5M", Number(21_500_000)),
        ("300k", Number(300_000)),
        ("0.001k", Number(1)),
        ("-64", Back(64)),
        (HASH, Hash(HASH.lower())),
        ("2026-11-22T13:45Z", Moment("latest", 1_795_355_100)),
        ("2026-11-22T14:45+01:00", Moment("latest", 1_795_355_100)),
        ("safe@2026-11-22T08:15:00-05:30", Moment("safe", 1_795_355_100)),
    ],
)
def test_every_form_of_a_block(text: str, name: BlockName) -> None:
    """One parser for the command line and for readers."""
    assert parse_block(text) == name


@pytest.mark.parametrize(
    "text", ["0.5", "1.2345k", "M", "1G", "-0", "- 1", "0x" + "1" * 63, "--1", "12 ",
    "0001-01-01T00:00+05:00", "9999-12-31T23:59-14:00"],
)  # fmt: skip
def test_texts_that_name_none(text: str) -> None:
    """With all forms in the message, and where it came from."""
    with pytest.raises(BadConfiguration, match="is no block: give latest") as caught:
        parse_block(text, "--block")
    assert caught.value.where == "--block"


@pytest.mark.parametrize("text", ["2026-11-22T13:45", "finalized@2026-11-22T13:45:01"])
def test_a_time_without_its_zone_is_told(text: str) -> None:
    """It would be another block elsewhere."""
    with pytest.raises(BadConfiguration, match="has no zone"):
        parse_block(text)


@given(st.text(max_size=40))
def test_any_text_is_a_block_or_refused(text: str) -> None:
    """Never anything else."""
    try:
        parse_block(text)
    except BadConfiguration:
        return


class Kept(dict[int, Block]):
    """A HeaderCache in memory."""

    def put(self, block: Block) -> None:
        """See HeaderCache."""
        self[block.number] = block

    def get(self, chain: ChainId, number: int) -> Block | None:  # type: ignore[override]  # its own keys
        """See HeaderCache."""
        block = super().get(number)
        return block if block is not None and block.chain == chain else None


def pinned(url: str, text: str, kept: Kept | None) -> tuple[Block, int]:
    """The block of a text, and how many requests it took."""

    async def use(reader: ChainReader) -> tuple[Block, int]:
        return await reader.pin(text), reader.requests

    return with_reader([url], use, headers=kept)


def test_headers_are_kept_up_to_the_finalized_one(node: Node) -> None:
    """A second look-up takes fewer requests, and finds the same; nothing that may change is kept."""
    node.mine(60)
    at = str(Moment("latest", node.timestamp - 37))
    finalized = node.block_number - 2  # two epochs of one block
    kept = Kept()
    plain, _ = pinned(node.url, at, None)
    first, cold = pinned(node.url, at, kept)
    second, warm = pinned(node.url, at, kept)
    assert plain == first == second
    assert kept
    assert max(kept) <= finalized
    assert warm < cold


def test_headers_of_another_chain_of_the_same_id_mislead_nobody(node: Node) -> None:
    """A local chain that is begun anew has other blocks: what was kept of the old one is noticed."""
    node.mine(60)
    at = str(Moment("latest", node.timestamp - 37))
    right, _ = pinned(node.url, at, None)
    kept = Kept()
    pinned(node.url, at, kept)
    for number, block in kept.items():
        wrong = Block(block.chain, number, "0x" + "5" * 64, "0x" + "6" * 64, block.timestamp + 10)
        kept[number] = wrong
    assert pinned(node.url, at, kept)[0] == right


def test_a_moment_that_is_asked_with_an_offset_is_the_same_block(node: Node) -> None:
    """Through the whole reader, and looked up once per reader."""
    node.mine(3)
    utc = str(Moment("latest", node.timestamp - 1))
    with Server(proxy(node.url)) as server:

        async def use(reader: ChainReader) -> tuple[Block, Block]:
            return await reader.pin(utc), await reader.pin(utc.lower())

        first, second = with_reader([server.url], use)
    assert first == second
    assert first.number == node.block_number - 1
    assert len(server.requests) <= 4
