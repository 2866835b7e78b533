"""Where replies come from: a live chain, a recording, or a recorder around either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls
from aggregator.abi.graph import Subgraph
from aggregator.abi.http import Http
from aggregator.abi.logs import Logs
from aggregator.model.errors import ReadError
from aggregator.model.readings import Block
from aggregator.model.units import ChainId

Wanted: TypeAlias = Call[Any] | Calls
"""What is asked of contracts."""
Asked: TypeAlias = Wanted | Logs | Subgraph[Any] | Http[Any]
"""All that a chain, subgraphs of it, and venues can be asked."""
Raw: TypeAlias = bytes | Column | ReadError
"""The reply to a columnar request as a Column, to any other as bytes, or why there is none."""


class ChainSource(Protocol):
    """One chain at one moment."""

    @property
    def chain(self) -> ChainId:
        """The chain that answers; known once `pin` has returned."""
        ...

    async def pin(self, block: str) -> Block:
        """The block that a text names (`latest`, `safe`, `finalized`, a number, a hash).

        Raises TransportError where no endpoint answers or the block isn't there.
        """
        ...

    def forget(self) -> None:
        """Look every block up anew from now on: one that was pinned has been reorganised away."""
        ...

    async def fetch(self, block: Block, requests: Sequence[Asked]) -> list[Raw]:
        """The replies at that block, one per request, failures as values.

        Venues have no blocks, and answer of now. Raises Reorganised where the block is no longer part of the
        chain: nothing of it can be used.
        """
        ...
