"""Named stresses: what markets did once, as the configuration tells it (RISK.md section 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.risk.tables import Table


@dataclass(frozen=True, slots=True)
class NamedStress:
    """One of them: `moves` of underlyings, tokens by symbol, or peg classes (-0.3 is 30% down)."""

    name: str
    period: str
    title: str
    moves: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class NamedStresses:
    """All of them, in the order of the configuration; an underlying without a move of its own takes
    `blank_factor` times that of `blank_asset`."""

    blank_asset: str
    blank_factor: float
    stresses: tuple[NamedStress, ...]

    def blank(self, stress: NamedStress) -> float:
        """The move of an underlying that a stress does not name; prices never fall below nothing."""
        return max(-1.0, self.blank_factor * stress.moves[self.blank_asset])


def named_stresses(table: Table) -> NamedStresses:
    """The stresses of a table; raises BadConfiguration on a line that is missing or out of range.

    A stress must move `blank_asset`. Names of what moves are looked up when a stress is applied.
    """
    asset = table.text("blank_asset")
    stresses = []
    for name, entry in table.tables("named").items():
        moves = entry.table("moves")
        # Asked for even where the table does not name it: that is an error.
        names = dict.fromkeys((*moves.names, asset))
        stresses.append(
            NamedStress(
                name=name,
                period=entry.text("period"),
                title=entry.text("title"),
                moves={moved: moves.number(moved, -1.0, 10.0) for moved in names},
            )
        )
    return NamedStresses(asset, table.number("blank_factor", 0.0, 10.0), tuple(stresses))
