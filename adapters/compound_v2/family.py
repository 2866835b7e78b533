"""Compound V2's health in float64, for many accounts and scenarios at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.compound_v2 import stored
from adapters.compound_v2.margin import CompoundRule
from adapters.compound_v2.position import Leg, VaiDebt
from aggregator.contract import Shocked
from aggregator.model.rules import WAD, Feed, JsonValue, Rule, all_of
from aggregator.model.stored import check_family

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


# What is a whole number exactly may come out a few units in the last place beside it.
_SLACK = 4 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False, slots=True)
class CompoundColumns:
    """The rules of many accounts as arrays: a row per leg and per debt in VAI, in the order of `feeds`.

    `power` is collateral times factor in whole tokens, `owed` debt in smallest units of which `unit` make a
    whole token, both at the time of reading with all interest; the growths are what a unit of the clock adds.
    `read_at` (Unix seconds) and `step_ms` are the
    clock's. `starts` is the first row of every account that has any, `filled` says which have.
    """

    feeds: Sequence[Feed]
    accounts: int
    starts: Integers
    filled: NDArray[np.bool_]
    power: Floats
    power_growth: Floats
    owed: Floats
    owed_growth: Floats
    unit: Floats
    read_at: Integers
    step_ms: Integers


class CompoundFamily:
    """The fast form of CompoundRule.

    Interest is simple until somebody touches a market, so both sides are straight lines in time. It differs
    from the exact rule by 1e-9 of the value of a leg and by one smallest unit of each debt at most.
    """

    name = CompoundRule.family

    def columns(self, rules: Sequence[Rule]) -> CompoundColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(CompoundRule, rules)
        rows = [(rule, part) for rule in ours for part in _parts(rule)]
        counts = np.array([len(rule.feeds) for rule in ours], dtype=np.int64)
        filled = counts > 0
        lines = np.array([_line(rule, part) for rule, part in rows], dtype=np.float64).reshape(-1, 5)
        return CompoundColumns(
            feeds=[part.feed for _, part in rows],
            accounts=len(ours),
            starts=(np.cumsum(counts) - counts)[filled],
            filled=filled,
            power=lines[:, 0],
            power_growth=lines[:, 1],
            owed=lines[:, 2],
            owed_growth=lines[:, 3],
            unit=lines[:, 4],
            read_at=np.array([rule.clock.time for rule, _ in rows], dtype=np.int64),
            step_ms=np.array([rule.clock.step_ms for rule, _ in rows], dtype=np.int64),
        )

    def margin(self, columns: CompoundColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """Collateral times factor, and debt, in USD: each of shape (accounts, scenarios)."""
        shape = (columns.accounts, shocked.prices.shape[1])
        power, requirement = np.zeros(shape), np.zeros(shape)
        if not columns.feeds:
            return power, requirement
        units = (shocked.time - columns.read_at) * 1_000 // columns.step_ms
        weighted = columns.power + columns.power_growth * units
        # One unit of a token with few decimals is worth rounding as the contracts do.
        grown = columns.owed + columns.owed_growth * units
        owed = np.floor(grown * (1 + _SLACK)) / columns.unit
        power[columns.filled] = np.add.reduceat(shocked.prices * weighted[:, None], columns.starts, axis=0)
        requirement[columns.filled] = np.add.reduceat(shocked.prices * owed[:, None], columns.starts, axis=0)
        return power, requirement

    def load(self, data: Mapping[str, JsonValue]) -> CompoundRule:
        """The rule that to_json wrote; raises ValueError on data of another family or shape."""
        legs = data.get("legs")
        check_family(data, self.name)
        if not isinstance(legs, list):
            raise ValueError(f"'legs' of a stored rule should be a list, not {legs!r}")
        return CompoundRule(
            clock=stored.load_clock(data.get("clock")),
            terms=stored.load_terms(data.get("terms")),
            legs=tuple(stored.load_leg(leg) for leg in legs),
            vai=stored.load_vai(data.get("vai")),
        )


def _parts(rule: CompoundRule) -> list[Leg | VaiDebt]:
    return [*rule.legs, *(() if rule.vai is None else (rule.vai,))]


def _line(rule: CompoundRule, part: Leg | VaiDebt) -> tuple[float, float, float, float, float]:
    """Power, what a unit of the clock adds to it; debt, what a unit adds to it, smallest units of a token."""
    at = rule.clock.at
    if isinstance(part, VaiDebt):
        debt = part.debt.accrued(at)
        growth = debt.rate * (debt.minted - debt.past_interest) / WAD
        return 0.0, 0.0, float(debt.owed), growth, float(WAD)
    elapsed = max(0, at - part.totals.accrued_at)
    totals, unit = part.totals, 10**part.decimals
    owed = part.owed * (1 + totals.rate * elapsed / WAD)
    per_token = part.tokens / totals.supply if totals.supply else 0.0
    lent = totals.cash + totals.borrows - totals.reserves
    growth = totals.rate * totals.borrows / WAD * (1 - totals.reserve_factor / WAD)
    scale = part.factor / WAD * per_token / unit
    return (
        scale * (lent + growth * elapsed),
        scale * growth,
        owed,
        part.owed * (totals.rate / WAD),
        float(unit),
    )
