"""Where replies come from: a live chain, a recording, or a recorder around either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls
from aggregator.model.errors import ReadError
from aggregator.model.readings import Block
from aggregator.model.units import ChainId

Wanted: TypeAlias = Call[Any] | Calls
Raw: TypeAlias = bytes | Column | ReadError
"""A call's reply as bytes, a columnar request's as a Column, or why there is none."""


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

    async def fetch(self, block: Block, requests: Sequence[Wanted]) -> list[Raw]:
        """The replies at that block, one per request, failures as values."""
        ...
