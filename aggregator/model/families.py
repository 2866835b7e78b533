"""What a scenario of the framework is about (RISK.md section 3)."""

from __future__ import annotations

from enum import StrEnum


class RayFamily(StrEnum):
    """The families of rays; the name of a ray of the set begins with its family's value."""

    NONE = "NONE"
    SYSTEMATIC = "SYS"
    VOLATILITY = "VOL"
    IDIOSYNCRATIC = "IDIO"
    CONDITIONAL = "COND"
    SPREAD = "SPREAD"
    FORWARD = "FWD"
    PEG = "PEG"
    EXTREME = "EXT"
    CUSTOM = "custom"
    """Of no set: a user's scenario, or one of another margin method; its name says nothing of it."""

    @staticmethod
    def stored(name: str) -> RayFamily:
        """The family of a ray of the set of which only the name was kept."""
        first = name.partition(" ")[0]
        known = {family.value: family for family in RayFamily if family is not RayFamily.CUSTOM}
        return known.get(first, RayFamily.CUSTOM)
