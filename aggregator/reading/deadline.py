"""When a read must have ended, whatever it still waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from aggregator.model.errors import ProviderUnavailable
from aggregator.reading.upstream import Upstream

T = TypeVar("T")

DEADLINE_S = 120.0
"""How long a read may take, from its pin to its last reply, where nothing else is configured."""


class Deadline:
    """Bounds all work of a read of one chain together, by `seconds` from `begin` or the first of it."""

    def __init__(self, seconds: float, upstreams: Sequence[Upstream] = ()) -> None:
        self._seconds = seconds
        self._upstreams = upstreams
        self._at: float | None = None

    def begin(self) -> None:
        """A read begins: it has all of its time."""
        self._at = asyncio.get_running_loop().time() + self._seconds

    async def __call__(self, work: Awaitable[T], names: str = "") -> T:
        """What the work comes to; raises ProviderUnavailable at the deadline of the read.

        `names` says who was asked, where that is not all of `upstreams`.
        """
        if self._at is None:
            self.begin()
        try:
            async with asyncio.timeout_at(self._at):
                return await work
        except TimeoutError:
            names = names or ", ".join(upstream.name for upstream in self._upstreams)
            why = f"the read took longer than {self._seconds:g} s: read less, or raise `deadline_s`"
            raise ProviderUnavailable(names, why) from None
