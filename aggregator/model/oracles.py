"""How far a price can be trusted: who says it, how old it is, and what others say."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model.assets import AssetId
from aggregator.model.units import ChainId


@dataclass(frozen=True, slots=True)
class OraclePrice:
    """What one source says of one asset's price.

    `is_mark`: it is the one that counts. `deviation` is how far it is from that one, as a fraction (-0.01:
    1% below; 0 for the mark itself). `age_s` is how old it is at its block and `heartbeat_s` how old it may
    get, None where the source says neither; `overdue_s` is the age beyond the heartbeat, else 0. `chain` is
    where it was read, None for a venue without blocks.
    """

    asset: AssetId
    origin: str
    chain: ChainId | None
    price_usd: float
    is_mark: bool
    deviation: float
    age_s: int | None
    heartbeat_s: int | None
    overdue_s: int
