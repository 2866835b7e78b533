"""The block of a moment: the last one that is not newer, found by its header."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aggregator.model.errors import BlockUnavailable
from aggregator.model.readings import Block

_MOMENT = re.compile(
    r"(?:(latest|safe|finalized)@)?(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in Unix seconds, and the tag that bounds the blocks to look among."""

    tag: str
    time: int

    @classmethod
    def parse(cls, text: str) -> Moment | None:
        """`2026-11-22T13:45Z`, `2026-11-22T14:45+01:00` or `finalized@2026-11-22T13:45:00Z`; else None."""
        match = _MOMENT.fullmatch(text)
        if match is None:
            return None
        try:
            moment = datetime.fromisoformat(match[2].upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # digits that are no date, or none in UTC
            return None
        return cls((match[1] or "latest").lower(), int(moment.timestamp()))

    def __str__(self) -> str:
        return f"{self.tag}@{datetime.fromtimestamp(self.time, UTC):%Y-%m-%dT%H:%M:%SZ}"


async def block_at(time: int, head: Block, header: Callable[[int], Awaitable[Block]]) -> Block:
    """The last block up to `head` whose timestamp is not after `time` (Unix seconds).

    `header` looks a block up by its number. Few lookups for a moment near the head: steps back grow until
    one is early enough, then the interval is interpolated and halved in turn. Raises BlockUnavailable where
    the chain began later, and what `header` raises.
    """
    after, step = head, 1
    if head.timestamp <= time:
        return head
    while True:
        before = await header(max(0, head.number - step))
        if before.timestamp <= time:
            break
        if before.number == 0:
            raise BlockUnavailable(f"chain {head.chain}", f"has no block at or before {_shown(time)}")
        after, step = before, 4 * step
    halve = False
    while after.number - before.number > 1:
        span = after.number - before.number
        ahead = span * (time - before.timestamp) // max(1, after.timestamp - before.timestamp)
        guess = before.number + (span // 2 if halve else min(max(ahead, 1), span - 1))
        found = await header(guess)
        before, after = (found, after) if found.timestamp <= time else (before, found)
        halve = not halve
    return before


def _shown(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
