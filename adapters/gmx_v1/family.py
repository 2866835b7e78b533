"""The liquidation test of GMX V1 in float64, for many positions and scenarios at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.gmx_v1.margin import BASIS_POINTS, DECIMALS, GmxRule
from adapters.gmx_v1.stored import load_rule
from aggregator.contract import Shocked
from aggregator.model.rules import Feed, JsonValue, Rule, all_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class GmxColumns:
    """The rules of many positions as arrays of shape (accounts,): row i has one feed, `feeds[i]`.

    `tokens` is signed size over average price, `least_profit` the profit in USD up to which one counts as
    none until `early_until` (Unix seconds). Fees are worked out of `rules` at the time of a scenario:
    floats would round to the wrong number of intervals.
    """

    rules: Sequence[GmxRule]
    feeds: Sequence[Feed]
    collateral: Floats
    tokens: Floats
    entry: Floats
    least_profit: Floats
    early_until: Floats
    least_by_leverage: Floats


class GmxFamily:
    """The fast form of GmxRule; it differs from it by rounding only, below 1e-9 of the size."""

    name = GmxRule.family

    def columns(self, rules: Sequence[Rule]) -> GmxColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(GmxRule, rules)
        sizes = [one.size if one.is_long else -one.size for one in ours]
        return GmxColumns(
            rules=ours,
            feeds=[one.feed for one in ours],
            collateral=_usd([one.collateral for one in ours]),
            tokens=np.array(
                [size / one.average_price for size, one in zip(sizes, ours, strict=True)], dtype=np.float64
            ),
            entry=_usd([one.average_price for one in ours]),
            least_profit=_usd([one.size * one.terms.min_profit_bps // BASIS_POINTS for one in ours]),
            early_until=np.array(
                [one.last_increased_time + one.terms.min_profit_time for one in ours], dtype=np.float64
            ),
            least_by_leverage=_usd([one.least_by_leverage() for one in ours]),
        )

    def margin(self, columns: GmxColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """Collateral with profit, and the least of it, in USD: (accounts, scenarios) each."""
        profit = columns.tokens[:, None] * (shocked.prices - columns.entry[:, None])
        early = (shocked.time <= columns.early_until)[:, None]
        profit[early & (profit > 0) & (profit <= columns.least_profit[:, None])] = 0.0
        fees = _usd([one.margin_fees(shocked.time) + one.terms.liquidation_fee for one in columns.rules])
        required = np.maximum(fees, columns.least_by_leverage)
        return columns.collateral[:, None] + profit, np.broadcast_to(required[:, None], profit.shape)

    def load(self, data: Mapping[str, JsonValue]) -> GmxRule:
        """The rule that its `to_json` wrote; raises ValueError on data of another family or shape."""
        return load_rule(data)


def _usd(values: Sequence[int]) -> Floats:
    # Integer by integer division rounds once, however large both are.
    return np.array([value / 10**DECIMALS for value in values], dtype=np.float64)
