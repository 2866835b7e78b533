"""The liquidation test of Perpetual Protocol Curie in float64, for many accounts and scenarios at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.perp_curie.loading import load_rule
from adapters.perp_curie.margin import CurieRule
from adapters.perp_curie.market import DAY_SECONDS, MILLION, MarketState, RangeOrder
from aggregator.contract import Shocked
from aggregator.model.rules import WAD, Feed, JsonValue, Rule, all_of
from aggregator.pricing.concentrated import Q96, root_at_tick

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class MarketColumns:
    """A row per market: `account` and `feed` say which, `size` and `quote` are at `present`."""

    account: Ints
    feed: Ints
    size: Floats
    quote: Floats
    present: Floats


@dataclass(frozen=True, eq=False, slots=True)
class OrderColumns:
    """A row per range order: `market` is its row there; roots are of prices, `liquidity` in whole units."""

    market: Ints
    root: Floats
    lower: Floats
    upper: Floats
    liquidity: Floats


@dataclass(frozen=True, eq=False, slots=True)
class CurieColumns:
    """The rules of many accounts as arrays; the first three of shape (accounts,).

    `cash` is the settlement token at the block with fees, funding and realised profit, `funding` what it
    loses a second, `collateral` per collateral what a price of 1 adds.
    """

    feeds: Sequence[Feed]
    time: Floats
    cash: Floats
    funding: Floats
    ratio: Floats
    markets: MarketColumns
    orders: OrderColumns
    collateral_account: Ints
    collateral_feed: Ints
    collateral: Floats


class CurieFamily:
    """The fast form of CurieRule; it does not round the value down to the settlement token's unit."""

    name = CurieRule.family

    def columns(self, rules: Sequence[Rule]) -> CurieColumns:
        """The rules as arrays; raises TypeError on a rule of another family."""
        ours = all_of(CurieRule, rules)
        # An account's feeds are its markets', then its collaterals'.
        starts = np.cumsum([0, *(len(rule.feeds) for rule in ours)])
        markets = [(i, int(starts[i]) + j, m) for i, r in enumerate(ours) for j, m in enumerate(r.markets)]
        held = [
            (i, int(starts[i]) + len(r.markets) + j, c)
            for i, r in enumerate(ours)
            for j, c in enumerate(r.collaterals)
        ]
        orders = [(row, m, order) for row, (_, _, m) in enumerate(markets) for order in m.orders]
        growth = [sum(m.funding_growth() for m in rule.markets) for rule in ours]
        return CurieColumns(
            feeds=[feed for rule in ours for feed in rule.feeds],
            time=np.array([rule.time for rule in ours], dtype=np.float64),
            cash=_whole([rule.cash(rule.time) for rule in ours]),
            funding=np.array([one / (Q96 * DAY_SECONDS * WAD) for one in growth], dtype=np.float64),
            ratio=np.array([rule.maintenance_ratio / MILLION for rule in ours], dtype=np.float64),
            markets=_market_columns(markets),
            orders=_order_columns(orders),
            collateral_account=np.array([i for i, _, _ in held], dtype=np.int64),
            collateral_feed=np.array([feed for _, feed, _ in held], dtype=np.int64),
            collateral=np.array(
                [c.balance * c.ratio / (10**c.decimals * MILLION) for _, _, c in held], dtype=np.float64
            ),
        )

    def margin(self, columns: CurieColumns, shocked: Shocked) -> tuple[Floats, Floats]:
        """Account value and maintenance margin in USD: (accounts, scenarios) each."""
        markets, accounts = columns.markets, len(columns.cash)
        prices = shocked.prices[markets.feed]
        size, quote = _with_orders(columns, prices)
        value = size * prices
        power = np.zeros((accounts, shocked.prices.shape[1]))
        gross = np.zeros_like(power)
        np.add.at(power, markets.account, value + quote)
        np.add.at(gross, markets.account, np.abs(value))
        worth = columns.collateral[:, None] * shocked.prices[columns.collateral_feed]
        np.add.at(power, columns.collateral_account, worth)
        power += (columns.cash - columns.funding * (shocked.time - columns.time))[:, None]
        return power, gross * columns.ratio[:, None]

    def load(self, data: Mapping[str, JsonValue]) -> CurieRule:
        """The rule that `CurieRule.to_json` wrote; raises ValueError on data of another family or shape."""
        return load_rule(data)


def _with_orders(columns: CurieColumns, prices: Floats) -> tuple[Floats, Floats]:
    """Size and quote of each market at these prices: what they are at the block, and what orders change."""
    markets, orders = columns.markets, columns.orders
    size = np.repeat(markets.size[:, None], prices.shape[1], axis=1)
    quote = np.repeat(markets.quote[:, None], prices.shape[1], axis=1)
    if len(orders.market):
        moved = np.sqrt(prices[orders.market] / markets.present[orders.market][:, None])
        lower, upper, before = orders.lower[:, None], orders.upper[:, None], orders.root[:, None]
        after = np.clip(before * moved, lower, upper)
        before = np.clip(before, lower, upper)
        liquidity = orders.liquidity[:, None]
        np.add.at(size, orders.market, liquidity * (before - after) / (before * after))
        np.add.at(quote, orders.market, liquidity * (after - before))
    return size, quote


def _market_columns(markets: Sequence[tuple[int, int, MarketState]]) -> MarketColumns:
    present = [m.feed.price for _, _, m in markets]
    return MarketColumns(
        account=np.array([i for i, _, _ in markets], dtype=np.int64),
        feed=np.array([feed for _, feed, _ in markets], dtype=np.int64),
        size=_whole([m.total_size(price) for (_, _, m), price in zip(markets, present, strict=True)]),
        quote=_whole([m.net_quote(price) for (_, _, m), price in zip(markets, present, strict=True)]),
        present=np.array(
            [price / 10**m.feed.decimals for (_, _, m), price in zip(markets, present, strict=True)],
            dtype=np.float64,
        ),
    )


def _order_columns(orders: Sequence[tuple[int, MarketState, RangeOrder]]) -> OrderColumns:
    return OrderColumns(
        market=np.array([row for row, _, _ in orders], dtype=np.int64),
        root=np.array([m.root / Q96 for _, m, _ in orders], dtype=np.float64),
        lower=np.array([root_at_tick(one.lower) / Q96 for _, _, one in orders], dtype=np.float64),
        upper=np.array([root_at_tick(one.upper) / Q96 for _, _, one in orders], dtype=np.float64),
        liquidity=_whole([one.liquidity for _, _, one in orders]),
    )


def _whole(values: Sequence[int]) -> Floats:
    # Integer by integer division rounds once, however large both are.
    return np.array([value / WAD for value in values], dtype=np.float64)
