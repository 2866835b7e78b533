"""Columnar requests through the reader contract, on endpoints that take state overrides.

Whether one does is seen from its first answer: what is not the reader's is none. What the reader did not
answer stays missing, and is asked through aggregate3, so that either path gives the same columns.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Sequence
from dataclasses import dataclass

from aggregator.abi.function import Calls
from aggregator.model.errors import MalformedReply, Reorganised, TransportError
from aggregator.model.units import Address
from aggregator.reading.answers import Answers
from aggregator.reading.deadline import Deadline
from aggregator.reading.faults import RpcError, TooMuch
from aggregator.reading.grids import Job, plan
from aggregator.reading.pins import Pin
from aggregator.reading.reader_contract import override
from aggregator.reading.together import together
from aggregator.reading.transport import Rpc
from aggregator.reading.upstream import Upstream

LEAST_CALLS = 250
"""Calls of a round from which on the reader is worth its code, which every request carries."""
_MORE_IN_HALVES = ("gas", "timeout", "timed out", "abort", "too large", "too big", "size")


@dataclass(frozen=True, slots=True)
class Bulk:
    """One round of columnar requests at a pin; `answered` collects who answered."""

    rpc: Rpc
    pin: Pin
    place: Address
    in_time: Deadline
    answered: set[Upstream]

    async def read(self, requests: Sequence[Calls]) -> Answers:
        """What the reader answers of the requests; all of it is missing where no endpoint can run it."""
        answers = Answers(requests)
        first = self.rpc.ordered[0]
        jobs = iter(plan(requests, first.cells.calls, first.cells.size))
        if first.overrides is None:  # others wait for the first, which tells whether they are of use
            await self._ask(next(jobs), answers)

        async def work() -> None:
            for job in jobs:
                await self._ask(job, answers)

        await together(work() for _ in range(first.endpoint.concurrency))
        return answers

    async def _ask(self, job: Job, answers: Answers) -> None:
        async def use(upstream: Upstream) -> None:
            await self._on(upstream, job, answers)

        try:
            await self.in_time(self.rpc.through(use))
        except Reorganised:
            raise
        except TooMuch:
            first = self.rpc.ordered[0]
            first.cells.learn_calls(job.size // 2)  # what is missing is asked in smaller batches
        except TransportError:
            return  # and told by aggregate3, which is asked for what is missing

    async def _on(self, upstream: Upstream, job: Job, answers: Answers) -> None:
        if upstream.overrides is False:
            return
        patient = self.rpc.patient(upstream)
        placed = override(self.place)
        try:
            raw = await self.pin.call(
                upstream, self.place, hexlify(job.pack()), placed, patient=patient, splittable=True
            )
            if not isinstance(raw, RpcError):
                short = answers.take(job, raw)
                upstream.overrides = True
                self.answered.add(upstream)
                if short:
                    upstream.cells.learn_calls(job.size - short)
                else:
                    upstream.cells.answered(job.size, len(raw))
                return
        except MalformedReply:
            raw = None
        if isinstance(raw, RpcError) and any(words in raw.message.lower() for words in _MORE_IN_HALVES):
            if job.size > 1:
                upstream.cells.learn_calls(job.size // 2)
                for half in job.halves():
                    await self._on(upstream, half, answers)
        elif upstream.overrides is None:
            upstream.overrides = False
