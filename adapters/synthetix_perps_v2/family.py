"""The liquidation test of Synthetix Perps V2 in float64, for many accounts and scenarios at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.synthetix_perps_v2.margin import DAY_SECONDS, PerpsV2Rule
from adapters.synthetix_perps_v2.stored import load_rule
from aggregator.contract import Shocked
from aggregator.model.fixed_point import multiply
from aggregator.model.rules import WAD, Feed, JsonValue, Rule, all_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class PerpsV2Columns:
    """The rules of many accounts as arrays of shape (accounts,): row i has one feed, `feeds[i]`.

    `settled` is the margin with all recorded funding, less the entry notional, in sUSD. `premium` is the
    liquidation premium per unit of price. `funding_time` in Unix seconds, rates per day.
    """

    feeds: Sequence[Feed]
    size: Floats
    settled: Floats
    premium: Floats
    funding_rate: Floats
    funding_velocity: Floats
    funding_time: Floats
    buffer_ratio: Floats
    fee_ratio: Floats
    min_keeper_fee: Floats
    max_keeper_fee: Floats
    keeper_liquidation_fee: Floats


class PerpsV2Family:
    """The fast form of PerpsV2Rule; it differs from it by rounding only, below 1e-9 of the notional."""

    name = PerpsV2Rule.family

    def columns(self, rules: Sequence[Rule]) -> PerpsV2Columns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(PerpsV2Rule, rules)
        markets = [rule.market for rule in ours]
        return PerpsV2Columns(
            feeds=[rule.feed for rule in ours],
            size=_whole([rule.size for rule in ours]),
            # Added up as integers: margin and entry notional may be large and nearly cancel.
            settled=_whole(
                [rule.margin + multiply(rule.size, rule.settled_funding - rule.last_price) for rule in ours]
            ),
            premium=np.array(
                [
                    rule.size**2 * rule.market.premium_multiplier / (rule.market.skew_scale * WAD**2)
                    for rule in ours
                ],
                dtype=np.float64,
            ),
            funding_rate=_whole([market.funding_rate for market in markets]),
            funding_velocity=_whole([market.funding_velocity() for market in markets]),
            funding_time=np.array([market.funding_time for market in markets], dtype=np.float64),
            buffer_ratio=_whole([market.buffer_ratio for market in markets]),
            fee_ratio=_whole([market.fee_ratio for market in markets]),
            min_keeper_fee=_whole([market.min_keeper_fee for market in markets]),
            max_keeper_fee=_whole([market.max_keeper_fee for market in markets]),
            keeper_liquidation_fee=_whole([market.keeper_liquidation_fee for market in markets]),
        )

    def margin(self, columns: PerpsV2Columns, shocked: Shocked) -> tuple[Floats, Floats]:
        """Margin less liquidation premium, and liquidation margin, in sUSD: (accounts, scenarios) each.

        sUSD counts as 1 USD, as the protocol counts it.
        """
        prices = shocked.prices
        days = (shocked.time - columns.funding_time) / DAY_SECONDS
        average_rate = columns.funding_rate + columns.funding_velocity * days / 2
        per_price = columns.size * (1 - average_rate * days) - columns.premium
        power = columns.settled[:, None] + per_price[:, None] * prices
        notional = np.abs(columns.size)[:, None] * prices
        fee = np.clip(
            notional * columns.fee_ratio[:, None],
            columns.min_keeper_fee[:, None],
            # The contract applies the minimum last, so that it wins over a smaller maximum.
            np.maximum(columns.max_keeper_fee, columns.min_keeper_fee)[:, None],
        )
        required = notional * columns.buffer_ratio[:, None] + fee + columns.keeper_liquidation_fee[:, None]
        return power, np.where(columns.size[:, None] == 0, 0.0, required)

    def load(self, data: Mapping[str, JsonValue]) -> PerpsV2Rule:
        """The rule that its `to_json` wrote; raises ValueError on data of another family or shape."""
        return load_rule(data)


def _whole(values: Sequence[int]) -> Floats:
    # Integer by integer division rounds once, however large both are.
    return np.array([value / WAD for value in values], dtype=np.float64)
