"""Our own way to read balances: the live reader of a chain, one columnar request per wallet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from aggregator.abi.columns import Column
from aggregator.abi.function import Function
from aggregator.model.errors import ReadError
from aggregator.model.readings import Block
from aggregator.model.units import ChainId
from aggregator.reading.chain import ChainReader
from aggregator.reading.reader_contract import bytecode
from aggregator.reading.transport import Client, Endpoint, Rpc
from benchmarks.balances import Balances

READER = "ours, reader contract"
BALANCE: Function[int] = Function("balanceOf(address)(uint256)")


@dataclass(frozen=True)
class Ours:
    """A reader with its block pinned, with or without state overrides."""

    stack: AsyncExitStack
    reader: ChainReader
    block: Block
    given: Balances
    overrides: bool

    @classmethod
    async def start(cls, url: str, given: Balances, *, overrides: bool) -> Ours:
        """Connects and pins the block."""
        stack = AsyncExitStack()
        client = await stack.enter_async_context(Client())
        endpoint = replace(Endpoint.of(url), state_overrides=overrides)
        reader = ChainReader(Rpc([endpoint], ChainId(given.node.chain_id), client), deadline_s=3600)
        return cls(stack, reader, await reader.pin(str(given.block)), given, overrides)

    async def read(self) -> list[int]:
        """All balances; raises the error of the first that is missing."""
        requests = [BALANCE.each(self.given.tokens, wallet) for wallet in self.given.wallets]
        found: list[int] = []
        for raw in await self.reader.fetch(self.block, requests):
            if isinstance(raw, ReadError):
                raise raw
            assert isinstance(raw, Column)
            found += raw.values()
        return found

    def check(self, bodies: Sequence[Any]) -> None:
        """Raises where what was sent is not what this contender is named for."""
        placed = [bytecode().encode() in body for body in bodies]
        if placed != [self.overrides] * len(bodies):
            raise AssertionError(f"state overrides in {sum(placed)} of {len(placed)} requests")

    async def stop(self) -> None:
        """Closes the connections."""
        await self.stack.aclose()
