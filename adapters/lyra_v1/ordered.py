"""A trade of a short that the market takes: what it does, and the call that orders it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.lyra_v1 import orders
from adapters.lyra_v1.amm import Fill
from adapters.lyra_v1.orders import tolerance
from adapters.lyra_v1.premium import BuyBack
from adapters.lyra_v1.sharing import MovedMarket
from aggregator.contract import approval
from aggregator.model import actions
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount

if TYPE_CHECKING:
    from adapters.lyra_v1.adjusting import AdjustableShortRule


@dataclass(frozen=True, slots=True)
class Ordered:
    """A trade that the market takes; `cost` is below zero where the owner is paid, `freed` is the collateral
    that a full close gives back, below zero where it does not pay for the options; `terms` are the market's
    afterwards.
    """

    fill: Fill
    cost: int
    freed: int
    successor: AdjustableShortRule | None
    terms: BuyBack

    def traded(self, short: AdjustableShortRule) -> actions.Traded:
        """What it does to a short and its owner's wallet."""
        closing, left = short.closing, self.successor
        gets = {closing.collateral: self.freed}
        if not short.in_quote:
            gets[closing.quote] = -self.cost
        paid = [Amount(asset, -raw) for asset, raw in gets.items() if raw < 0]
        received = [Amount(asset, raw) for asset, raw in gets.items() if raw > 0]
        margin = None if left and not short.in_quote else left.collateral if left else 0
        return actions.Traded(
            size_raw=-left.amount if left else 0,
            entry_price_raw=0,
            pnl_raw=0,
            funding_raw=0,
            borrowing_raw=0,
            price_raw=self.fill.price,
            fee=Amount(closing.quote, self.fill.fee),
            paid=paid[0] if paid else None,
            received=received[0] if received else None,
            margin=None if margin is None else (closing.collateral, margin),
            successor=left,
            shared=self._moved(short),
        )

    def _moved(self, short: AdjustableShortRule) -> MovedMarket:
        before, own = short.closing.buy_back.vols, short.adjusting.short
        after, pool = self.terms.vols, self.terms.pool
        return MovedMarket(own.market, own.strike_id, short.expiry, before, after, pool)

    def calls(self, rule: AdjustableShortRule, amount: int) -> tuple[UnsignedCall, ...]:
        """The order, after an approval of what the wallet pays where the cost is the worst accepted."""
        fill, short, closing = self.fill, rule.adjusting.short, rule.closing
        left = self.successor.collateral if self.successor else 0
        if amount < 0:
            order = orders.write(short, closing.market, -amount, fill, left)
        else:
            order = orders.buy_back(short, closing.market, amount, fill, left)
        pays = (0 if rule.in_quote else self.cost) - (self.freed if rule.in_quote else 0)
        pays += tolerance(fill) if rule.in_quote or amount > 0 else 0
        return (*((approval(closing.quote, short.market, pays),) if pays > 0 else ()), order)
