"""One chain, live: pins a block, and answers batches of calls at exactly that block.

The pin is by hash where the node supports it (EIP-1898). Elsewhere calls go by number, and the hash of that
number is checked again after every round, so that a reorganisation never mixes two histories.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from aggregator.abi.columns import Column
from aggregator.abi.function import Call
from aggregator.model.errors import (
    BadConfiguration,
    BlockUnavailable,
    CallReverted,
    MalformedReply,
    MissingMulticall,
    ProviderUnavailable,
    ReadError,
    TransportError,
)
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading import multicall
from aggregator.reading.source import Raw, Wanted
from aggregator.reading.transport import Endpoint, Rpc, RpcError

BATCH_CALLS = 500
_TAGS = ("latest", "safe", "finalized")
_BLOCK = re.compile(r"latest|safe|finalized|-?[1-9]\d{0,18}|0|0x[0-9a-fA-F]{1,16}|0x[0-9a-fA-F]{64}")
# What nodes say of a block that they don't have: geth, reth, erigon, nethermind, anvil.
_NO_BLOCK = ("not found", "unknown block", "missing trie node", "blockoutofrange", "pruned", "no state")
_WORK = ("revert", "gas", "timeout", "timed out", "abort", "too large", "too big", "size")
_REVERTED = 3  # JSON-RPC error code of a reverted execution
_NO_HASH = ("invalid params", "cannot unmarshal", "invalid argument", "unknown field", "invalid type")


class ChainReader:
    """A live ChainSource over the endpoints of one chain."""

    def __init__(self, rpc: Rpc, *, multicall3: Address = multicall.MULTICALL3) -> None:
        self._rpc = rpc
        self.multicall3 = multicall3
        self._by_hash = True
        self._pins: dict[str, Block] = {}

    @property
    def chain(self) -> ChainId:
        """The chain id that the endpoints answered or must answer."""
        if self._rpc.chain is None:
            raise ProviderUnavailable("chain", "its id is not known before a block is pinned")
        return self._rpc.chain

    @property
    def requests(self) -> int:
        """HTTP requests so far."""
        return self._rpc.requests

    def add(self, endpoint: Endpoint) -> None:
        """One more endpoint of the same chain to fail over to."""
        self._rpc.endpoints.append(endpoint)

    async def pin(self, block: str) -> Block:
        """See ChainSource.pin; `-64` counts back from the latest. A text means one block for good."""
        if block not in self._pins:
            self._pins[block] = await self._look_up(block)
        return self._pins[block]

    async def _look_up(self, block: str) -> Block:
        if not _BLOCK.fullmatch(block):
            why = "is no block: give latest, safe, finalized, a number, a hash, or -N to count back"
            raise BadConfiguration(f"block {block!r}", why)
        if block.startswith("-"):
            latest = await self.pin("latest")
            block = str(max(0, latest.number + int(block)))
        by_hash = len(block) == 66
        name = block.lower() if by_hash or block in _TAGS else hex(int(block, 0))
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        [answer] = await self._rpc.send([(method, [name, False])])
        if isinstance(answer, RpcError):
            raise BlockUnavailable(f"chain {self._rpc.chain}", f"block {block}: {answer}")
        if answer is None:
            raise BlockUnavailable(f"chain {self._rpc.chain}", f"has no block {block}")
        found = _block(self.chain, answer)
        if name not in (*_TAGS, found.hash, hex(found.number)):
            raise MalformedReply(f"{method} on chain {self.chain}", f"asked {name}, answered {found.number}")
        return found

    async def fetch(self, block: Block, requests: Sequence[Wanted]) -> list[Raw]:
        """See ChainSource.fetch. Batches are sent at once; one that is too big is halved and sent again."""
        batches = list(multicall.parts(requests, BATCH_CALLS))
        answers = await asyncio.gather(*(self._batch(block, batch) for batch in batches))
        if not self._by_hash:
            await self._check_number(block)
        pieces: list[list[Raw]] = [[] for _ in requests]
        for batch, replies in zip(batches, answers, strict=True):
            for (i, _), reply in zip(batch, replies, strict=True):
                pieces[i].append(reply)
        return [_whole(request, found) for request, found in zip(requests, pieces, strict=True)]

    async def ask(self, method: str, params: list[Any]) -> Any | RpcError:
        """The node's answer to one JSON-RPC call, its refusal as a value."""
        [answer] = await self._rpc.send([(method, params)])
        return answer

    async def code(self, address: Address, block: Block) -> str:
        """The code at an address as 0x hex; raises ProviderUnavailable where the node refuses."""
        answer = await self.ask("eth_getCode", [address, hex(block.number)])
        if not isinstance(answer, str):
            raise ProviderUnavailable(f"chain {self.chain}", f"eth_getCode: {answer}")
        return answer

    async def _batch(self, block: Block, batch: list[tuple[int, multicall.Part]]) -> list[Raw]:
        try:
            answer = await self._aggregate3(block, multicall.pack(batch))
        except TransportError as error:
            return [error] * len(batch)
        if isinstance(answer, RpcError):
            if multicall.size(batch) > 1:
                return await self._halved(block, batch, answer)
            return [self._refusal(part, answer) for _, part in batch]
        if answer == "0x":
            return [MissingMulticall(self.chain, self.multicall3)] * len(batch)
        try:
            return multicall.unpack(batch, bytes.fromhex(answer[2:]))
        except (MalformedReply, ValueError) as error:
            why = error.why if isinstance(error, MalformedReply) else "not hex"
            return [MalformedReply("aggregate3", why)] * len(batch)

    async def _halved(
        self, block: Block, batch: list[tuple[int, multicall.Part]], refused: RpcError
    ) -> list[Raw]:
        left, right = multicall.halves(batch)
        answer = await self._batch(block, left)
        # A node that refuses every call must not be asked for each of them in turn.
        alike = [reply for reply in answer if isinstance(reply, TransportError)]
        if len(alike) == len(left) and not _about_work(refused):
            answer += [alike[0]] * len(right)
        else:
            answer += await self._batch(block, right)
        found: dict[int, list[Raw]] = {}
        for (i, _), reply in zip((*left, *right), answer, strict=True):
            found.setdefault(i, []).append(reply)
        return [_whole_part(part, found[i]) for i, part in batch]

    def _refusal(self, part: multicall.Part, refused: RpcError) -> ReadError:
        # aggregate3 passes on a revert as a failed result, so what is left is gas, or the node itself:
        # an adapter takes CallReverted for the contract's own answer, and must not be told so of the latter.
        said = refused.message.lower().replace(" ", "")
        if refused.code == _REVERTED or "revert" in said or "outofgas" in said:
            return CallReverted(_origin(part), str(refused))
        return ProviderUnavailable(f"chain {self.chain}", f"eth_call was refused: {refused}")

    async def _aggregate3(self, block: Block, data: bytes) -> str | RpcError:
        call = {"to": self.multicall3, "data": "0x" + data.hex()}
        at: Any = {"blockHash": block.hash} if self._by_hash else hex(block.number)
        [answer] = await self._rpc.send([("eth_call", [call, at])])
        if isinstance(answer, RpcError):
            said = answer.message.lower()
            if any(words in said for words in _NO_BLOCK):
                why = f"no longer has block {block.number}: pruned, or reorganised away ({answer})"
                raise BlockUnavailable(f"chain {self.chain}", why)
            if self._by_hash and (answer.code == -32602 or any(words in said for words in _NO_HASH)):
                self._by_hash = False
                return await self._aggregate3(block, data)
            return answer
        if not isinstance(answer, str) or not answer.startswith("0x"):
            raise ProviderUnavailable(f"chain {self.chain}", "eth_call answered something that is not hex")
        return answer

    async def _check_number(self, block: Block) -> None:
        now = await self._look_up(str(block.number))
        if now.hash != block.hash:
            raise BlockUnavailable(
                f"chain {self.chain}", f"block {block.number} was reorganised while reading"
            )


def _about_work(refused: RpcError) -> bool:
    """Whether a refusal is about what these very calls do, so that others may well succeed."""
    said = refused.message.lower()
    return refused.code == _REVERTED or any(words in said for words in _WORK)


def _origin(part: multicall.Part) -> str:
    return part.origin if isinstance(part, Call) else part.calls.origin


def _whole(request: Wanted, pieces: list[Raw]) -> Raw:
    return pieces[0] if isinstance(request, Call) else _merged(request.origin, pieces, request)


def _whole_part(part: multicall.Part, pieces: list[Raw]) -> Raw:
    return pieces[0] if isinstance(part, Call) else _merged(part.calls.origin, pieces, part.calls)


def _merged(origin: str, pieces: list[Raw], calls: Any) -> Raw:
    columns: list[Column | ReadError] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            raise MalformedReply(origin, "a columnar request was answered with plain bytes")
        columns.append(piece)
    return multicall.merge(calls, columns)


def _block(chain: ChainId, answer: Any) -> Block:
    try:
        return Block(
            chain=chain,
            number=int(answer["number"], 16),
            hash=_hash(answer["hash"]),
            parent_hash=_hash(answer["parentHash"]),
            timestamp=int(answer["timestamp"], 16),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedReply(
            f"eth_getBlockByNumber on chain {chain}", f"no block header: {error!r}"
        ) from None


def _hash(text: Any) -> str:
    if not isinstance(text, str) or len(text) != 66:
        raise ValueError(f"{text!r} is no hash")
    bytes.fromhex(text[2:])
    return text.lower()
