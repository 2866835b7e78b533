"""What base is needed for a cost in quote, as the market's own adapter counts it in a liquidation.

Source: `estimateExchangeToExactQuote` of SynthetixAdapter.sol of @lyrafinance/protocol 0.1.3-alpha, and of
GMXAdapter.sol and SNXPerpV2Adapter.sol of derivexyz/v1-core at ea9e36a.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from aggregator.model.rules import WAD

RATE_UNIT = 10**36


class SynthFee(NamedTuple):
    """Avalon: Synthetix takes this part of what is exchanged, 18 decimals. Exact."""

    fee: int

    def base_for(self, cost: int, spot: int) -> int:
        """Base for so much quote at a spot price, all with 18 decimals."""
        return _divide_rounded(_divide_rounded(cost, WAD - self.fee), spot)


class BaseRate(NamedTuple):
    """Newport: base per quote at the block, 36 decimals, told at the spot price `at`.

    The adapters multiply the cost by prices and an allowance of their own, each of which moves in proportion
    to the spot price: exact but for two wei of their rounding.
    """

    rate: int
    at: int

    def base_for(self, cost: int, spot: int) -> int:
        """See SynthFee.base_for."""
        return cost * self.rate * self.at // (RATE_UNIT * spot)


BaseExchange: TypeAlias = SynthFee | BaseRate


def _divide_rounded(x: int, y: int) -> int:
    """`x / y` with 18 decimals, rounded half up."""
    return (x * WAD * 10 // y + 5) // 10
