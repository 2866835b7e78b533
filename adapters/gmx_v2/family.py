"""The liquidation test of GMX V2 in float64, for many positions and scenarios at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.gmx_v2 import fast
from adapters.gmx_v2.accrual import PER_SIZE
from adapters.gmx_v2.fixed_point import FLOAT
from adapters.gmx_v2.margin import GmxRule
from adapters.gmx_v2.position import Position, requirement
from adapters.gmx_v2.state import Market, Side
from adapters.gmx_v2.stored import load_asset, load_market, load_numbers
from aggregator.contract import Shocked
from aggregator.model.rules import Feed, JsonValue, Rule, all_of
from aggregator.model.stored import check_family, entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class GmxColumns:
    """Positions as arrays of shape (accounts, 1): see `fast.Numbers`; rows say which feed is which."""

    feeds: Sequence[Feed]
    index: Ints
    long: Ints
    short: Ints
    stable: tuple[Floats, Floats, Floats]
    numbers: fast.Numbers


class GmxFamily:
    """The fast form of GmxRule: it differs by rounding, and within a dollar of where a branch changes."""

    name = GmxRule.family

    def columns(self, rules: Sequence[Rule]) -> GmxColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(GmxRule, rules)
        feeds: list[Feed] = []
        rows: list[tuple[int, int, int]] = []
        for rule in ours:
            place = {feed.asset: len(feeds) + i for i, feed in enumerate(rule.feeds)}
            feeds.extend(rule.feeds)
            tokens = (rule.market.index, rule.market.long, rule.market.short)
            rows.append(
                (place[tokens[0].feed.asset], place[tokens[1].feed.asset], place[tokens[2].feed.asset])
            )
        index, long, short = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        return GmxColumns(
            feeds=feeds,
            index=index,
            long=long,
            short=short,
            stable=(
                _stable(ours, "index"),
                _stable(ours, "long"),
                _stable(ours, "short"),
            ),
            numbers={
                name: np.array([one[name] for one in map(_numbers, ours)], dtype=np.float64)[:, None]
                for name in fast.NAMES
            },
        )

    def margin(self, columns: GmxColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """What is left of the collateral, and what must be, in USD: (accounts, scenarios) each."""
        every = shocked.prices
        tokens = zip((columns.index, columns.long, columns.short), columns.stable, strict=True)
        index, long, short = (fast.Pair.beside(every[rows], stable) for rows, stable in tokens)
        power = fast.remaining(columns.numbers, index, long, short, shocked.time)
        return power, np.broadcast_to(columns.numbers["requirement"], power.shape)

    def load(self, data: Mapping[str, JsonValue]) -> GmxRule:
        """The rule that `GmxRule.to_json` wrote; raises ValueError on data of another family or shape."""
        check_family(data, self.name)
        return GmxRule(
            time=entry(data, "time", int),
            market=load_market(entry(data, "market", dict)),
            position=load_numbers(Position, entry(data, "position", dict)),
            collateral=load_asset(data, "collateral"),
            profit=load_asset(data, "profit"),
        )


def _stable(rules: Sequence[GmxRule], name: str) -> Floats:
    found = []
    for rule in rules:
        token = getattr(rule.market, name)
        found.append(token.stable / 10**token.feed.decimals if token.stable else np.nan)
    return np.array(found, dtype=np.float64)[:, None]


def _units(feed: Feed) -> int:
    """Smallest units of a whole token: a price has 30 decimals less the token's."""
    units: int = 10 ** (30 - feed.decimals)
    return units


def _numbers(rule: GmxRule) -> dict[str, float]:
    """All that a position and its market are, in whole USD, tokens and fractions."""
    market, position = rule.market, rule.position
    index = _units(market.index.feed)
    held = _units(rule.collateral_token.feed)
    mine = market.side(position.is_long)
    pool = market.pool.long_amount if position.is_long else market.pool.short_amount
    profit = market.long if position.is_long else market.short
    paid_by = mine.open_interest_long if position.collateral_is_long else mine.open_interest_short
    flags = {
        "is_long": position.is_long,
        "collateral_is_long": position.collateral_is_long,
        "tokens_for_balance": market.tokens_for_balance,
        "skip_smaller": market.skip_smaller,
        "has_virtual": market.impact.virtual is not None,
        "pays_funding": paid_by // market.parts > 0,
    }
    virtual = market.impact.virtual or 0
    return {
        **{name: float(value) for name, value in flags.items()},
        **_sides(market, index),
        **_terms(market, mine),
        "size_usd": position.size_usd / FLOAT,
        "size_tokens": position.size_tokens / index,
        "collateral": position.collateral / held,
        "pending_impact": position.pending_impact / index,
        "borrowing_settled": (mine.cumulative_borrowing - position.borrowing_factor) / FLOAT,
        "borrowing_updated_at": float(mine.borrowing_updated_at or rule.time),
        "borrowing_never": float(not mine.borrowing_updated_at),
        "funding_settled": position.size_usd * position.funding / (PER_SIZE * held),
        "discount": position.discount / FLOAT,
        "pool": pool // market.parts / _units(profit.feed),
        "virtual": virtual / (index if market.tokens_for_balance else FLOAT),
        "requirement": requirement(market, position) / FLOAT,
    }


def _sides(market: Market, index: int) -> dict[str, float]:
    return {
        "longs": market.open_interest(True) / FLOAT,  # noqa: FBT003
        "shorts": market.open_interest(False) / FLOAT,  # noqa: FBT003
        "long_tokens": market.tokens(True) / index,  # noqa: FBT003
        "short_tokens": market.tokens(False) / index,  # noqa: FBT003
    }


def _terms(market: Market, mine: Side) -> dict[str, float]:
    impact, funding, fees = market.impact, market.funding, market.fees
    factors = {
        "borrowing_factor": mine.borrowing_factor,
        "borrowing_exponent": mine.borrowing_exponent,
        "optimal_usage": mine.optimal_usage,
        "base_borrowing": mine.base_borrowing,
        "above_optimal": max(0, mine.above_optimal_borrowing - mine.base_borrowing),
        "reserve_factor": mine.reserve_factor,
        "max_trader_pnl": mine.max_trader_pnl,
        "positive_factor": min(impact.positive_factor, impact.negative_factor),
        "negative_factor": impact.negative_factor,
        "positive_exponent": min(impact.positive_exponent, impact.negative_exponent),
        "negative_exponent": impact.negative_exponent,
        "max_positive": min(impact.max_positive, impact.max_negative),
        "max_for_liquidations": impact.max_for_liquidations,
        "funding_factor": funding.factor,
        "funding_exponent": funding.exponent,
        "funding_increase": funding.increase,
        "funding_decrease": funding.decrease,
        "funding_minimum": funding.minimum,
        "funding_maximum": funding.maximum,
        "stable_threshold": funding.stable_threshold,
        "decrease_threshold": funding.decrease_threshold,
        "funding_saved": funding.saved,
        "improved": fees.improved,
        "worsened": fees.worsened,
    }
    return {
        **{name: value / FLOAT for name, value in factors.items()},
        "funding_updated_at": float(funding.updated_at),
    }
