"""Where a trader acts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Access:
    """The contracts that take a trader's own actions, and what they ask beyond the liquidation test.

    Free of margin is what exceeds `initial_ratio` (millionths) of what was borrowed; `vault_paused` is the
    vault's own stop. `room` is how much more of the settlement token it takes: below zero
    where it is above its cap, None where that is not known.
    """

    clearing_house: Address
    vault: Address
    initial_ratio: int
    vault_paused: bool
    room: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.initial_ratio <= 10**6:
            raise ValueError(f"a ratio of {self.initial_ratio} of {10**6}")

    def with_more(self, raw: int) -> Access:
        """The same once the vault has so much more of the settlement token."""
        return self if self.room is None else replace(self, room=self.room - raw)
