"""One chain, live: pins a block, and answers batches of calls at exactly that block.

The pin is by hash where the node supports it (EIP-1898). Elsewhere calls go by number, and the hash of that
number is checked again after every round, so that a reorganisation never mixes two histories.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from aggregator.model.errors import (
    BadConfiguration,
    BlockUnavailable,
    MalformedReply,
    ProviderUnavailable,
)
from aggregator.model.readings import Block
from aggregator.model.units import Address, ChainId
from aggregator.reading import multicall
from aggregator.reading.batches import Batches
from aggregator.reading.moments import Moment, block_at
from aggregator.reading.source import Raw, Wanted
from aggregator.reading.transport import Endpoint, Rpc, RpcError

_TAGS = ("latest", "safe", "finalized")
_BLOCK = re.compile(r"latest|safe|finalized|-?[1-9]\d{0,18}|0|0x[0-9a-fA-F]{1,16}|0x[0-9a-fA-F]{64}")
# What nodes say of a block that they don't have: geth, reth, erigon, nethermind, anvil.
_NO_BLOCK = ("not found", "unknown block", "missing trie node", "blockoutofrange", "pruned", "no state")
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
        """See ChainSource.pin; `-64` counts back from the latest. A text means one block for good.

        A moment (`2026-11-22T13:45Z`, `finalized@...`) means the last block that is not newer.
        """
        if block not in self._pins:
            self._pins[block] = await self._look_up(block)
        return self._pins[block]

    def forget(self) -> None:
        """See ChainSource."""
        self._pins.clear()

    async def _look_up(self, block: str) -> Block:
        moment = Moment.parse(block)
        if moment is not None:
            return await block_at(moment.time, await self.pin(moment.tag), self._numbered)
        if not _BLOCK.fullmatch(block):
            why = "is no block: give latest, safe, finalized, a number, a hash, a time, or -N to count back"
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

    async def _numbered(self, number: int) -> Block:
        return await self._look_up(str(number))

    async def fetch(self, block: Block, requests: Sequence[Wanted]) -> list[Raw]:
        """See ChainSource.fetch, and Batches."""
        through = Batches(partial(self._aggregate3, block), self.chain, self.multicall3)
        replies = await through.replies(requests)
        if not self._by_hash:
            await self._check_number(block)
        return replies

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

    async def _aggregate3(self, block: Block, data: bytes) -> str | RpcError:
        call = {"to": self.multicall3, "data": "0x" + data.hex()}
        by_hash = self._by_hash  # of this very request: others that run beside it may learn meanwhile
        at: Any = {"blockHash": block.hash} if by_hash else hex(block.number)
        [answer] = await self._rpc.send([("eth_call", [call, at])])
        if isinstance(answer, RpcError):
            said = answer.message.lower()
            if any(words in said for words in _NO_BLOCK):
                why = f"no longer has block {block.number}: pruned, or reorganised away ({answer})"
                raise BlockUnavailable(f"chain {self.chain}", why)
            if by_hash and (answer.code == -32602 or any(words in said for words in _NO_HASH)):
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
