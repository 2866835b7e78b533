"""The liquidation test of Synthetix V3 perps in float64, for many accounts and scenarios at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.synthetix_v3.margin import YEAR_SECONDS, SynthetixV3Rule
from adapters.synthetix_v3.market import DAY_SECONDS
from adapters.synthetix_v3.stored import load_rule
from aggregator.contract import Shocked
from aggregator.model.fixed_point import multiply
from aggregator.model.rules import WAD, Feed, JsonValue, Rule, all_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.intp]


_ROW = 13
"""Numbers of a row: see `_rows`."""


@dataclass(frozen=True, eq=False, slots=True)
class SynthetixV3Columns:
    """The rules of many accounts as arrays: one row per feed (`account` is whose), then one per account.

    Of a feed that is a position: `size`, `ratio` of maintenance and `flag` reward per notional, and
    `accruing` funding and interest; of a collateral: `amount` and what of it `counted`. `settled` is all that
    no price and no time changes.
    """

    feeds: Sequence[Feed]
    account: Whole
    size: Floats
    ratio: Floats
    flag: Floats
    amount: Floats
    counted: Floats
    funding_rate: Floats
    funding_velocity: Floats
    funding_time: Floats
    locked: Floats
    interest: Floats
    interest_rate: Floats
    interest_time: Floats
    settled: Floats
    usd_amount: Floats
    fixed: Floats
    least: Floats
    maximum: Floats
    scaling_ratio: Floats
    collateral_ratio: Floats
    cost: Floats
    rewarded: NDArray[np.bool_]


class SynthetixV3Family:
    """The fast form of SynthetixV3Rule; it differs from it by rounding only."""

    name = SynthetixV3Rule.family

    def columns(self, rules: Sequence[Rule]) -> SynthetixV3Columns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(SynthetixV3Rule, rules)
        rows = [row for i, rule in enumerate(ours) for row in _rows(i, rule)]
        numbers = np.array(rows, dtype=np.float64).reshape(len(rows), _ROW).T
        return SynthetixV3Columns(
            feeds=[feed for rule in ours for feed in rule.feeds],
            account=numbers[0].astype(np.intp),
            size=numbers[1],
            ratio=numbers[2],
            flag=numbers[3],
            amount=numbers[4],
            counted=numbers[5],
            funding_rate=numbers[6],
            funding_velocity=numbers[7],
            funding_time=numbers[8],
            locked=numbers[9],
            interest=numbers[10],
            interest_rate=numbers[11],
            interest_time=numbers[12],
            settled=_whole(map(_settled, ours)),
            usd_amount=_whole(rule.usd_amount for rule in ours),
            fixed=_whole(map(_fixed, ours)),
            least=_whole(rule.rewards.least(_cost(rule)) for rule in ours),
            maximum=_whole(rule.rewards.maximum for rule in ours),
            scaling_ratio=_whole(rule.rewards.scaling_ratio for rule in ours),
            collateral_ratio=_whole(rule.rewards.collateral_ratio for rule in ours),
            cost=_whole(map(_cost, ours)),
            rewarded=np.array([bool(rule.positions or rule.debt) for rule in ours], dtype=np.bool_),
        )

    def margin(self, columns: SynthetixV3Columns, shocked: Shocked) -> tuple[Floats, Floats]:
        """Available margin, and maintenance margin with reward, in USD: (accounts, scenarios) each.

        snxUSD counts as 1 USD, as the protocol counts it.
        """
        c, prices = columns, shocked.prices
        shape = (len(c.settled), prices.shape[1])

        def total(per_price: Floats, start: Floats) -> Floats:
            found = np.repeat(start[:, None], shape[1], axis=1)
            np.add.at(found, c.account, per_price[:, None] * prices)
            return found

        days = (shocked.time - c.funding_time) / DAY_SECONDS
        funding = -(c.funding_rate + c.funding_velocity * days / 2) * days
        years = (shocked.time - c.interest_time) / YEAR_SECONDS
        owed = c.locked * (c.interest + c.interest_rate * years)
        power = total(c.size * (1 + funding) - owed + c.amount * c.counted, c.settled)
        required = total(np.abs(c.size) * c.ratio, c.fixed)
        value = total(c.amount, c.usd_amount)
        flags = total(np.abs(c.size) * c.flag, np.zeros(shape[0]))
        earned = np.maximum(flags, value * c.collateral_ratio[:, None])
        most = np.minimum(value * c.scaling_ratio[:, None], c.maximum[:, None])
        most = np.where(value == 0, c.maximum[:, None], most)
        reward = np.minimum(np.maximum(c.least[:, None], earned + c.cost[:, None]), most)
        return power, required + np.where(c.rewarded[:, None], reward, 0.0)

    def load(self, data: Mapping[str, JsonValue]) -> SynthetixV3Rule:
        """The rule that `SynthetixV3Rule.to_json` wrote; raises ValueError on other data."""
        return load_rule(data)


def _rows(account: int, rule: SynthetixV3Rule) -> list[tuple[float, ...]]:
    """The rows of a rule's feeds: its account, then the columns from `size` to `interest_time`."""
    rows: list[tuple[float, ...]] = []
    for one in rule.positions:
        market = one.market
        margins = (market.maintenance_ratio(one.size) / WAD, market.flag_reward_ratio / WAD)
        rates = (market.funding_rate / WAD, market.funding_velocity() / WAD, float(market.funding_time))
        locked = abs(one.size) * market.locked_oi_ratio / WAD**2
        owed = (locked, one.interest / WAD, rule.interest_rate / WAD, float(rule.interest_time))
        rows.append((account, one.size / WAD, *margins, 0.0, 0.0, *rates, *owed))
    for held in rule.collaterals:
        kept = (WAD - held.discount) / WAD
        rows.append((account, 0.0, 0.0, 0.0, held.amount / WAD, kept, *7 * (0.0,)))
    return rows


def _settled(rule: SynthetixV3Rule) -> int:
    # Added up as integers: margin and entry notional may be large and nearly cancel.
    entries = sum(multiply(one.size, one.settled_funding - one.entry_price) for one in rule.positions)
    return rule.usd_amount - rule.debt + entries


def _fixed(rule: SynthetixV3Rule) -> int:
    """What is required at any price: minimum margins, and the rewards of further windows."""
    if not rule.positions:
        return 0
    windows = max(one.market.windows(one.size) for one in rule.positions)
    minimum = sum(one.market.minimum_position_margin for one in rule.positions)
    return minimum + rule.rewards.further(windows)


def _cost(rule: SynthetixV3Rule) -> int:
    return rule.rewards.flag_cost + rule.rewards.liquidate_cost


def _whole(values: Iterable[int]) -> Floats:
    # Integer by integer division rounds once, however large both are.
    return np.array([value / WAD for value in values], dtype=np.float64)
