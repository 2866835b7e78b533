"""The prices nearest to the present one at which a position fails, to one unit of the feed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from aggregator.model.flips import FURTHEST, bisected
from aggregator.model.rules import WAD


def nearest_failing(rule: PerpsV2Rule, price: int, time: int) -> tuple[int | None, int | None]:
    """See ClosableRule.liquidation_prices; raises UnusablePrice on a price <= 0.

    Margin less requirement is a straight line in the price, but where the flagger's fee meets its bounds:
    so between these prices it changes its sign at most once, and what the ends say decides. Rounding may
    let the test flip back and forth within some units around that; the one found is among them.
    """

    def fails(at: int) -> bool:
        return rule.health({rule.feed.asset: at}, time).liquidatable

    if fails(price):
        return price, price
    furthest = price * FURTHEST
    turns = _turns(rule)
    below = [at for at in reversed(turns) if 1 < at < price]
    above = [at for at in turns if price < at < furthest]
    return _first(fails, price, [*below, 1]), _first(fails, price, [*above, furthest])


def _turns(rule: PerpsV2Rule) -> list[int]:
    """Prices at which the fee's share of the notional meets its bounds: the last before and the next."""
    market, size = rule.market, abs(rule.size)
    if not size or not market.fee_ratio:
        return []
    bounds = (market.min_keeper_fee, max(market.max_keeper_fee, market.min_keeper_fee))
    met = {bound * WAD * WAD // (size * market.fee_ratio) for bound in bounds}
    return sorted({at for turn in met for at in (turn, turn + 1)})


def _first(fails: Callable[[int], bool], price: int, path: Iterable[int]) -> int | None:
    safe = price
    for at in path:
        if fails(at):
            return bisected(fails, safe, at)
        safe = at
    return None
