"""What may liquidate a wallet: its ladder, cascades with the wallet after them, and a market's risk."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.cascades import Cascade, MarketRisk, Rung
from aggregator.model.stresses import Reassessed


@dataclass(frozen=True, slots=True)
class CascadeOutcome:
    """A cascade from one scenario or path, and the wallet after it, assessed by the full model.

    `moves` are the scenario's, of a path its first and last: `(name, first, last)`.
    """

    title: str
    moves: tuple[tuple[str, float, float], ...]
    cascade: Cascade
    after: Reassessed


@dataclass(frozen=True, slots=True)
class LiquidationReport:
    """A wallet today, what follows from each scenario, and the ladder where no scenario was given.

    `told` are sentences on what the ladder does not have.

    `market` is of the wallet and the loaded borrowers over draws, or over the given scenarios where there
    are several; None where it was not asked for.
    """

    today: Reassessed
    outcomes: tuple[CascadeOutcome, ...]
    ladder: tuple[Rung, ...]
    market: MarketRisk | None
    told: tuple[str, ...] = ()
