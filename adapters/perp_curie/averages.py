"""The averages of past prices behind a mark, and where they go while the last prices stay.

Source: `_getMarkPrice` of AccountBalance.sol, `_getDeltaTwapX96` of Exchange.sol and UniswapV3Broker.sol of
npm `@perp/curie-contract` 2.8.4: the median of the pool's mean of 15 seconds, its mean of `market_seconds`
(30 minutes), and the last index with the premium: the pool's mean of `premium_seconds` (15 minutes) less the
index's. Collateral counts at its price's mean of 15 minutes (Vault.sol). A pool's mean is one of its ticks.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from aggregator.model.fixed_point import truncated
from aggregator.model.rules import WAD
from aggregator.pricing.concentrated import MAX_TICK, Q96, root_at_tick

MILLION = 10**6
MARK_SECONDS = 15
"""The shortest mean that a mark follows (AccountBalance.sol's own constant)."""
SHORTEST_MEAN = 10
"""Of fewer seconds the pool's price itself is taken."""
STEP = 15
"""Seconds between two moments that are looked at, beyond the first `MARK_SECONDS`."""


@dataclass(frozen=True, slots=True)
class Track:
    """What something was: its sum over time at some times, oldest first, and the `last` value that it keeps.

    Between two of these times it is taken as even; `stepped` finds where it has changed.
    """

    sums: tuple[tuple[int, int], ...]
    last: int

    def __post_init__(self) -> None:
        times = [time for time, _ in self.sums]
        if not times or times != sorted(set(times)):
            raise ValueError(f"sums at {times}")

    @property
    def time(self) -> int:
        """The last time that is known."""
        return self.sums[-1][0]

    def mean(self, time: int, seconds: int) -> int:
        """The mean of so many seconds before a time, cut towards zero."""
        return truncated(self._sum(time) - self._sum(time - seconds), seconds)

    def changed(self, time: int, last: int) -> Track:
        """With another value from a time on, which is not before what is known."""
        kept = self.sums if time == self.time else (*self.sums, (time, self._sum(time)))
        return Track(kept, last)

    def stepped(self) -> Track:
        """With the second of each change: of a stretch whose mean is between those of its neighbours.

        So it is where it has changed once there, and was even before and after.
        """
        found = [self.sums[0]]
        means = [
            Fraction(total - before, time - start) for (start, before), (time, total) in pairwise(self.sums)
        ]
        for i, ((start, total), end) in enumerate(pairwise(self.sums)):
            before, here = means[max(0, i - 1)], means[i]
            after = means[i + 1] if i + 1 < len(means) else Fraction(self.last)
            if min(before, after) < here < max(before, after):
                time = start + round((end[0] - start) * (here - after) / (before - after))
                if start < time < end[0]:
                    found.append((time, total + round(before * (time - start))))
            found.append(end)
        return Track(tuple(found), self.last)

    def _sum(self, time: int) -> int:
        at = bisect_right(self.sums, time, key=lambda one: one[0]) - 1
        start, total = self.sums[max(0, at)]
        if at == len(self.sums) - 1:
            return total + self.last * (time - start)
        # Before everything that is known the oldest stretch goes on.
        at = max(0, at)
        end, then = self.sums[at + 1]
        return total + (then - total) * (time - start) // (end - start)


@dataclass(frozen=True, slots=True)
class Window:
    """The lowest and highest of a price while averages catch up, beside what it is `now`; `seconds` it takes.

    `premium` is the lowest and highest of market less index that funding follows, with 96 binary places.
    """

    low: int
    high: int
    now: int
    seconds: int
    premium: tuple[int, int] = (0, 0)

    def at(self, price: int) -> Window:
        """The same in proportion from another price on, rounded outwards."""
        low, high = self.low * price // self.now, -(-self.high * price // self.now)
        return replace(self, low=max(1, low), high=high, now=price)


@dataclass(frozen=True, slots=True)
class Averages:
    """What the mark of one market is made of: the pool's ticks and the index (18 decimals), with intervals.

    `root` is the pool's root price. `most_funding` bounds the premium as a part of the index, in millionths.
    """

    ticks: Track
    index: Track
    root: int
    market_seconds: int
    premium_seconds: int
    funding_seconds: int
    most_funding: int

    def __post_init__(self) -> None:
        if min(self.market_seconds, self.premium_seconds, self.funding_seconds) <= 0 or self.index.last <= 0:
            raise ValueError(
                f"means of {self.market_seconds}, {self.premium_seconds}, {self.funding_seconds}"
            )

    def mark(self, time: int) -> int:
        """The mark price at a time not before the last trade, if nobody trades and the index stays."""
        index, span = self.index.last, self.premium_seconds
        premium = self._market(time, span) - self.index.mean(time, span)
        legs = self._market(time, MARK_SECONDS), self._market(time, self.market_seconds), index + premium
        return sorted(legs)[1]

    def premium(self, time: int) -> int:
        """Market less index that funding follows, within its bound (`_getDeltaTwapX96`)."""
        span = self.funding_seconds
        market = self._root(time, span) ** 2 // Q96
        index = self.index.mean(time, span) * Q96 // WAD
        most = index * self.most_funding // MILLION
        return max(-most, min(most, market - index))

    def traded(self, time: int, tick: int, root: int) -> Averages:
        """After a trade has moved the pool."""
        return replace(self, ticks=self.ticks.changed(time, tick), root=root)

    @property
    def window(self) -> Window:
        """What the mark goes through from now on, each `STEP` of time, until all averages have caught up."""
        return _window(self)

    def _root(self, time: int, seconds: int) -> int:
        if seconds < SHORTEST_MEAN:
            return self.root
        return root_at_tick(max(-MAX_TICK, min(MAX_TICK, self.ticks.mean(time, seconds))))

    def _market(self, time: int, seconds: int) -> int:
        root = self._root(time, seconds)
        return (root * root // Q96) * WAD // Q96


def moments(start: int, longest: int) -> list[int]:
    """The times that are looked at, from the first to when a mean of so many seconds has caught up."""
    later = range(start + MARK_SECONDS + 1, start + longest, STEP)
    return [*range(start, start + MARK_SECONDS + 1), *later, start + max(longest, MARK_SECONDS)]


def caught_up(track: Track, seconds: int) -> Window:
    """What a mean of so many seconds goes through from now on."""
    found = [track.mean(time, seconds) for time in moments(track.time, seconds)]
    return Window(min(found), max(found), found[0], seconds)


@lru_cache(maxsize=4_096)
def _window(averages: Averages) -> Window:
    longest = max(averages.market_seconds, averages.premium_seconds, averages.funding_seconds)
    times = moments(averages.ticks.time, longest)
    marks = [averages.mark(time) for time in times]
    # The index is as it was read: a trade of the pool does not change it.
    now = averages.mark(averages.index.time)
    premiums = [averages.premium(time) for time in times]
    return Window(min(marks), max(marks), now, longest, (min(premiums), max(premiums)))
