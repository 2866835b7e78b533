"""What the reader contract answered, cell by cell, back as the columns that were asked for.

A column is the same whichever way it was read: where the reader has no answer, the call is asked again
through aggregate3 and its error is aggregate3's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from aggregator.abi.columns import Column
from aggregator.abi.function import Calls
from aggregator.model.errors import MalformedReply, NoContract, ReadError
from aggregator.reading.grids import Job, groups
from aggregator.reading.reader_contract import ANSWERED, NO_CODE, NOT_ASKED, TAG

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Answers:
    """The replies to some columnar requests as they come in, in any order.

    Usage: `for job in plan(requests, n): answers.take(job, reply)`, then `missing(i)` of each request through
    aggregate3 into `fill`, then `column(i)`.
    """

    def __init__(self, requests: Sequence[Calls]) -> None:
        self._requests = requests
        self._data: list[NDArray[np.uint8]] = []
        self._status: list[NDArray[np.uint8]] = []
        self._places: dict[int, tuple[int, slice]] = {}
        self._failures: dict[int, dict[int, ReadError]] = {}
        for group, ((_, reply_width), numbers) in enumerate(groups(requests).items()):
            count = 0
            for i in numbers:
                self._places[i] = (group, slice(count, count + len(requests[i])))
                count += len(requests[i])
            self._data.append(np.zeros((count, reply_width), dtype=np.uint8))
            self._status.append(np.full(count, NOT_ASKED, dtype=np.uint8))

    @cached_property
    def _whole(self) -> dict[int, bytes]:
        """The replies of the groups of which the reader answered everything, once all jobs are in."""
        return {
            group: self._data[group].tobytes()
            for group, status in enumerate(self._status)
            if (status == ANSWERED).all()
        }

    def take(self, job: Job, raw: bytes) -> int:
        """The reply to a job; how many of its calls it had no gas for, each of them missing now.

        Raises MalformedReply, and takes nothing, where `raw` is not what the reader contract returns: a node
        without state overrides answers so.
        """
        if len(raw) != job.reply_bytes or raw[: len(TAG)] != TAG:
            raise MalformedReply("reader contract", f"{len(raw)} bytes are no reply of the reader")
        statuses = np.frombuffer(raw, dtype=np.uint8, count=job.size, offset=len(TAG))
        if (statuses > NO_CODE).any():
            raise MalformedReply("reader contract", "a status is none of the reader's")
        first, at = 0, len(TAG) + job.size
        for section in job.sections:
            status = statuses[first : first + section.size]
            size = section.size * section.reply_width
            data = np.frombuffer(raw, dtype=np.uint8, count=size, offset=at)
            data = data.reshape(section.size, section.reply_width)
            cells = section.cells.reshape(-1)
            self._status[section.group][cells] = status
            good = status == ANSWERED
            if not good.all():
                cells, data = cells[good], data[good]
            self._data[section.group][cells] = data
            first += section.size
            at += size
        return int(np.count_nonzero(statuses == NOT_ASKED))

    def missing(self, i: int) -> tuple[NDArray[np.int64], Calls | None]:
        """The calls of request `i` to ask through aggregate3: their numbers, and the calls as a request.

        None where there are none. A call of an address without code is not missing: its error is known.
        """
        group, place = self._places[i]
        if group in self._whole:
            return np.zeros(0, dtype=np.int64), None
        status = self._status[group][place]
        numbers = np.flatnonzero((status != ANSWERED) & (status != NO_CODE))
        if not len(numbers):
            return numbers, None
        request = self._requests[i]
        targets = np.frombuffer(request.targets, dtype=np.uint8).reshape(-1, 20)[numbers]
        rows = np.frombuffer(request.rows, dtype=np.uint8).reshape(-1, request.width)[numbers]
        return numbers, Calls(request.function, targets.tobytes(), rows.tobytes())

    def fill(self, i: int, numbers: NDArray[np.int64], reply: Column | ReadError) -> None:
        """What aggregate3 says of the missing calls of request `i`."""
        group, place = self._places[i]
        failures = self._failures.setdefault(i, {})
        listed = numbers.tolist()
        if isinstance(reply, ReadError):
            failures.update(dict.fromkeys(listed, reply))
            return
        failures.update({listed[k]: error for k, error in reply.failures.items()})
        width = self._requests[i].reply_width
        self._data[group][place][numbers] = np.frombuffer(reply.raw, dtype=np.uint8).reshape(-1, width)
        self._status[group][place][numbers] = ANSWERED

    def column(self, i: int) -> Column:
        """The column of request `i`; what was neither answered nor filled in is a MalformedReply."""
        request = self._requests[i]
        group, place = self._places[i]
        if group in self._whole:
            width = request.reply_width
            raw = self._whole[group][width * place.start : width * place.stop]
            return Column(request.origin, request.function.outputs, raw, {})
        failures = dict(self._failures.get(i, {}))
        status = self._status[group][place]
        for k in np.flatnonzero(status != ANSWERED).tolist():
            if k not in failures:
                origin = f"{request.function.canonical}@{request.one(k)[0]}"
                absent = status[k] == NO_CODE
                failures[k] = NoContract(origin) if absent else MalformedReply(origin, "was not answered")
        ordered = dict(sorted(failures.items()))
        return Column(request.origin, request.function.outputs, self._data[group][place].tobytes(), ordered)
