"""Aave V3's health in float64, for many accounts and scenarios at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.aave_v3.interest import RAY, YEAR_SECONDS, binomial_powers
from adapters.aave_v3.margin import BPS, AaveRule
from adapters.aave_v3.stored import load_rule
from adapters.aave_v3.versions import Maths
from aggregator.contract import Shocked
from aggregator.model.rules import Feed, JsonValue, Rule, all_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# What is a whole number exactly may come out a few units in the last place beside it.
_SLACK = 4 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False, slots=True)
class AaveColumns:
    """The rules of many accounts as arrays: a row per leg, in the order of `feeds`.

    `supplied`, `owed` and `stable` are smallest units at their index or principal, and `unit` makes whole
    tokens of them; `outward` legs round supply down and debt up. Rates are per year, times Unix seconds;
    `second` and `third` are the powers of the rate per second that the binomial uses (0 for legs that
    compound by `taylor`). `starts` is the first leg of every account that has any, `filled` says which have.
    `average` marks accounts whose power uses the average threshold; `lowest` is their lowest threshold and
    `base_unit` what their base currency counts as one.
    """

    feeds: Sequence[Feed]
    accounts: int
    starts: Integers
    filled: NDArray[np.bool_]
    unit: Floats
    outward: NDArray[np.bool_]
    supplied: Floats
    supply_rate: Floats
    threshold: Floats
    owed: Floats
    borrow_rate: Floats
    second: Floats
    third: Floats
    taylor: NDArray[np.bool_]
    updated: Floats
    stable: Floats
    stable_rate: Floats
    stable_second: Floats
    stable_third: Floats
    stable_updated: Floats
    average: NDArray[np.bool_]
    lowest: Floats
    base_unit: Floats


class AaveFamily:
    """The fast form of AaveRule.

    It differs from the exact rule by at most one smallest unit of a token and 1e-8 USD a leg: below 0.01 bp
    of health from 1,000 USD on, far below with six decimals or more. Where the average threshold of a pool up
    to V3.4 is a whole number of basis points but for such a unit, it may count one basis point more or less.
    """

    name = AaveRule.family

    def columns(self, rules: Sequence[Rule]) -> AaveColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(AaveRule, rules)
        legs = [(rule, leg) for rule in ours for leg in rule.legs]
        counts = np.array([len(rule.legs) for rule in ours], dtype=np.int64)
        filled = counts > 0
        starts = (np.cumsum(counts) - counts)[filled]
        taylor = np.array([rule.maths is not Maths.V3_0 for rule, _ in legs], dtype=np.bool_)
        powers = _powers([leg.accrual.borrow_rate if rule.maths is Maths.V3_0 else 0 for rule, leg in legs])
        stable_powers = _powers([leg.stable.rate if leg.stable else 0 for _, leg in legs])
        threshold = _floats([leg.threshold_bps for _, leg in legs])
        lowest = np.zeros(len(ours))
        if legs:
            counted = np.where([leg.supplied_scaled > 0 for _, leg in legs], threshold, BPS)
            lowest[filled] = np.minimum.reduceat(counted, starts)
        return AaveColumns(
            feeds=[leg.feed for _, leg in legs],
            accounts=len(ours),
            starts=starts,
            filled=filled,
            unit=_floats([10**leg.decimals for _, leg in legs]),
            outward=np.array([rule.maths is Maths.V3_5 for rule, _ in legs], dtype=np.bool_),
            supplied=_rays([leg.supplied_scaled * leg.accrual.liquidity_index for _, leg in legs]),
            supply_rate=_rays([leg.accrual.liquidity_rate for _, leg in legs]),
            threshold=threshold,
            owed=_rays([leg.owed_scaled * leg.accrual.borrow_index for _, leg in legs]),
            borrow_rate=_rays([leg.accrual.borrow_rate for _, leg in legs]),
            second=powers[0],
            third=powers[1],
            taylor=taylor,
            updated=_floats([leg.accrual.updated_at for _, leg in legs]),
            stable=_floats([leg.stable.principal if leg.stable else 0 for _, leg in legs]),
            stable_rate=_rays([leg.stable.rate if leg.stable else 0 for _, leg in legs]),
            stable_second=stable_powers[0],
            stable_third=stable_powers[1],
            stable_updated=_floats(
                [(leg.stable.updated_at if leg.stable else leg.accrual.updated_at) for _, leg in legs]
            ),
            average=np.array([rule.maths is not Maths.V3_5 for rule in ours], dtype=np.bool_),
            lowest=lowest,
            base_unit=_floats([10**rule.base_decimals for rule in ours]),
        )

    def margin(self, columns: AaveColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """Collateral times threshold, and debt, in USD: each of shape (accounts, scenarios)."""
        shape = (columns.accounts, shocked.prices.shape[1])
        power, requirement = np.zeros(shape), np.zeros(shape)
        if not columns.feeds:
            return power, requirement
        supplied, owed = _amounts(columns, shocked.time)
        weighted = shocked.prices * (supplied * columns.threshold / BPS)[:, None]
        power[columns.filled] = np.add.reduceat(weighted, columns.starts, axis=0)
        requirement[columns.filled] = np.add.reduceat(shocked.prices * owed[:, None], columns.starts, axis=0)
        if columns.average.any():
            power[columns.average] = _average_power(columns, shocked.prices, supplied)[columns.average]
        # All prices of a market are counted in one currency.
        quote_usd = shocked.quote_usd[columns.starts]
        power[columns.filled] *= quote_usd
        requirement[columns.filled] *= quote_usd
        return power, requirement

    def load(self, data: Mapping[str, JsonValue]) -> AaveRule:
        """The rule that `AaveRule.to_json` wrote; raises ValueError on data of another family or shape."""
        return load_rule(data)


def _amounts(columns: AaveColumns, time: int) -> tuple[Floats, Floats]:
    """Collateral and debt of every leg in whole tokens, interest included."""
    seconds = time - columns.updated
    x = columns.borrow_rate * seconds / YEAR_SECONDS
    binomial = _binomial(seconds, columns.second, columns.third)
    growth = 1 + x + np.where(columns.taylor, x**2 / 2 + x**3 / 6, binomial)
    supplied = columns.supplied * (1 + columns.supply_rate * seconds / YEAR_SECONDS)
    owed = columns.owed * growth
    stable_seconds = time - columns.stable_updated
    stable_growth = 1 + columns.stable_rate * stable_seconds / YEAR_SECONDS
    stable_growth += _binomial(stable_seconds, columns.stable_second, columns.stable_third)
    # One unit of a token with two decimals is worth rounding as the contracts do.
    down = np.where(columns.outward, np.floor(supplied * (1 + _SLACK)), np.floor(supplied + 0.5))
    up = np.where(columns.outward, np.ceil(owed * (1 - _SLACK)), np.floor(owed + 0.5))
    return down / columns.unit, (up + np.floor(columns.stable * stable_growth + 0.5)) / columns.unit


def _binomial(seconds: Floats, second: Floats, third: Floats) -> Floats:
    pairs = seconds * (seconds - 1)
    return pairs * second / 2 + pairs * np.maximum(seconds - 2, 0) * third / 6


def _average_power(columns: AaveColumns, prices: Floats, supplied: Floats) -> Floats:
    """Power by the average threshold in whole basis points, as the pools up to V3.4 cut it.

    The sum is taken above the lowest threshold: an account whose thresholds are all one never loses a basis
    point to rounding.
    """
    owner = np.repeat(np.flatnonzero(columns.filled), np.diff(np.append(columns.starts, len(columns.feeds))))
    values = np.floor(prices * (supplied * columns.base_unit[owner])[:, None])
    above = np.where(supplied > 0, columns.threshold - columns.lowest[owner], 0.0)
    shape = (columns.accounts, prices.shape[1])
    collateral, excess = np.zeros(shape), np.zeros(shape)
    collateral[columns.filled] = np.add.reduceat(values, columns.starts, axis=0)
    excess[columns.filled] = np.add.reduceat(values * above[:, None], columns.starts, axis=0)
    mean = np.divide(excess, collateral, out=np.zeros(shape), where=collateral > 0)
    average_bps = columns.lowest[:, None] + np.floor(mean * (1 + _SLACK))
    power: Floats = collateral * average_bps / BPS / columns.base_unit[:, None]
    return power


def _floats(values: Sequence[int]) -> Floats:
    return np.array(values, dtype=np.float64)


def _rays(values: Sequence[int]) -> Floats:
    return np.array([value / RAY for value in values], dtype=np.float64)


def _powers(rates: Sequence[int]) -> tuple[Floats, Floats]:
    pairs = [binomial_powers(rate) for rate in rates]
    return _rays([second for second, _ in pairs]), _rays([third for _, third in pairs])
