"""What changing a margin does: profit and funding become margin, and what is left must suffice.

Source: `_recomputeFunding` and `_updatePositionMargin` in PerpsV2MarketProxyable.sol and
`_recomputeMarginWithDelta` in PerpsV2MarketBase.sol of npm `synthetix` 2.102.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from adapters.synthetix_perps_v2.margin import PerpsV2Rule
from aggregator.model.actions import Applied, Settled
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.fixed_point import multiply
from aggregator.model.rules import Amount, Refused

R = TypeVar("R", bound=PerpsV2Rule)

CAN_LIQUIDATE = "Position can be liquidated"
INSUFFICIENT = "Insufficient margin"


def price_in(rule: PerpsV2Rule, prices: Mapping[AssetId, int]) -> int:
    """The price of the market's asset; raises UnusablePrice where it is not above zero."""
    price = prices[rule.feed.asset]
    if price <= 0:
        raise UnusablePrice(rule.feed.asset, rule.feed.origin, price)
    return price


def recomputed(rule: R, price: int, time: int) -> R:
    """The rule once the market has recorded its funding at a time; the margin stays as last settled."""
    market = rule.market
    recorded = market.unrecorded_funding(price, time)
    return replace(
        rule,
        market=replace(market, funding_rate=market.funding_rate_at(time), funding_time=time),
        settled_funding=rule.settled_funding + recorded if rule.size else 0,
    )


def margin_after(rule: PerpsV2Rule, price: int, delta: int) -> int | Refused:
    """The margin with profit, funding and a change of it, of a rule whose funding is recorded."""
    margin = rule.margin + rule.profit_loss(price) + multiply(rule.size, rule.settled_funding) + delta
    if margin < 0:
        return Refused(INSUFFICIENT)
    if rule.size and margin <= rule.market.liquidation_margin(rule.size, price):
        return Refused(CAN_LIQUIDATE)
    return margin


def with_margin(rule: R, price: int, margin: int) -> R:
    """The rule with a margin that was settled at a price."""
    if not rule.size:
        return replace(rule, margin=margin)
    return replace(rule, margin=margin, last_price=price, settled_funding=0)


def transferred(rule: PerpsV2Rule, settlement: AssetId, delta: int, price: int) -> Applied:
    """What a transfer of margin moved, `rule` being the account after it, settled at a price."""
    moved = Amount(settlement, abs(delta))
    return Applied(
        paid=moved if delta > 0 else None,
        received=None if delta > 0 else moved,
        supplied=rule.margin,
        owed=None,
        successor=rule,
        settled=Settled(rule.last_price, rule.profit_loss(price), multiply(rule.size, rule.settled_funding)),
    )
