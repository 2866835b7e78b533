"""How hard one endpoint is asked: requests at once, requests per second, and the size of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

BATCH_CALLS = 1_000
# In JSON twice as many: nodes that refuse larger bodies may hang up before they have said so.
BATCH_BYTES = 500_000
GRID_CALLS = 4_000
"""Calls of one reader contract: of some 8,000 gas each they fit a node's usual limit of 50 million."""
_LEAST_BYTES = 1_000
_GROWTH = 16
_BURST_S = 0.1


class Gate:
    """Lets requests through: at most `concurrency` at once, `rate_per_s` a second where it is given.

    A burst is a tenth of a second's worth, so that no second sees more than 1.1 times the rate.
    """

    def __init__(self, concurrency: int, rate_per_s: float | None) -> None:
        self._turns = asyncio.Semaphore(concurrency)
        self._rate: AsyncLimiter | None = None
        if rate_per_s is not None:
            burst = max(1.0, rate_per_s * _BURST_S)
            self._rate = AsyncLimiter(burst, burst / rate_per_s)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a request may be sent; it counts as under way until the end of the block."""
        async with self._turns:
            if self._rate is not None:
                await self._rate.acquire()
            yield


@dataclass(slots=True)
class Sizing:
    """How large a batch of an endpoint may be, learned from what it refused.

    Halves or less at a refusal, and grows back by a sixteenth with every full batch that is answered.
    """

    calls: int = BATCH_CALLS
    size: int = BATCH_BYTES
    most_calls: int = BATCH_CALLS

    def learn_calls(self, worked: int) -> None:
        """More calls than `worked` were too many."""
        self.calls = max(1, min(self.calls, worked))

    def learn_bytes(self, worked: int) -> None:
        """More bytes of calldata than `worked` were too many."""
        self.size = max(_LEAST_BYTES, min(self.size, worked))

    def answered(self, calls: int, size: int) -> None:
        """A batch was answered: where it was a full one, the next may be a little larger."""
        if calls >= self.calls < self.most_calls:
            self.calls = min(self.most_calls, self.calls + max(1, self.calls // _GROWTH))
        if 2 * size > self.size < BATCH_BYTES:
            self.size = min(BATCH_BYTES, self.size + self.size // _GROWTH)
