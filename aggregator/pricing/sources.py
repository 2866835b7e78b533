"""Which of several sources of an option's volatility counts: PROTOCOLS.md's order, each with its name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class IvKind(IntEnum):
    """What an implied volatility comes from; the lower, the sooner it is believed."""

    SURFACE = 0
    """The protocol's own surface on the chain, such as SVI parameters."""

    BOARD = 1
    """A board's volatility times a strike's skew, or a volatility oracle."""

    EXCHANGE = 2
    """The mark volatility of an exchange, over HTTP."""


@dataclass(frozen=True, slots=True)
class IvSource:
    """One answer: `iv` per year (0.65 is 65%), None or NaN where the source has none; `origin` its call."""

    kind: IvKind
    iv: float | None
    origin: str

    @property
    def is_usable(self) -> bool:
        """Whether it is a volatility at all: positive and finite."""
        return self.iv is not None and math.isfinite(self.iv) and self.iv > 0.0


def first_usable(sources: Iterable[IvSource]) -> IvSource | None:
    """The usable source that comes first by kind, then as given; None where none is.

    None is a missing volatility, to be valued and flagged as RISK.md section 1 has it (`Option.iv` None).
    """
    return min((source for source in sources if source.is_usable), key=lambda one: one.kind, default=None)
