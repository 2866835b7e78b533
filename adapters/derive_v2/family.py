"""The solvency test of Derive V2 in float64, for many accounts and scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.derive_v2.fast import Sheet
from adapters.derive_v2.margin import DeriveRule
from adapters.derive_v2.stored import load_rule
from aggregator.contract import Shocked
from aggregator.model.assets import AssetId
from aggregator.model.rules import WAD, Feed, JsonValue, Rule, all_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DOUBT = 1e-6
"""Of a margin's parts: what float64 calls so near to zero is tried exactly."""


@dataclass(frozen=True, eq=False, slots=True)
class DeriveColumns:
    """The rules themselves, with their feeds in a row: books differ too much in shape for common arrays.

    `sheets` are what was made of them for the time that was asked for last.
    """

    feeds: Sequence[Feed]
    rules: tuple[DeriveRule, ...]
    sheets: dict[int, Sheet]


class DeriveFamily:
    """The fast form of DeriveRule; it differs from it by rounding only."""

    name = DeriveRule.family

    def columns(self, rules: Sequence[Rule]) -> DeriveColumns:
        """The rules as they are; raises TypeError on a rule of another family."""
        ours = all_of(DeriveRule, rules)
        return DeriveColumns([feed for rule in ours for feed in rule.feeds], tuple(ours), {})

    def margin(self, columns: DeriveColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """Mark to market and what is required of it, in USD: (accounts, scenarios) each.

        Cash counts as 1 USD, as the protocol counts it.
        """
        shape = (len(columns.rules), shocked.prices.shape[1])
        power, required = np.zeros(shape), np.zeros(shape)
        start = 0
        for i, rule in enumerate(columns.rules):
            end = start + len(rule.feeds)
            sheet = columns.sheets.get(i)
            if sheet is None or sheet.time != shocked.time:
                sheet = columns.sheets[i] = Sheet(rule.book, shocked.time)
            power[i], required[i] = _parts(rule, sheet, list(shocked.prices[start:end]))
            start = end
        return power, required

    def load(self, data: Mapping[str, JsonValue]) -> DeriveRule:
        """The rule that `DeriveRule.to_json` wrote; raises ValueError on other data."""
        return load_rule(data)


def _parts(rule: DeriveRule, sheet: Sheet, prices: Sequence[Floats]) -> tuple[Floats, Floats]:
    total, value = sheet.margin(prices[1:], prices[0])
    required = np.maximum(value - total, 0.0)
    power: Floats = total + rule.cash / WAD + required
    return power, required


def suspects(
    rule: DeriveRule, prices: Mapping[AssetId, int], time: int, asset: AssetId, candidates: Sequence[int]
) -> list[bool]:
    """At which prices of an asset the account may fail its test: where it does in float64, or nearly."""
    tried = np.array([candidate / WAD for candidate in candidates])
    rows = [
        tried if feed.asset == asset else np.full_like(tried, prices[feed.asset] / WAD) for feed in rule.feeds
    ]
    power, required = _parts(rule, Sheet(rule.book, time), rows)
    if rule.auction is not None:
        required = required * (1 + rule.terms.buffer / WAD)
    doubt = _DOUBT * (np.abs(power) + required + abs(rule.cash) / WAD)
    found: list[bool] = (power - required < doubt).tolist()
    return found
