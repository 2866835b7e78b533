"""Calls at exactly one block of one endpoint, by its hash where that endpoint takes it.

Elsewhere calls go by number, and the hash of that number is compared before the first of them and behind the
last: neither a reorganisation nor an endpoint that lags or follows another branch mixes two histories.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aggregator.model.errors import BlockUnavailable, MalformedReply, ProviderUnavailable, Reorganised
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.faults import NotYet, OtherBlock, RpcError
from aggregator.reading.upstream import Upstream

B = TypeVar("B", bound=BlockUnavailable)
T = TypeVar("T")

BELIEVED_S = 5.0
"""How long an endpoint that lacks a block is not asked for it again."""
# What nodes say of a block or state that they don't have: geth, reth, erigon, nethermind, anvil.
_NO_BLOCK = (
    "not found",
    "unknown block",
    "missing trie node",
    "blockoutofrange",
    "out of range",
    "pruned",
    "pruning",
    "no state",
    "not available",
    "unavailable",
    "not currently canonical",
)
_NO_HASH = ("invalid params", "cannot unmarshal", "invalid argument", "unknown field", "invalid type")
_NO_METHOD = -32601
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_LAST_TIME = 253_402_300_799  # of the year 9999, the last one that dates are shown of
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,15}")


def refuses_block(answer: RpcError) -> bool:
    """Whether a refusal is about the block: the endpoint has it not, or not its state."""
    said = answer.message.lower()
    return answer.code != _NO_METHOD and any(words in said for words in _NO_BLOCK)


class Pin:
    """One block during one round, on any number of endpoints."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self._numbered: set[Upstream] = set()

    async def call(
        self, upstream: Upstream, to: str, data: bytes | bytearray, *more: Any, **how: bool
    ) -> bytes | RpcError:
        """What eth_call answers to `data` in hex at the block; `more` and `how` are as in Upstream.call.

        Raises BlockUnavailable where this endpoint lacks the block, Reorganised where it had it, and what
        asking raises.
        """
        self._check_belief(upstream)
        if upstream.by_hash is not False:
            at = {"blockHash": self.block.hash, "requireCanonical": True}
            answer = await upstream.call(to, data, at, *more, **how)
            if not isinstance(answer, RpcError):
                upstream.by_hash = True
                upstream.seen.add(self.block.hash)
                return answer
            if refuses_block(answer):
                raise await self._lacking(upstream, answer)
            # Once a hash was taken, a refusal of parameters is about the others.
            if upstream.by_hash or not _refuses_hashes(answer):
                return answer
        await self._before(upstream)
        answer = await upstream.call(to, data, hex(self.block.number), *more, **how)
        if isinstance(answer, RpcError) and refuses_block(answer):
            raise await self._lacking(upstream, answer)
        self._numbered.add(upstream)
        if upstream.by_hash is None and not (isinstance(answer, RpcError) and _refuses_hashes(answer)):
            upstream.by_hash = False
        return answer

    async def around(self, upstream: Upstream, use: Callable[[Upstream], Awaitable[T]]) -> T:
        """What `use` makes of an endpoint that has exactly this block before and afterwards."""
        self._check_belief(upstream)
        await self._before(upstream)
        found = await use(upstream)
        self._numbered.add(upstream)
        await self.check()
        return found

    async def check(self) -> None:
        """Compares the hash on every endpoint that was asked by number; raises Reorganised on another one."""
        numbered, self._numbered = self._numbered, set()
        await asyncio.gather(*(self._compare(upstream) for upstream in numbered))

    async def _before(self, upstream: Upstream) -> None:
        if self.block.hash not in upstream.seen:
            await self._compare(upstream)

    async def _compare(self, upstream: Upstream) -> None:
        [answer] = await upstream.ask([("eth_getBlockByNumber", [hex(self.block.number), False])])
        if isinstance(answer, RpcError) or answer is None:
            raise await self._lacking(upstream, answer)
        now = self._header(upstream, answer)
        if now.hash != self.block.hash:
            raise self._other(upstream, now)
        upstream.seen.add(self.block.hash)

    async def _lacking(self, upstream: Upstream, said: RpcError | None) -> BlockUnavailable:
        """Why this endpoint can't answer at the block; raises Reorganised where it had it."""
        number = self.block.number
        found, head = await upstream.ask(
            [("eth_getBlockByNumber", [hex(number), False]), ("eth_blockNumber", [])]
        )
        known = int(head, 16) if isinstance(head, str) and _QUANTITY.fullmatch(head) else None
        told = f" ({said})" if said is not None else ""
        if isinstance(found, dict):
            now = self._header(upstream, found)
            if now.hash != self.block.hash:
                return self._other(upstream, now)
        if isinstance(found, dict) or (known is not None and known >= number):
            why = f"has pruned the state of block {number}{told}: configure an archive endpoint"
        elif known is not None:
            why = f"block {number} is not there yet, its latest is {known}: wait, or add another endpoint"
            if self.block.hash not in upstream.seen:
                return self._believe(upstream, NotYet(upstream.name, why))
        else:
            why = f"has no block {number}{told}"
        return self._believe(upstream, BlockUnavailable(upstream.name, why))

    def _header(self, upstream: Upstream, answer: Any) -> Block:
        try:
            found = header(self.block.chain, answer)
        except MalformedReply as error:
            raise ProviderUnavailable(upstream.name, f"answered {error.why}") from None
        if found.number != self.block.number:
            why = f"answered block {found.number}, asked for {self.block.number}"
            raise ProviderUnavailable(upstream.name, why)
        return found

    def _other(self, upstream: Upstream, now: Block) -> OtherBlock:
        """An endpoint that had the block and has another one now was reorganised; others never had it."""
        number = self.block.number
        if self.block.hash in upstream.seen:
            upstream.rest()  # others may still have the block
            raise Reorganised(upstream.name, f"block {number} was reorganised while reading: read again")
        why = f"has another block {number} ({now.hash[:10]}…): it was reorganised, or this is another branch"
        return self._believe(upstream, OtherBlock(upstream.name, why))

    def _believe(self, upstream: Upstream, error: B) -> B:
        upstream.lacking[self.block.hash] = (error, asyncio.get_running_loop().time() + BELIEVED_S)
        return error

    def _check_belief(self, upstream: Upstream) -> None:
        error, until = upstream.lacking.get(self.block.hash, (None, 0.0))
        if error is not None and asyncio.get_running_loop().time() < until:
            raise error.with_traceback(None)


def _refuses_hashes(answer: RpcError) -> bool:
    said = answer.message.lower()
    return answer.code == -32602 or any(words in said for words in _NO_HASH)


def header(chain: ChainId, answer: Any) -> Block:
    """A block from what eth_getBlockBy… answers; raises MalformedReply."""
    try:
        return Block(
            chain=chain,
            number=_quantity(answer["number"]),
            hash=_hash(answer["hash"]),
            parent_hash=_hash(answer["parentHash"]),
            timestamp=_time(answer["timestamp"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedReply(
            f"eth_getBlockByNumber on chain {chain}", f"no block header: {error!r}"
        ) from None


def _quantity(text: Any) -> int:
    if not isinstance(text, str) or not _QUANTITY.fullmatch(text):
        raise ValueError("a quantity is none")  # not the text: an endpoint may quote a key
    return int(text, 16)


def _time(text: Any) -> int:
    if (time := _quantity(text)) > _LAST_TIME:
        raise ValueError("a time is no date")
    return time


def _hash(text: Any) -> str:
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise ValueError("a hash is none")
    return text.lower()
