"""Daily closes of an underlying from the rounds of a Chainlink feed, all days of all feeds in common rounds.

A feed is a proxy: a round's id is `phase << 64 | number`, and each phase is an aggregator of its own that
counts from 1 (docs.chain.link, "Getting historical data"). Old phases answer through the proxy, too; an
aggregator itself may answer only those whom it knows.

A day's price lies in a bracket: its lower round is not later than the day's end; its upper one is, or there
is none. Each round of requests asks within every bracket for evenly spaced rounds, and for those where the
day would be if time went evenly, so that a bracket becomes at most a ninth of it, and mostly a few rounds.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aggregator.contract import Column, Function, Read, ask, attempt, both, join
from aggregator.model.errors import CallReverted, MalformedReply, ReadError
from aggregator.model.units import Address, ChainId, scaled
from aggregator.pricing.returns import DAY_S, Close
from aggregator.reading.price_history import is_price

LATEST: Function[Any] = Function("latestRoundData()(uint80,int256,uint256,uint256,uint80)")
ROUND: Function[Any] = Function("getRoundData(uint80)(uint80,int256,uint256,uint256,uint80)")
DECIMALS: Function[int] = Function("decimals()(uint8)")
DESCRIPTION: Function[str] = Function("description()(string)")

LONGEST_SILENCE_S = 26 * 3_600
"""The slowest feeds are due every 24 hours; a round that was older at the end of a day is no price of it."""
MOST_PHASES = 16
"""So many of the newest phases are asked: a feed gets a new one every year or two."""
MOST_ROUNDS = 2**32
"""Of a phase: aggregators number their rounds with 32 bits."""
_FIRST = 4
"""One of the first few rounds of a phase was answered."""
_EVEN = 8
_PER_DAY = 2
_NEAR = 64
_PAIR = re.compile(r"(\S+) ?/ ?(\S+)")


@dataclass(frozen=True, slots=True)
class ChainlinkHistory:
    """A PriceHistory (price_history.py) from the rounds of a feed.

    `feed` is its proxy, `pair` what it calls itself.
    """

    underlying: str
    chain: ChainId
    feed: Address
    chain_name: str
    pair: str

    @property
    def key(self) -> str:
        """See PriceHistory."""
        return self.feed

    @property
    def name(self) -> str:
        """See PriceHistory."""
        return f"Chainlink on {self.chain_name}"

    @property
    def reach_days(self) -> None:
        """See PriceHistory."""

    def closes(self, days: Sequence[int]) -> Read[list[Close]]:
        """See PriceHistory: the last round at or before each day's end, of the newest phase that has one."""
        latest = LATEST.at(self.feed)
        ([[newest, answer, _, updated, _]], [decimals]), [description] = yield from both(
            both(ask([latest]), ask([DECIMALS.at(self.feed)])), attempt([DESCRIPTION.at(self.feed)])
        )
        self._check(description)
        phase, last = divmod(newest, 1 << 64)
        if not 0 < last < MOST_ROUNDS:
            raise MalformedReply(latest.origin, f"its latest round is number {last}, which none has")
        phases = yield from self._phases(phase, last, _sample(updated, answer))
        open_days = {day: (day + 1) * DAY_S for day in days}
        found: dict[int, Close] = {}
        while open_days and phases:
            tried = yield from _searched(self.feed, phases, open_days)
            for day, (place, sample) in tried.items():
                price = scaled(sample.answer, decimals)
                late = open_days[day] - sample.time
                if late <= LONGEST_SILENCE_S and is_price(price):
                    found[day] = Close(day, price)
                    del open_days[day]
                else:  # perhaps the phase before went on
                    phases[place].passed.add(day)
            if not tried:
                break
        return [found.get(day, Close(day, None)) for day in days]

    def _check(self, description: str | ReadError) -> None:
        """A feed of something else is no history of this; one that doesn't say what it prices is believed."""
        if isinstance(description, CallReverted):
            return
        if isinstance(description, ReadError):
            raise description.with_traceback(None)
        said = _PAIR.fullmatch(description.strip())
        if said is not None and " / ".join(said.groups()) != self.pair:
            why = f"it prices {description[:40]!r}, not {self.pair}: correct the feed of {self.underlying}"
            raise MalformedReply(f"the feed {self.feed}", why)

    def _phases(self, phase: int, last: int, newest: _Sample | None) -> Read[list[_Phase]]:
        """The phases that have rounds, the newest first."""
        numbers = range(phase, max(0, phase - MOST_PHASES), -1) if phase else [0]
        firsts = [(one << 64) + i for one in numbers for i in range(1, _FIRST + 1)]
        samples = yield from _samples(self.feed, firsts)
        phases = []
        for one in numbers:
            known = {i: samples[(one << 64) + i] for i in range(1, _FIRST + 1)}
            if one == phase:
                known = {i: sample for i, sample in known.items() if i < last} | {last: newest}
            end = last + 1 if one == phase else MOST_ROUNDS
            if any(known.values()):
                phases.append(_Phase(one, known | {end: None}))
        return phases


@dataclass(frozen=True, slots=True)
class _Sample:
    time: int
    answer: int


@dataclass(eq=False, slots=True)
class _Phase:
    """What is known of a phase's rounds by number, None for those that are not there; the last is none."""

    number: int
    known: dict[int, _Sample | None]
    passed: set[int] = field(default_factory=set)

    @property
    def begin(self) -> int:
        """When it began."""
        return min((sample.time for sample in self.known.values() if sample), default=0)

    def bracket(self, end: int, ordered: Sequence[int], low: int, high: int) -> tuple[int, int]:
        """The last known round not later than `end`, and the known one behind it, within a bracket."""
        inside = ordered[bisect_left(ordered, low) : bisect_left(ordered, high) + 1]
        for place in range(len(inside) - 1, -1, -1):
            sample = self.known[inside[place]]
            if sample is not None and sample.time <= end:
                return inside[place], inside[place + 1] if place + 1 < len(inside) else high
        return low, high


def _searched(
    feed: Address, phases: Sequence[_Phase], ends: Mapping[int, int]
) -> Read[dict[int, tuple[int, _Sample]]]:
    """For each day the phase's place and its last round, in the newest phase that began before its end."""
    chosen: dict[int, list[int]] = defaultdict(list)
    for day, end in ends.items():
        for place, phase in enumerate(phases):
            if day not in phase.passed and phase.begin <= end:
                chosen[place].append(day)
                break
    reads = [
        _brackets(feed, phases[place], {day: ends[day] for day in mine}) for place, mine in chosen.items()
    ]
    found = yield from join(reads)
    return {
        day: (place, sample)
        for place, of_phase in zip(chosen, found, strict=True)
        for day, sample in of_phase.items()
    }


def _brackets(feed: Address, phase: _Phase, ends: Mapping[int, int]) -> Read[dict[int, _Sample]]:
    """The last round of a phase at or before each end; the phase began before all of them."""
    ordered = sorted(phase.known)
    brackets = {day: phase.bracket(end, ordered, ordered[0], ordered[-1]) for day, end in ends.items()}
    while True:
        shared: dict[tuple[int, int], list[int]] = defaultdict(list)
        for day, (low, high) in brackets.items():
            if high - low > 1:
                shared[low, high].append(ends[day])
        if not shared:
            break
        wanted = {n for (low, high), mine in shared.items() for n in _points(phase, low, high, mine)}
        samples = yield from _samples(feed, [(phase.number << 64) + n for n in sorted(wanted)])
        phase.known.update({n: samples[(phase.number << 64) + n] for n in wanted})
        ordered = sorted(phase.known)
        brackets = {
            day: phase.bracket(ends[day], ordered, low, high) for day, (low, high) in brackets.items()
        }
    return {day: sample for day, (low, _) in brackets.items() if (sample := phase.known[low]) is not None}


def _points(phase: _Phase, low: int, high: int, ends: Sequence[int]) -> Iterable[int]:
    """Rounds to ask for within a bracket that several days share, none of them known."""
    size, first, last = high - low, phase.known[low], phase.known[high]
    count = min(size - 1, _EVEN + _PER_DAY * (len(ends) - 1))
    points = {low + size * i // (count + 1) for i in range(1, count + 1)}
    if last is None:
        points |= {low + 2**i for i in range(size.bit_length())}
    elif first is not None and last.time > first.time and len(ends) <= _EVEN:
        for end in ends:
            guess = low + size * (end - first.time) // (last.time - first.time)
            points |= {guess - size // _NEAR, guess, guess + 1 + size // _NEAR}
    return (point for point in points if low < point < high)


def _samples(feed: Address, rounds: Sequence[int]) -> Read[dict[int, _Sample | None]]:
    """Rounds by id; None for one that reverts or was never answered."""
    column: Column
    [column] = yield from ask([ROUND.each(feed, list(rounds))])
    for error in column.failures.values():
        if not isinstance(error, CallReverted):
            raise error.with_traceback(None)
    answers, times = column.outcomes(1), column.outcomes(3)
    return {
        round_id: None
        if isinstance(answer, ReadError) or isinstance(time, ReadError)
        else _sample(time, answer)
        for round_id, answer, time in zip(rounds, answers, times, strict=True)
    }


def _sample(time: int, answer: int) -> _Sample | None:
    """A round; one that nobody answered has no time."""
    return _Sample(time, answer) if time else None
