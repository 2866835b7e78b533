"""Morpho Blue's health in float64, for many accounts and scenarios at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.morpho_blue.liquidation import ORACLE_PRICE_SCALE
from adapters.morpho_blue.margin import MorphoRule
from adapters.morpho_blue.market_state import VIRTUAL_ASSETS, VIRTUAL_SHARES
from adapters.morpho_blue.stored import load_rule
from aggregator.contract import Shocked
from aggregator.model.rules import WAD, Feed, JsonValue, Rule, all_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# What is a whole number exactly may come out a few units in the last place beside it.
_SLACK = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False, slots=True)
class MorphoColumns:
    """Borrowers as arrays of shape (accounts,); each has one feed.

    `collateral` makes smallest units of the loan asset of a price in whole ones, `unit` is what counts as one
    of it. `share` is an account's part of `borrow_assets`, virtual shares included, and `virtual` its part of
    the virtual asset. `rate` is per second as a fraction, `updated` Unix seconds.
    """

    feeds: Sequence[Feed]
    collateral: Floats
    lltv: Floats
    unit: Floats
    share: Floats
    virtual: Floats
    borrow_assets: Floats
    rate: Floats
    updated: Floats


class MorphoFamily:
    """The fast form of MorphoRule.

    It differs from the exact rule by at most one smallest unit of the loan asset a side: below 0.01 bp of
    health from 1,000,000 such units on, which is one USDC.
    """

    name = MorphoRule.family

    def columns(self, rules: Sequence[Rule]) -> MorphoColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(MorphoRule, rules)
        shares = [rule.position.borrow_shares / (rule.market.borrow_shares + VIRTUAL_SHARES) for rule in ours]
        return MorphoColumns(
            feeds=[rule.feed for rule in ours],
            collateral=_floats(
                [r.position.collateral * 10**r.feed.decimals / ORACLE_PRICE_SCALE for r in ours]
            ),
            lltv=_floats([rule.lltv / WAD for rule in ours]),
            unit=_floats([10.0**rule.loan_decimals for rule in ours]),
            share=_floats(shares),
            virtual=_floats([share * VIRTUAL_ASSETS for share in shares]),
            borrow_assets=_floats([float(rule.market.borrow_assets) for rule in ours]),
            rate=_floats([rule.market.borrow_rate / WAD for rule in ours]),
            updated=_floats([float(rule.market.updated_at) for rule in ours]),
        )

    def margin(self, columns: MorphoColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """What may be owed, and what is owed, in USD: each of shape (accounts, scenarios)."""
        x = columns.rate * (shocked.time - columns.updated)
        grown = columns.borrow_assets * (1 + x + x**2 / 2 + x**3 / 6)
        owed = np.ceil((columns.share * grown + columns.virtual) * (1 - _SLACK)) / columns.unit
        worth = _down(shocked.prices * columns.collateral[:, None])
        power = _down(worth * columns.lltv[:, None]) / columns.unit[:, None]
        return power * shocked.quote_usd, owed[:, None] * shocked.quote_usd

    def load(self, data: Mapping[str, JsonValue]) -> MorphoRule:
        """The rule that `MorphoRule.to_json` wrote; raises ValueError on data of another family or shape."""
        return load_rule(data)


def _down(units: Floats) -> Floats:
    floor: Floats = np.floor(units * (1 + _SLACK))
    return floor


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)
