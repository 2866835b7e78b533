"""A feed with phases, in memory: what its proxy would answer to a read, and how often it was asked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from aggregator.abi.columns import Column
from aggregator.abi.function import Call, Calls
from aggregator.model.errors import CallReverted
from aggregator.model.units import Address, ChainId
from aggregator.pricing.returns import DAY_S, Close
from aggregator.reading.history import (
    DECIMALS,
    DESCRIPTION,
    LATEST,
    LONGEST_SILENCE_S,
    ChainlinkHistory,
)

FEED = Address("0x" + "fe" * 20)
Answered: TypeAlias = tuple[int, int]
"""When a round was answered, and what."""
Rounds: TypeAlias = Mapping[int, Answered] | Callable[[int], Answered | None]


@dataclass
class StandInFeed:
    """Phases by number, each a table (or a function) of rounds by number; `last` is the newest round's."""

    phases: Mapping[int, Rounds]
    last: int
    decimals: int = 8
    description: str | CallReverted = "ETH / USD"
    rounds: int = 0
    calls: int = 0
    asked: list[int] = field(default_factory=list)

    @property
    def source(self) -> ChainlinkHistory:
        """The history of it."""
        return ChainlinkHistory("ETH", ChainId(1), FEED, "ethereum", "ETH / USD")

    def round(self, round_id: int) -> Answered | None:
        """What a round is."""
        phase, number = divmod(round_id, 1 << 64)
        rounds = self.phases.get(phase, {})
        return rounds(number) if callable(rounds) else rounds.get(number)

    @property
    def newest(self) -> int:
        """The id of the latest round."""
        return (max(self.phases) << 64) + self.last

    def closes(self, days: Sequence[int]) -> list[Close]:
        """What a read finds."""
        read, replies = self.source.closes(days), None
        while True:
            try:
                requests = read.send(replies) if replies is not None else next(read)
            except StopIteration as done:
                found: list[Close] = done.value
                return found
            self.rounds += 1
            replies = [self.reply(request) for request in requests]

    def reply(self, request: Any) -> Any:
        """What is answered to a request."""
        if isinstance(request, Calls):
            self.calls += len(request)
            return self._column(request)
        assert isinstance(request, Call)
        self.calls += 1
        if request.function == LATEST:
            time, answer = self.round(self.newest) or (0, 0)
            return self.newest, answer, time, time, self.newest
        return {DECIMALS: self.decimals, DESCRIPTION: self.description}[request.function]

    def _column(self, request: Calls) -> Column:
        raw, failures = bytearray(), {}
        for i in range(len(request)):
            round_id = int.from_bytes(request.one(i)[1][4:36])
            self.asked.append(round_id)
            found = self.round(round_id)
            if found is None:
                failures[i] = CallReverted(request.origin, "No data present")
                raw += bytes(160)
                continue
            time, answer = found
            words = (round_id, answer % (1 << 256), time, time, round_id)
            raw += b"".join(word.to_bytes(32) for word in words)
        return Column(request.origin, request.function.outputs, bytes(raw), failures)


def expected(feed: StandInFeed, day: int) -> Close:
    """A day's close by looking at every round of every phase, which must be tables."""
    end = (day + 1) * DAY_S
    for phase in sorted(feed.phases, reverse=True):
        rounds = feed.phases[phase]
        assert not callable(rounds)
        numbers = [n for n in sorted(rounds) if rounds[n][0]]
        place = bisect_right([rounds[n][0] for n in numbers], end)
        if place:
            time, answer = rounds[numbers[place - 1]]
            if end - time <= LONGEST_SILENCE_S and answer > 0:
                return Close(day, Decimal(answer).scaleb(-feed.decimals))
    return Close(day, None)
