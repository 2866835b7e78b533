"""Health that a plan predicts, at the time when its contracts are asked.

A plan tells what each state is at its own block. Blocks are mined and keepers awaited while it is sent, and
interest and funding go on: every state of a plan tells N and Q ten minutes later, too, and what they gain
until the next step is part of what the plan says of the states after it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aggregator.planning.later import AHEAD_S

Json = Mapping[str, Any]


class Drift:
    """What accounts gain in the states that a plan passes through, by its own word."""

    def __init__(self, state: Json, time: int) -> None:
        """From a plan's first state, and the time of its block."""
        self._state, self._time = state, time
        self._gained: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))

    def enter(self, state: Json, time: int) -> None:
        """Another state; the last one has been until now."""
        seconds, self._time = time - self._time, time
        for one in self._state["accounts"]:
            ahead = one["power_ahead_usd"], one["native_requirement_ahead_usd"]
            if None in ahead:
                continue
            now = one["power_usd"], one["native_requirement_usd"]
            gains = [(float(to) - float(of)) * seconds / AHEAD_S for of, to in zip(now, ahead, strict=True)]
            power, requirement = self._gained[one["account_id"]]
            self._gained[one["account_id"]] = power + gains[0], requirement + gains[1]
        self._state = state

    def health(self, one: Json) -> float | None:
        """An account's N/Q in the state that was entered last, with what it gained in those before it."""
        power, requirement = float(one["power_usd"]), float(one["native_requirement_usd"])
        gained = self._gained[one["account_id"]]
        if one["native_health"] is None or requirement <= 0.0 or requirement + gained[1] <= 0.0:
            health: float | None = one["native_health"]
            return health
        later = (power + gained[0]) / (requirement + gained[1])
        # The exact rule's figure is rounded as its protocol rounds: the quotient moves it, and is not it.
        return float(one["native_health"]) + (later - power / requirement)
