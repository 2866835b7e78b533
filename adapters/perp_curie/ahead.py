"""An account at the prices that averages go to while the last prices stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.perp_curie.market import MarketState
from aggregator.model.ahead import Ahead
from aggregator.model.assets import AssetId

if TYPE_CHECKING:
    from adapters.perp_curie.margin import CurieRule


def ahead(rule: CurieRule, prices: Mapping[AssetId, int], time: int) -> tuple[Ahead, ...]:
    """See AveragedRule: all that is held at its worse end, and at its better one.

    What a market adds to N - h*Q is linear in its mark while nobody trades: the worst of the account is where
    each market is at its own worse end, the lower one of what is long. Each end is taken for the whole while,
    with the largest premium of it against the account, though not all come at once.
    """
    moving = [one.window(rule.price_of(prices, one.feed)) for one in rule.markets]
    held = [one.window(rule.price_of(prices, one.feed)) for one in rule.collaterals]
    if all(one.low == one.high == one.now and len(set(one.premium)) == 1 for one in (*moving, *held)):
        return ()
    seconds = max(one.seconds for one in (*moving, *held))
    found = []
    for worse in (True, False):
        there, markets, collaterals = dict(prices), [], []
        for market, window in zip(rule.markets, moving, strict=True):
            price = rule.price_of(prices, market.feed)
            long = market.total_size(price) >= 0
            there[market.feed.asset] = window.low if long == worse else window.high
            paying = market.funding_growth() * (1 if market.premium >= 0 else -1) >= 0
            markets.append(
                _at(market, price, there[market.feed.asset], window.premium[1 if paying == worse else 0])
            )
        for one, window in zip(rule.collaterals, held, strict=True):
            end = window.low if worse else window.high
            there[one.feed.asset] = end
            collaterals.append(replace(one, feed=replace(one.feed, price=end), track=None))
        account = replace(rule, markets=tuple(markets), collaterals=tuple(collaterals))
        found.append(Ahead(account, there, time + seconds))
    return tuple(found)


def _at(market: MarketState, price: int, mark: int, premium: int) -> MarketState:
    """The market where the mark is another one, and the pool what it was."""
    if not market.is_open:
        return market
    root = market.root_at(price)
    return replace(
        market,
        feed=replace(market.feed, price=mark),
        root=root,
        premium=premium,
        pool=None if market.pool is None else market.pool.moved(root, price, market.feed.price),
        averages=None,
    )
