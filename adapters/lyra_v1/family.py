"""The solvency test of short options in float64, for many positions and scenarios at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.lyra_v1.black_scholes import MIN_SECONDS, SECONDS_PER_YEAR
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.margin import ShortOptionRule
from adapters.lyra_v1.stored import load_rule
from aggregator.contract import Shocked
from aggregator.model.rules import Feed, JsonValue, Rule, all_of
from aggregator.pricing import black76

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class LyraColumns:
    """The rules of many shorts as arrays of shape (accounts, 1), in whole options, tokens and dollars.

    `expiry` in Unix seconds, `point_a` and `point_b` in seconds. `full` is full collateral (inf where there
    is no such bound), `static` the position's least, `spot_shock` what the spot is multiplied by.
    """

    feeds: Sequence[Feed]
    in_base: NDArray[np.bool_]
    sign: Floats
    amount: Floats
    collateral: Floats
    strike: Floats
    expiry: Floats
    static: Floats
    full: Floats
    spot_shock: Floats
    vol_a: Floats
    vol_b: Floats
    point_a: Floats
    point_b: Floats
    rate: Floats


class LyraFamily:
    """The fast form of ShortOptionRule: within 1e-9 of it, plus what the contract rounds to the wei."""

    name = ShortOptionRule.family

    def columns(self, rules: Sequence[Rule]) -> LyraColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(ShortOptionRule, rules)
        kinds = [rule.kind for rule in ours]
        in_base = [kind is OptionType.SHORT_CALL_BASE for kind in kinds]
        return LyraColumns(
            feeds=[rule.spot for rule in ours],
            in_base=np.array(in_base, dtype=np.bool_).reshape(-1, 1),
            sign=_column([1 if kind.is_call else -1 for kind in kinds], 0),
            amount=_column([rule.amount for rule in ours]),
            collateral=_column([rule.collateral for rule in ours]),
            strike=_column([rule.strike for rule in ours]),
            expiry=_column([rule.expiry for rule in ours], 0),
            static=_column(
                [
                    rule.parameters.static_base if base else rule.parameters.static_quote
                    for rule, base in zip(ours, in_base, strict=True)
                ]
            ),
            full=_column([_full_collateral(rule) for rule in ours], 0),
            spot_shock=_column(
                [
                    rule.parameters.call_spot_shock if rule.kind.is_call else rule.parameters.put_spot_shock
                    for rule in ours
                ]
            ),
            vol_a=_column([rule.parameters.vol_a for rule in ours]),
            vol_b=_column([rule.parameters.vol_b for rule in ours]),
            point_a=_column([rule.parameters.point_a for rule in ours], 0),
            point_b=_column([rule.parameters.point_b for rule in ours], 0),
            rate=_column([rule.parameters.rate for rule in ours]),
        )

    def margin(self, columns: LyraColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """(collateral, minimum collateral) in USD, each (accounts, scenarios); the quote counts as one."""
        c, spot = columns, shocked.prices
        seconds = np.maximum(c.expiry - shocked.time, 0.0)
        judged = spot * c.spot_shock
        # The contract puts the last second's volatility into an expired option, and no interest.
        years = np.maximum(seconds, MIN_SECONDS) / SECONDS_PER_YEAR
        rate = np.where(seconds < MIN_SECONDS, 0.0, c.rate)
        option = black76.price(
            forward=judged * np.exp(rate * years),
            strike=c.strike,
            years=years,
            iv=_shock_vol(c, seconds),
            rate=rate,
            sign=c.sign,
        )
        per_collateral = np.where(c.in_base, judged, 1.0)
        least = np.minimum(np.maximum(option * c.amount / per_collateral, c.static), c.full)
        value = np.where(c.in_base, spot, 1.0)
        return c.collateral * value, np.where(c.amount > 0.0, least, 0.0) * value

    def load(self, data: Mapping[str, JsonValue]) -> ShortOptionRule:
        """The rule that `ShortOptionRule.to_json` wrote; raises ValueError on data of another shape."""
        return load_rule(data)


def _full_collateral(rule: ShortOptionRule) -> float:
    if rule.kind is OptionType.SHORT_CALL_BASE:
        return rule.amount / 1e18
    if rule.kind is OptionType.SHORT_PUT_QUOTE:
        return rule.amount / 1e18 * (rule.strike / 1e18)
    return np.inf


def _shock_vol(c: LyraColumns, seconds: Floats) -> Floats:
    length = c.point_b - c.point_a
    past = np.clip(seconds - c.point_a, 0.0, length)
    share = np.divide(past, length, out=(seconds > c.point_a).astype(np.float64), where=length > 0.0)
    vol: Floats = c.vol_a - (c.vol_a - c.vol_b) * share
    return vol


def _column(values: Sequence[float], decimals: int = 18) -> Floats:
    return np.array([value / 10**decimals for value in values], dtype=np.float64).reshape(-1, 1)
