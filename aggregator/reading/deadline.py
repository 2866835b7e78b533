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
        self._at = None
        self._ends_at()

    async def __call__(self, work: Awaitable[T], names: str = "") -> T:
        """What the work comes to; raises ProviderUnavailable at the deadline of the read.

        `names` says who was asked, where that is not all of `upstreams`.
        """
        try:
            async with asyncio.timeout_at(self._ends_at()):
                return await work
        except TimeoutError:
            names = names or ", ".join(upstream.name for upstream in self._upstreams)
            why = f"the read took longer than {self._seconds:g} s: read less, or raise `deadline_s`"
            raise ProviderUnavailable(names, why) from None

    async def half(self, work: Awaitable[T], name: str) -> T:
        """The same in half of the time that is left: one source must not use up that of all others."""
        now = asyncio.get_running_loop().time()
        most_s = max(self._ends_at() - now, 0.0) / 2.0
        try:
            async with asyncio.timeout_at(now + most_s):
                return await self(work, name)
        except TimeoutError:
            why = f"took longer than {most_s:.3g} s, half of what the read had left: ask again"
            raise ProviderUnavailable(name, why) from None

    def _ends_at(self) -> float:
        if self._at is None:
            self._at = asyncio.get_running_loop().time() + self._seconds
        return self._at
