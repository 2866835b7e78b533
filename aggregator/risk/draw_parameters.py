"""Parameters of the draws and of expected shortfall, validated."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aggregator.model.errors import BadConfiguration
from aggregator.risk.sobol import DIMENSIONS
from aggregator.risk.tables import Table

MOST_ASSETS = (DIMENSIONS - 1) // 2
"""One dimension for the chi-square, one per asset for its return and one for its volatility."""


@dataclass(frozen=True, slots=True)
class DrawParameters:
    """How returns are drawn and what is taken of them (RISK.md section 3).

    2**`log2_count` draws of Student's t with `degrees_of_freedom` over `days`, cut at `clip` standard
    deviations. ln IV moves by `iv_beta` times the return and `iv_volatility` per square root of a day. An
    asset outside the table moves with `market` by `market_loading` and else by itself. `confidence` is that
    of expected shortfall.
    """

    degrees_of_freedom: int
    log2_count: int
    days: int
    confidence: float
    clip: float
    seed: str
    iv_beta: float
    iv_volatility: float
    market: str
    market_loading: float

    @property
    def count(self) -> int:
        """How many there are."""
        return 1 << self.log2_count


def draw_parameters(table: Table, assets: Collection[str], where: str) -> DrawParameters:
    """Those of a table, for these named assets.

    Raises BadConfiguration on a value out of range, a market that is no named asset, or more assets than
    there are dimensions.
    """
    if len(assets) > MOST_ASSETS:
        raise BadConfiguration(
            where, f"[assets] names {len(assets)} assets; returns can be drawn for {MOST_ASSETS} at most"
        )
    count = table.whole("count", 1 << 10, 1 << 17)
    if count & (count - 1):
        raise BadConfiguration(where, f"draws.count is {count}, must be a power of 2")
    degrees = table.whole("degrees_of_freedom", 4, 30)
    if degrees % 2:
        raise BadConfiguration(where, f"draws.degrees_of_freedom is {degrees}, must be even")
    market = table.text("market")
    if market not in assets:
        raise BadConfiguration(where, f"draws.market is {market!r}, which [assets] does not name")
    return DrawParameters(
        degrees_of_freedom=degrees,
        log2_count=count.bit_length() - 1,
        days=table.whole("days", 1, 30),
        confidence=table.number("confidence", 0.9, 0.999),
        clip=table.number("clip", 3.0, 100.0),
        seed=table.text("seed"),
        iv_beta=table.number("iv_beta", -5.0, 0.0),
        iv_volatility=table.number("iv_volatility", 0.0, 1.0),
        market=market,
        market_loading=table.number("market_loading", 0.0, 0.99),
    )
