"""What a trader does with a margin account, exact: deposit, withdraw, trade by an off-chain delayed order.

Source: `_transferMargin` in PerpsV2Market.sol, `_submitDelayedOrder` in PerpsV2MarketDelayedIntent.sol,
`_executeDelayedOrder` in PerpsV2MarketDelayedExecution.sol and `_postTradeDetails` in PerpsV2MarketBase.sol
of npm `synthetix` 2.102.1. Equal to the wei in the tests, which ask the real contracts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.synthetix_perps_v2.closing import PENDING, ClosablePerpsV2Rule
from adapters.synthetix_perps_v2.fills import decreasing, fill_price, order_fee, too_large
from adapters.synthetix_perps_v2.sending import calls_of
from adapters.synthetix_perps_v2.settling import (
    CAN_LIQUIDATE,
    INSUFFICIENT,
    margin_after,
    price_in,
    recomputed,
    transferred,
    with_margin,
)
from adapters.synthetix_perps_v2.terms import Terms
from aggregator.model.actions import Action, Applied, Deposit, Trade, Traded, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.fixed_point import divide, multiply
from aggregator.model.rules import WAD, Amount, JsonValue, Refused

TOO_LEVERED = "Max leverage exceeded"
_MILLI = WAD // 1000
_HEADROOM = WAD // 100
"""By which a trade may exceed the largest leverage, for rounding."""


@dataclass(frozen=True, slots=True)
class Executed:
    """An order that a keeper has executed: the account then, the price of the fill, the fee in sUSD."""

    rule: TradablePerpsV2Rule
    fill: int
    fee: int


@dataclass(frozen=True, slots=True)
class TradablePerpsV2Rule(ClosablePerpsV2Rule):
    """The rule with the fees and limits of withdrawals and trades."""

    terms: Terms

    @staticmethod
    def of(rule: ClosablePerpsV2Rule, terms: Terms) -> TradablePerpsV2Rule:
        """A rule with the terms of trades."""
        return TradablePerpsV2Rule(
            rule.feed,
            rule.market,
            rule.size,
            rule.margin,
            rule.last_price,
            rule.settled_funding,
            rule.flagged,
            rule.closing,
            terms,
        )

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Traded | Refused | Untold:
        """See AdjustableRule; deposits and withdrawals are `transferMargin`, and settle profit and funding.

        A trade is an off-chain delayed order that is submitted and executed by a keeper at this price and
        time; its fee includes the keeper's deposit. The margin stays in the account when it is closed.
        That the off-chain half of the market is not suspended is taken for granted.
        """
        price = price_in(self, prices)
        match action:
            case Trade(market, size_raw) if market == self.closing.market:
                return self._traded(price, time, size_raw)
            case Deposit(asset, raw) if asset == self.closing.settlement:
                return self.deposited(price, time, raw)
            case Withdraw(asset, raw) if asset == self.closing.settlement:
                return self._withdrawn(price, time, raw)
        return Untold(f"the account is for sUSD and trades of {self.closing.market} alone")

    def calls(
        self,
        action: Action,
        hands: Hands,  # noqa: ARG002  # a market knows its trader by the sender
    ) -> Sequence[UnsignedCall] | Untold:
        """See CallableRule and `sending.calls_of`."""
        return calls_of(self, self.terms.market, action)

    @property
    def pending(self) -> bool:
        """Whether a delayed order waits."""
        return self.terms.pending

    def submitted(self, price: int, time: int, size_delta: int) -> TradablePerpsV2Rule | Refused | Untold:
        """The account once an off-chain order waits: its deposit has left the margin, which was settled.

        The order is tried at the present price first, and the margin is settled at the price of its fill.
        """
        if halted := self.halted():
            return Refused("previous order exists") if halted.reason == PENDING else halted
        rule = recomputed(self, price, time)
        fill = fill_price(rule.market, size_delta, price)
        tried = rule.after_trade(size_delta, price, fill)
        if not isinstance(tried, tuple):
            return tried
        deposit = self.market.min_keeper_fee
        left = rule.with_less(fill, deposit, size_delta)
        if isinstance(left, Refused):
            return left
        return replace(
            left,
            closing=replace(self.closing, keeper_deposit=deposit),
            terms=replace(self.terms, pending=True),
        )

    def executed(
        self, price: int, time: int, size_delta: int, limit: int | None = None
    ) -> Executed | Refused | Untold:
        """The account once a keeper has executed the order that waits, at a price that he brings.

        `limit` is the order's desired fill price; without one any price does.
        """
        if self.flagged:
            return Refused("Position flagged")
        rule = recomputed(self, price, time)
        fill = fill_price(rule.market, size_delta, price)
        tried = rule.after_trade(size_delta, price, fill)
        if not isinstance(tried, tuple):
            return tried
        if limit is not None and (fill > limit if size_delta > 0 else fill < limit):
            return Refused("Price impact exceeded")
        margin, fee = tried
        size = self.size + size_delta
        after = replace(
            rule,
            market=replace(rule.market, skew=rule.market.skew + size_delta),
            size=size,
            margin=margin,
            last_price=fill if size else 0,
            settled_funding=0,
            closing=replace(self.closing, commit_deposit=0, keeper_deposit=0),
            terms=replace(
                self.terms,
                market_size=self.terms.market_size + abs(size) - abs(self.size),
                pending=False,
            ),
        )
        return Executed(after, fill, fee)

    def accessible(self, price: int) -> int:
        """What `withdrawAllMargin` pays, of a rule whose funding is recorded (`_accessibleMargin`)."""
        margin = self.margin + self.profit_loss(price) + multiply(self.size, self.settled_funding)
        kept = divide(abs(multiply(self.size, price)), self.terms.max_leverage - _MILLI)
        if kept:
            kept = max(kept, self.terms.min_initial_margin) + _MILLI
        return max(max(margin, 0) - kept, 0)

    def _withdrawn(self, price: int, time: int, raw: int | None) -> Applied | Refused | Untold:
        if halted := self.halted():
            return halted
        rule = recomputed(self, price, time)
        if raw is None:
            if self.terms.max_leverage <= _MILLI:
                return Untold(f"{self.closing.market} allows no leverage: withdraw an amount instead of all")
            raw = rule.accessible(price)
        # Nothing at all is no change: the margin is not settled either.
        left = rule.with_less(price, raw, 0) if raw else rule
        return left if isinstance(left, Refused) else transferred(left, self.closing.settlement, -raw, price)

    def _traded(self, price: int, time: int, size_raw: int) -> Traded | Refused | Untold:
        waiting = self.submitted(price, time, size_raw)
        if isinstance(waiting, Refused | Untold):
            return waiting
        done = waiting.executed(price, time, size_raw)
        if isinstance(done, Refused | Untold):
            return done
        after, settlement = done.rule, self.closing.settlement
        return Traded(
            size_raw=after.size,
            entry_price_raw=after.last_price,
            pnl_raw=after.profit_loss(price),
            funding_raw=0,
            borrowing_raw=0,
            price_raw=done.fill,
            fee=Amount(settlement, done.fee + self.market.min_keeper_fee),
            paid=None,
            received=None,
            margin=(settlement, after.margin),
            successor=after,
            funding_24h_raw=multiply(after.size, -multiply(after.market.funding_rate_at(time), price)),
        )

    def with_less(self, price: int, raw: int, size_delta: int) -> TradablePerpsV2Rule | Refused:
        """The account with less margin, settled at a price (`_updatePositionMargin`).

        Unless an order of `size_delta` is to make the position smaller, what is left must suffice to open it.
        """
        margin, size = margin_after(self, price, -raw), self.size
        if isinstance(margin, Refused):
            return margin
        if size and raw:
            premium = self.market.liquidation_premium(size, price)
            if margin <= self.market.liquidation_margin(size, price) + premium:
                return Refused(INSUFFICIENT)
            if not decreasing(size, size + size_delta):
                leverage = divide(abs(multiply(size, price)), margin)
                if self.terms.max_leverage < leverage:
                    return Refused(TOO_LEVERED)
                if margin < self.terms.min_initial_margin:
                    return Refused(INSUFFICIENT)
        return with_margin(self, price, margin)

    def after_trade(self, size_delta: int, price: int, fill: int) -> tuple[int, int] | Refused | Untold:
        """Margin and fee of a trade, of a rule whose funding is recorded (`_postTradeDetails`)."""
        market, terms, new = self.market, self.terms, self.size + size_delta
        if not size_delta:
            return Refused("Cannot submit empty order")
        if self.health({self.feed.asset: price}, market.funding_time).liquidatable:
            return Refused(CAN_LIQUIDATE)
        if terms.volatile:
            return Refused("Price too volatile")
        if fill <= 0:
            return Untold("the market's skew is beyond its scale: a fill would have no price above zero")
        fee = order_fee(market, terms, size_delta, fill)
        margin = margin_after(self, fill, -fee)
        if isinstance(margin, Refused):
            return margin
        if not decreasing(self.size, new) and margin + fee < terms.min_initial_margin:
            return Refused(INSUFFICIENT)
        required = market.liquidation_margin(new, price) + market.liquidation_premium(new, price)
        if margin <= required:
            return Refused(CAN_LIQUIDATE)
        leverage = divide(abs(multiply(new, fill)), margin + fee)
        if terms.max_leverage + _HEADROOM < leverage:
            return Refused(TOO_LEVERED)
        if too_large(market, terms, self.size, new):
            return Refused("Max market size exceeded")
        return margin, fee

    def to_json(self) -> dict[str, JsonValue]:
        """See ClosablePerpsV2Rule.to_json."""
        return {**ClosablePerpsV2Rule.to_json(self), "terms": self.terms.to_json()}
