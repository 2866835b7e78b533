"""Batches of a round: each is on its way before the next one is packed."""

from __future__ import annotations

import asyncio

import pytest

from aggregator.reading import multicall, queued_calls
from aggregator.reading.batches import LEAST_SPREAD, Answered, Batches, Unpack
from aggregator.reading.limits import Sizing
from tests.reading.contracts import HEIGHT, NUMBER
from tests.reading.kit import CHAIN


def test_a_batch_is_sent_before_the_next_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection writes only once it is the loop's turn."""
    events: list[str] = []
    pack = multicall.pack_hex

    def packed(batch: queued_calls.Batch) -> bytes | bytearray:
        events.append("packed")
        return pack(batch)

    async def send(data: bytes | bytearray, splittable: bool, unpack: Unpack) -> Answered:  # noqa: ARG001
        await asyncio.sleep(0)
        events.append("sent")
        await asyncio.sleep(0.05)
        return Answered([bytes(32)], Sizing())

    monkeypatch.setattr(multicall, "pack_hex", packed)
    batches = Batches(send=send, chain=CHAIN, sizing=Sizing, at_once=4)
    requests = [NUMBER.each([HEIGHT] * LEAST_SPREAD) for _ in range(4)]
    with pytest.raises(Exception, match="plain bytes"):  # what was answered is not looked at here
        asyncio.run(batches.replies(requests))
    assert events == ["packed", "sent"] * 4
