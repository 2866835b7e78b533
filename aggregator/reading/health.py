"""Which endpoint is asked first: one that failed is left alone for a while, longer each time."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_REST_S = 2.0
LONGEST_REST_S = 300.0


@dataclass(slots=True)
class Health:
    """Failures in a row of one endpoint. Times are seconds of one clock that never goes back."""

    failures: int = 0
    rests_until: float = 0.0
    _failed_at: float = float("-inf")
    _astray_until: float = float("-inf")

    def resting(self, now: float) -> bool:
        """Whether others are asked before it."""
        return now < max(self.rests_until, self._astray_until)

    def astray(self, now: float) -> None:
        """It told of a block that it, or nobody else, has: others come first even where it answers calls."""
        self._astray_until = now + FIRST_REST_S

    def succeeded(self) -> None:
        """It answered: whatever was before is forgotten."""
        self.failures, self.rests_until = 0, 0.0

    def failed(self, started: float, now: float, at_least_s: float = 0.0) -> None:
        """A request that started at `started` failed for good.

        The rest doubles with every failure in a row. Requests that were under way together and failed
        together are one failure; `at_least_s` is what the endpoint itself asked for.
        """
        if started >= self._failed_at:
            self.failures += 1
            self._failed_at = now
            rest = min(LONGEST_REST_S, FIRST_REST_S * 2 ** min(self.failures - 1, 30))
            self.rests_until = max(self.rests_until, now + rest)
        self.rests_until = max(self.rests_until, now + min(at_least_s, LONGEST_REST_S))
