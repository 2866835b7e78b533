"""A chain of headers and logs behind an endpoint that limits what it answers, as providers do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aggregator.abi.events import Event
from aggregator.abi.logs import Log, Logs
from aggregator.model.errors import ReadError
from aggregator.model.units import Address
from aggregator.reading.cache import LogCache
from aggregator.reading.chain import ChainReader
from aggregator.reading.transport import Client, Endpoint, Rpc
from tests.devnet.chain import Chain
from tests.devnet.node import Node
from tests.reading.contracts import LOGGER
from tests.reading.kit import CHAIN
from tests.reading.servers import Answer, Refusal, rpc

NOTED: Event[Any] = Event("Noted(address indexed who,uint256 n)")


@dataclass
class LogChain:
    """Blocks 0 to `head`, with `counts` logs in some of them.

    An answer of more than `most_blocks` or `most_logs` is refused, or with `silently` cut to `most_logs`.
    `fork` makes other hashes of the same heights. `asked` are the ranges so far.
    """

    head: int
    counts: dict[int, int] = field(default_factory=dict)
    finalized: int | None = None
    most_blocks: int | None = None
    most_logs: int | None = None
    silently: bool = False
    fork: int = 0
    asked: list[tuple[int, int]] = field(default_factory=list)

    def hash(self, number: int) -> str:
        """The hash of a block."""
        return f"0x{self.fork + 1:08x}{number:056x}"

    def header(self, number: int) -> dict[str, Any] | None:
        """A block's header; None beyond the head."""
        if not 0 <= number <= self.head:
            return None
        parent = self.hash(number - 1) if number else "0x" + "0" * 64
        return {
            "number": hex(number),
            "hash": self.hash(number),
            "parentHash": parent,
            "timestamp": hex(1_700_000_000 + number),
        }

    def log(self, number: int, index: int) -> dict[str, Any]:
        """One log as JSON-RPC gives it."""
        return {
            "address": LOGGER,
            "topics": ["0x" + NOTED.topic.hex(), f"0x{index % 3:064x}"],
            "data": f"0x{number * 1_000 + index:064x}",
            "blockNumber": hex(number),
            "blockHash": self.hash(number),
            "transactionHash": f"0x{number * 1_000 + index:064x}",
            "logIndex": hex(index),
            "removed": False,
        }

    def logs(self, first: int, last: int) -> list[dict[str, Any]]:
        """All logs of a range."""
        numbers = range(max(0, first), min(last, self.head) + 1)
        return [self.log(n, i) for n in numbers if n in self.counts for i in range(self.counts[n])]

    def result(self, method: str, params: list[Any]) -> Any:
        """What the endpoint answers."""
        match method:
            case "eth_chainId":
                return hex(CHAIN)
            case "eth_getBlockByNumber" if params[0] == "finalized":
                return None if self.finalized is None else self.header(self.finalized)
            case "eth_getBlockByNumber" if params[0] == "latest":
                return self.header(self.head)
            case "eth_getBlockByNumber":
                return self.header(int(params[0], 16))
            case "eth_getBlockByHash":
                return self.header(int(params[0][10:], 16))
            case "eth_getLogs":
                return self._answered(int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16))
            case _:
                raise AssertionError(method)

    def _answered(self, first: int, last: int) -> Any:
        self.asked.append((first, last))
        if self.most_blocks is not None and last - first + 1 > self.most_blocks:
            return Refusal(-32000, f"query exceeds max block range {self.most_blocks}")
        found = self.logs(first, last)
        if self.most_logs is not None and len(found) > self.most_logs:
            if self.silently:
                return found[: self.most_logs]
            return Refusal(-32005, f"query returned more than {self.most_logs} results")
        return found

    @property
    def answer(self) -> Answer:
        """For a Server."""
        return rpc(self.result)

    def changed(self, change: Callable[[str, list[Any], Any], Any]) -> Answer:
        """For a Server that changes results."""
        return rpc(lambda method, params: change(method, params, self.result(method, params)))


def read_logs(
    urls: Sequence[str | Endpoint],
    *requests: Logs,
    block: str = "latest",
    cache: LogCache | None = None,
    deadline_s: float = 60.0,
    confirm: int = 1,
) -> list[tuple[Log, ...] | ReadError]:
    """The logs of each request at a block, or why there are none."""

    async def live() -> list[tuple[Log, ...] | ReadError]:
        async with Client() as client:
            endpoints = Rpc([Endpoint.of(u) if isinstance(u, str) else u for u in urls], CHAIN, client)
            reader = ChainReader(endpoints, logs=cache, deadline_s=deadline_s, confirm=confirm)
            raws = await reader.fetch(await reader.pin(block), requests)
        found: list[tuple[Log, ...] | ReadError] = []
        for request, raw in zip(requests, raws, strict=True):
            assert isinstance(raw, bytes | ReadError)
            found.append(request.decode(raw) if isinstance(raw, bytes) else raw)
        return found

    return asyncio.run(live())


def numbers(found: tuple[Log, ...] | ReadError) -> list[int]:
    """What the logs say, in their order."""
    assert not isinstance(found, ReadError), found
    return [NOTED.decode(log).n for log in found]


ALL = NOTED.logs(LOGGER)
ELSEWHERE = Address("0x" + "e9" * 20)
WHO = [Address("0x" + f"{i:040x}") for i in range(3)]


def emit(node: Node, who: Address, n: int) -> int:
    """A log on a node; the block that holds it."""
    data = "0x" + NOTED.topic.hex() + f"{int(who, 16):064x}{n:064x}"
    sender = Chain(node).sender
    free = {"gas": "0x100000", "gasPrice": "0x0"}
    receipt = node.rpc("eth_sendTransactionSync", {"from": sender, "to": LOGGER, "data": data, **free})
    assert isinstance(receipt, dict), receipt
    return int(str(receipt["blockNumber"]), 16)
