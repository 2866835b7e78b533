"""What the score and the requirement were taken from, level by level, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Branch: TypeAlias = Literal["scan", "draws"]


@dataclass(frozen=True, slots=True)
class SurvivalPoint:
    """What the whole counts at stress multiple `level` where it counts least (RISK.md sections 4 and 5).

    In the branch `scan` that is at one `ray`, the first of those that bind; at level 0 nothing has moved yet.
    In `draws` it is the mean over the lowest draws of the whole, and `ray` is None. `whole_usd` is U;
    `counted_usd` is each account's part of it, f_v(E_v), in the order of the result's accounts, and sums to
    it but for rounding.
    """

    branch: Branch
    level: float
    ray: str | None
    whole_usd: float
    counted_usd: tuple[float, ...]
