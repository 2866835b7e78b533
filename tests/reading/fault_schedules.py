"""What a seed means: which endpoints there are, how each fails, and how they are asked."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.reading.fault_endpoints import Plan, plan, quirks

WAIT_S = 0.6
"""In place of the client's 30 s."""
DEADLINE_S = 4 * WAIT_S
"""As 120 s are to 30 s."""
WAITED_S = 6.0
"""More where retries wait as long as in use, which is not scaled."""
MARGIN_S = 3.0
_STARTS = 4
_BLOCKS = ("latest", "latest", "latest", "-2", "hash", "finalized")


@dataclass(frozen=True)
class Schedule:
    """One run: its endpoints in order, and how they are asked.

    `block` is what is read, `hash` that of the last block but one. `direct` reads columns, calls and logs in
    place of adapters, `waits` between retries as in use, through a `cached` or a `recorded` source.
    """

    seed: int
    plans: tuple[Plan, ...]
    block: str = "latest"
    confirm: int = 1
    direct: bool = False
    waits: bool = False
    cached: bool = False
    recorded: bool = False

    @classmethod
    def of(cls, seed: int) -> Schedule:
        """The schedule of a seed."""
        rng = random.Random(seed)
        count = rng.choice((1, 2, 2, 3, 3))
        plans = [plan(rng) for _ in range(count)]
        if rng.random() < 0.6:
            plans[rng.randrange(count)] = Plan(quirks(rng))
        return cls(
            seed=seed,
            plans=tuple(plans),
            confirm=2 if count > 1 and rng.random() < 0.15 else 1,
            block=rng.choice(_BLOCKS),
            direct=rng.random() < 0.3,
            waits=rng.random() < 0.05,
            cached=rng.random() < 0.4,
            recorded=rng.random() < 0.1,
        )

    @property
    def complete(self) -> bool:
        """Whether nothing may be missing: one is healthy, or all where one must agree with another."""
        if self.confirm > 1:
            return all(one.healthy for one in self.plans)
        return any(one.healthy for one in self.plans)

    @property
    def deadline_s(self) -> float:
        """Of a read."""
        return DEADLINE_S + (WAITED_S if self.waits else 0.0)

    @property
    def longest_s(self) -> float:
        """When it must have ended: a read whose block is replaced again and again starts anew."""
        return (_STARTS if any(one.reorganises for one in self.plans) else 1) * self.deadline_s + MARGIN_S
