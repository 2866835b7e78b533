"""Logs that contracts emitted: what is asked for, and how replies are kept as bytes.

The reply to a `Logs` request is one string of bytes (`pack`), whoever gave it: a node, a recording, a cache.
`Logs.decode` trusts none of them and checks every log against the request.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from aggregator.model.errors import MalformedReply
from aggregator.model.units import Address

Topic: TypeAlias = tuple[bytes, ...] | None
"""What a topic may be: any of these words of 32 bytes; None for anything."""

_HEAD = struct.Struct(">QI20s32s32sBI")
_MAX_TOPICS = 4


@dataclass(frozen=True, slots=True)
class Log:
    """One log. `topics` are words of 32 bytes; hashes are 0x hex, the address is lower-case."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    transaction_hash: str
    log_index: int

    @property
    def origin(self) -> str:
        """Where it stands: `log 3 of block 17@0x…`."""
        return f"log {self.log_index} of block {self.block_number}@{self.address}"


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs of these contracts that carry these topics, in the order of the chain.

    No address means any contract. Blocks are inclusive; `to_block` None is the pinned block, and none beyond
    it is ever read. Replies with a tuple of Log.
    """

    addresses: tuple[Address, ...]
    topics: tuple[Topic, ...] = ()
    from_block: int = 0
    to_block: int | None = None

    @property
    def origin(self) -> str:
        """Where figures come from: `logs 0xddf252ad@0x…`."""
        first = self.topics[0] if self.topics else None
        kind = "any" if not first else "0x" + first[0][:4].hex()
        where = self.addresses[0] if len(self.addresses) == 1 else f"{len(self.addresses)} contracts"
        return f"logs {kind}@{where}"

    @property
    def filter_key(self) -> bytes:
        """Equal for requests that differ in their blocks alone, or in the order of what may match."""
        addresses = sorted(set(self.addresses))
        topics = [topic if topic is None else sorted(set(topic)) for topic in self.topics]
        return blake2b(repr((addresses, topics)).encode(), digest_size=16).digest()

    def last(self, pinned: int) -> int:
        """The last block that is read at a pinned one."""
        return pinned if self.to_block is None else min(self.to_block, pinned)

    def decode(self, raw: bytes) -> tuple[Log, ...]:
        """The logs; raises MalformedReply where one was not asked for, comes twice or out of order."""
        logs = tuple(self._unpacked(raw))
        before: Log | None = None
        for log in logs:
            why = self._refused(log)
            if before is not None and (log.block_number, log.log_index) <= (
                before.block_number,
                before.log_index,
            ):
                why = "it comes twice or out of order"
            elif before is not None and (log.block_number == before.block_number) != (
                log.block_hash == before.block_hash
            ):
                why = "its block has two hashes, or two blocks have its hash"
            if why:
                raise MalformedReply(self.origin, f"{log.origin}: {why}")
            before = log
        return logs

    def _refused(self, log: Log) -> str:
        if self.addresses and log.address not in self.addresses:
            return "its contract was not asked for"
        if len(log.topics) < len(self.topics) or any(
            wanted is not None and topic not in wanted
            for wanted, topic in zip(self.topics, log.topics, strict=False)
        ):
            return "its topics were not asked for"
        if log.block_number < self.from_block or (
            self.to_block is not None and log.block_number > self.to_block
        ):
            return "its block was not asked for"
        return ""

    def _unpacked(self, raw: bytes) -> Iterable[Log]:
        at = 0
        while at < len(raw):
            if len(raw) < at + _HEAD.size:
                raise MalformedReply(self.origin, f"{len(raw)} bytes end within a log")
            number, index, address, block, transaction, count, size = _HEAD.unpack_from(raw, at)
            at += _HEAD.size
            end = at + 32 * count
            if count > _MAX_TOPICS or len(raw) < end + size:
                raise MalformedReply(self.origin, f"a log with {count} topics and {size} bytes of data")
            yield Log(
                address=Address("0x" + address.hex()),
                topics=tuple(raw[i : i + 32] for i in range(at, end, 32)),
                data=raw[end : end + size],
                block_number=number,
                block_hash="0x" + block.hex(),
                transaction_hash="0x" + transaction.hex(),
                log_index=index,
            )
            at = end + size


def pack(logs: Iterable[Log]) -> bytes:
    """Logs as bytes that `Logs.decode` reads; raises ValueError where one holds what no log can."""
    parts: list[bytes] = []
    for log in logs:
        words = b"".join(log.topics)
        if len(log.topics) > _MAX_TOPICS or len(words) != 32 * len(log.topics):
            raise ValueError(f"{log.origin} has topics that are none")
        try:
            head = _HEAD.pack(
                log.block_number,
                log.log_index,
                _exactly(20, log.address),
                _exactly(32, log.block_hash),
                _exactly(32, log.transaction_hash),
                len(log.topics),
                len(log.data),
            )
        except struct.error as error:
            raise ValueError(f"{log.origin}: {error}") from error
        parts += (head, words, log.data)
    return b"".join(parts)


def _exactly(size: int, text: str) -> bytes:
    raw = bytes.fromhex(text.removeprefix("0x"))
    if len(raw) != size:
        raise ValueError(f"{text!r} is not {size} bytes")
    return raw
