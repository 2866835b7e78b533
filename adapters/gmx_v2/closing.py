"""What a liquidation of GMX V2 does: the position is closed whole, and costs are paid one after another.

Source: DecreasePositionUtils.sol and DecreasePositionCollateralUtils.sol (`processCollateral`, `payForCost`)
of github gmx-io/gmx-synthetics, rounding included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.gmx_v2.fixed_point import apply_factor, round_up
from adapters.gmx_v2.impact import payable, pending_usd
from adapters.gmx_v2.position import closing, collateral_price, costs, pnl
from aggregator.model.assets import AssetId
from aggregator.model.close_outs import Closed, CloseOut, Fee, LossBearer, Receiver
from aggregator.model.rules import Amount, Refused

if TYPE_CHECKING:
    from adapters.gmx_v2.margin import GmxRule
    from adapters.gmx_v2.state import Market


@dataclass(slots=True)
class _Purse:
    """Gains in the collateral token, then the collateral: costs are taken in this order."""

    profit: int
    collateral: int
    price: int

    @property
    def left(self) -> int:
        return self.profit + self.collateral

    def pay(self, usd: int) -> int:
        """Pay so much, rounded up; what is missing, in token units."""
        owed = round_up(usd, self.price)
        for part in ("profit", "collateral"):
            paid = min(owed, getattr(self, part))
            setattr(self, part, getattr(self, part) - paid)
            owed -= paid
        return owed


def close_out(
    rule: GmxRule, prices: Mapping[AssetId, int], time: int, name: str | None
) -> CloseOut | Refused:
    """See GmxRule.close_out."""
    market, position = rule.market, rule.position
    refusal = _refusal(rule, prices, time, name)
    if refusal is not None:
        return refusal
    pairs = market.prices(prices)
    impact, improved = closing(market, position, pairs)
    impact += pending_usd(position.pending_impact, pairs.index)
    gain = payable(market, pairs, impact, position.size_usd, time) if impact > 0 else 0
    profit, _ = pnl(market, position, pairs)
    if (profit > 0 or gain > 0) and rule.profit != rule.collateral:
        return Refused("its gains are swapped into the collateral at a price that was not read")
    paid_in = pairs.long if position.is_long else pairs.short
    price = collateral_price(position, pairs)
    owed = costs(market, position, pairs, time, improved=improved)
    limit = -apply_factor(position.size_usd, market.impact.max_negative)
    paid_out = max(profit, 0) // paid_in.high + gain // paid_in.high
    purse = _Purse(paid_out, position.collateral, price.low)
    liquidation = round_up(apply_factor(position.size_usd, market.fees.liquidation), price.low)
    fees = owed.without_funding + liquidation
    steps = (
        owed.funding * price.low,
        max(-profit, 0),
        fees * price.low,
        max(-max(impact, limit), 0),
    )
    missing, charged = 0, False
    for number, usd in enumerate(steps):
        missing = purse.pay(usd)
        # What is missing is counted in the token of the profit, where a little may round to nothing.
        if missing * price.low // paid_in.low:
            break
        missing = 0
        charged = charged or number == 2
    # Nobody else gets the impact beyond its limit: it can be claimed, as far as it was there, and is no debt.
    before = purse.left
    if not missing:
        purse.pay(max(limit - impact, 0))
    claimable = before - purse.left
    sign = 1 if position.is_long else -1
    at = pairs.index.for_pnl(is_long=position.is_long, maximize=False)
    return CloseOut(
        closed=(Closed(market.name, sign * position.size_tokens, at),),
        fees=_fees(rule, owed.position - owed.discount, owed.borrowing, liquidation) if charged else (),
        returned=_amount(rule, purse.left),
        forfeited=_amount(rule, claimable),
        bad_debt=_amount(rule, missing),
        borne_by=(LossBearer.POOL,) if missing else (),
        successor=None,
    )


def _refusal(rule: GmxRule, prices: Mapping[AssetId, int], time: int, name: str | None) -> Refused | None:
    if name not in (None, rule.market.name):
        return Refused("EmptyPosition: no position of that name")
    if rule.market.disabled:
        return Refused("DisabledMarket")
    if not rule.health(prices, time).liquidatable:
        return Refused("PositionShouldNotBeLiquidated")
    return None


def _fees(rule: GmxRule, position: int, borrowing: int, liquidation: int) -> tuple[Fee, ...]:
    terms = rule.market.fees
    kept = sum(
        apply_factor(fee, factor)
        for fee, factor in (
            (position, terms.position_receiver),
            (borrowing, terms.borrowing_receiver),
            (liquidation, terms.liquidation_receiver),
        )
    )
    total = position + borrowing + liquidation
    shares: tuple[tuple[Receiver, int], ...] = (("pool", total - kept), ("protocol", kept))
    return tuple(Fee(receiver, one) for receiver, raw in shares for one in _amount(rule, raw))


def _amount(rule: GmxRule, raw: int) -> tuple[Amount, ...]:
    return (Amount(rule.collateral, raw),) if raw else ()


def deleveraging(market: Market, prices: Mapping[AssetId, int], is_long: bool) -> bool:
    """Whether a side's profit is so large that its positions may be reduced (`MAX_PNL_FACTOR_FOR_ADL`)."""
    pairs = market.prices(prices)
    pool_usd = market.pool_usd(is_long, pairs)
    every = market.pnl(is_long, pairs, maximize=True)
    return pool_usd > 0 and every > apply_factor(pool_usd, market.side(is_long).max_adl_pnl)
