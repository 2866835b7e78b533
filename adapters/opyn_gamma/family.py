"""The solvency test of naked vaults in float64, for many vaults and scenarios at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.opyn_gamma.fixed_point import ONE
from adapters.opyn_gamma.margin import NakedVaultRule
from adapters.opyn_gamma.stored import load_rule
from aggregator.contract import Shocked
from aggregator.model.rules import Feed, JsonValue, Rule, all_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

OPTION = 10**8


@dataclass(frozen=True, eq=False, slots=True)
class OpynColumns:
    """The rules of many vaults as arrays of shape (accounts, 1), in whole options, tokens and dollars.

    `underlying`, `strike_asset` and `collateral_asset` (accounts,) are rows of `feeds`. `same_asset` is where
    strike asset and collateral are one. `seconds` and `bounds` (accounts, most bounds) are the products'
    bounds, padded with infinite times.
    """

    feeds: Sequence[Feed]
    underlying: NDArray[np.intp]
    strike_asset: NDArray[np.intp]
    collateral_asset: NDArray[np.intp]
    same_asset: NDArray[np.bool_]
    is_put: NDArray[np.bool_]
    size: Floats
    strike: Floats
    expiry: Floats
    collateral: Floats
    shock: Floats
    seconds: Floats
    bounds: Floats


class OpynFamily:
    """The fast form of NakedVaultRule: within 1e-9 of it, plus the unit that the contract rounds up."""

    name = NakedVaultRule.family

    def columns(self, rules: Sequence[Rule]) -> OpynColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(NakedVaultRule, rules)
        feeds: list[Feed] = []
        rows: list[list[int]] = []
        for rule in ours:
            number = {feed.asset: len(feeds) + i for i, feed in enumerate(rule.feeds)}
            feeds += rule.feeds
            wanted = (rule.underlying_feed, rule.strike_feed, rule.collateral_feed)
            rows.append([number[feed.asset] for feed in wanted])
        places = np.array(rows, dtype=np.intp).reshape(-1, 3)
        width = max((len(rule.bounds) for rule in ours), default=0)
        seconds, bounds = np.full((len(ours), width), np.inf), np.zeros((len(ours), width))
        for i, rule in enumerate(ours):
            seconds[i, : len(rule.bounds)] = [bound.seconds for bound in rule.bounds]
            bounds[i, : len(rule.bounds)] = [bound.value / ONE for bound in rule.bounds]

        def column(of: Callable[[NakedVaultRule], float]) -> Floats:
            return np.array([of(rule) for rule in ours], dtype=np.float64).reshape(-1, 1)

        return OpynColumns(
            feeds=feeds,
            underlying=places[:, 0],
            strike_asset=places[:, 1],
            collateral_asset=places[:, 2],
            same_asset=(places[:, 1] == places[:, 2]).reshape(-1, 1),
            is_put=np.array([rule.is_put for rule in ours], dtype=np.bool_).reshape(-1, 1),
            size=column(lambda rule: rule.leg.size / OPTION),
            strike=column(lambda rule: rule.leg.strike / OPTION),
            expiry=column(lambda rule: rule.expiry),
            collateral=column(lambda rule: rule.collateral / 10**rule.collateral_decimals),
            shock=column(lambda rule: rule.shock / ONE),
            seconds=seconds,
            bounds=bounds,
        )

    def margin(self, columns: OpynColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """Collateral and what is asked of it, in USD: (accounts, scenarios) each.

        Raises ValueError at a time before the rules were read, for which a product has no bound.
        """
        c, spot = columns, shocked.prices[columns.underlying]
        value = shocked.prices[c.collateral_asset]
        live = shocked.time < c.expiry
        per_option = np.where(live, _naked(c, spot, shocked.time), _payoff(c, spot, shocked.prices))
        return c.collateral * value, c.size * per_option * value

    def load(self, data: Mapping[str, JsonValue]) -> NakedVaultRule:
        """The rule that its `to_json` wrote; raises ValueError on data of another family or shape."""
        return load_rule(data)


def _naked(c: OpynColumns, spot: Floats, time: int) -> Floats:
    rows, left = np.arange(len(c.expiry)), np.maximum(c.expiry - time, 0.0)
    number = (c.seconds < left).sum(axis=1)
    if (number == np.isfinite(c.seconds).sum(axis=1)).any():
        raise ValueError(f"no upper bound at {time}, before the rules were read")
    bound = c.bounds[rows, number][:, None]
    put_near, put_deep = np.minimum(c.strike, c.shock * spot), np.maximum(c.strike - c.shock * spot, 0.0)
    share = c.strike * c.shock / spot
    call_near, call_deep = np.minimum(1.0, share), np.maximum(1.0 - share, 0.0)
    per_option: Floats = np.where(c.is_put, bound * put_near + put_deep, bound * call_near + call_deep)
    return per_option


def _payoff(c: OpynColumns, spot: Floats, prices: Floats) -> Floats:
    strike_asset = prices[c.strike_asset]
    in_strike = spot / strike_asset - c.strike
    value = np.maximum(np.where(c.is_put, -in_strike, in_strike), 0.0)
    converted: Floats = np.where(c.same_asset, value, value * strike_asset / prices[c.collateral_asset])
    return converted
