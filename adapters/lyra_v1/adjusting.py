"""What an owner's actions do to a short, exact: collateral in and out, options bought back or written.

Source: `openPosition`, `closePosition`, `addCollateral` of OptionMarket.sol and `adjustPosition` of
OptionToken.sol of @lyrafinance/protocol 0.1.3-alpha. Equal to the wei in the tests, which ask the real
contracts. Of Newport only what does not depend on a price is told: it trades at other prices of its adapter
than the one that positions are judged at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.lyra_v1 import orders
from adapters.lyra_v1.amm import Fill, Traded
from adapters.lyra_v1.closing import EXPIRED, FROZEN, PAUSED, TOKEN_DECIMALS, ClosableShortRule
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.ordered import Ordered
from adapters.lyra_v1.orders import Adjusting
from adapters.lyra_v1.pool_value import Pool, WorthlessPool
from adapters.lyra_v1.premium import BuyBack
from adapters.lyra_v1.sharing import MovedMarket
from aggregator.contract import approval
from aggregator.model import actions
from aggregator.model.actions import Action, Applied, Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import Amount, JsonValue, Refused, prices_of
from aggregator.model.shared import SharedMarket

ALL_PAUSED = "AllMarketsPaused"
BELOW_MINIMUM = "AdjustmentResultsInMinimumCollateralNotBeingMet"
_NO_DEBT = Untold("a short option has no debt to repay")
_MAYBE_SETTLED = Untold("the option has expired, and whether its board is settled by then is not known")
_OTHER_PRICES = Untold("Newport adjusts positions at other prices of its adapter than it judges them at")


@dataclass(frozen=True, slots=True)
class AdjustableShortRule(ClosableShortRule):
    """A short with what its owner can do; its successors keep the volatilities' means and cached Greeks."""

    adjusting: Adjusting

    def apply(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | actions.Traded | Refused | Untold:
        """See AdjustableRule; that tokens and what the pool pays are there is taken for granted.

        A trade is the market's regular one, or a forced close where only that is taken. What a short in quote
        pays or gets for options is taken from its collateral or added to it, unless nothing is left of it.
        """
        if isinstance(action, Repay):
            return _NO_DEBT
        if isinstance(action, Trade):
            ordered = self._ordered(prices, time, action)
            return ordered.traded(self) if isinstance(ordered, Ordered) else ordered
        successor = self._moved(prices, time, action)
        if not isinstance(successor, AdjustableShortRule):
            return successor
        raw = abs(successor.collateral - self.collateral) // self.unit
        moved, supplied = Amount(action.asset, raw), successor.collateral // self.unit
        if isinstance(action, Deposit):
            return Applied(moved, None, supplied, None, successor)
        return Applied(None, moved, supplied, None, successor)

    def calls(self, action: Action, hands: Hands) -> Sequence[UnsignedCall] | Untold:
        """See CallableRule: at the prices and the time that the rule is of.

        A trade's total cost may be worse than foreseen by orders.TOLERANCE_BPS, which the approvals include.
        """
        del hands  # the market knows its callers as the holders of positions
        short, prices, time = self.adjusting.short, prices_of(self), self.adjusting.time
        if isinstance(action, Repay):
            return _NO_DEBT
        if isinstance(action, Trade):
            ordered = self._ordered(prices, time, action)
            if isinstance(ordered, Ordered):
                return ordered.calls(self, action.size_raw)
            return _not_sent(ordered)
        successor = self._moved(prices, time, action)
        if not isinstance(successor, AdjustableShortRule):
            return _not_sent(successor)
        if isinstance(action, Withdraw):
            return (orders.withdraw(short, successor.collateral),)
        added = orders.deposit(short, successor.collateral - self.collateral)
        return approval(action.asset, short.market, action.raw), added

    def beside(self, moved: SharedMarket) -> AdjustableShortRule:
        """See SharingRule and MovedMarket."""
        short, closing = self.adjusting.short, self.closing
        if not isinstance(moved, MovedMarket) or moved.market != short.market:
            return self
        terms = moved.terms(closing.buy_back, short.strike_id, self.expiry)
        return replace(self, closing=replace(closing, buy_back=terms))

    def to_json(self) -> dict[str, JsonValue]:
        """See ShortOptionRule.to_json."""
        return {**ClosableShortRule.to_json(self), "adjusting": self.adjusting.to_json()}

    @property
    def unit(self) -> int:
        """The collateral's smallest unit, as the market counts it."""
        return int(10 ** (TOKEN_DECIMALS - self.closing.collateral_decimals))

    @property
    def in_quote(self) -> bool:
        """Whether the collateral is what options are paid in."""
        return self.kind is not OptionType.SHORT_CALL_BASE

    def _with(self, collateral: int, time: int) -> AdjustableShortRule:
        return replace(self, collateral=collateral, adjusting=replace(self.adjusting, time=time))

    def _moved(
        self, prices: Mapping[AssetId, int], time: int, action: Deposit | Withdraw
    ) -> AdjustableShortRule | Refused | Untold:
        """The short with more or less collateral."""
        if action.asset != self.closing.collateral:
            return Refused(f"its collateral is {self.closing.collateral} alone")
        if self.adjusting.paused_everywhere:
            return Refused(ALL_PAUSED)
        if time >= self.expiry:
            return _MAYBE_SETTLED
        if isinstance(action, Deposit):
            return self._with(self.collateral + action.raw * self.unit, time)
        closed = self._closed_market(prices)
        if closed is not None:
            return closed
        raw = self.collateral // self.unit if action.raw is None else action.raw
        if raw * self.unit > self.collateral:
            return Refused("it has less collateral than that")
        successor = self._with(self.collateral - raw * self.unit, time)
        return Refused(BELOW_MINIMUM) if successor.health(prices, time).liquidatable else successor

    def _closed_market(self, prices: Mapping[AssetId, int]) -> Refused | Untold | None:
        """Why no position is adjusted at all, None where they are."""
        if self.closing.refusal == PAUSED:
            return Refused(ALL_PAUSED if self.adjusting.paused_everywhere else PAUSED)
        pool, spot = self.closing.buy_back.pool, prices[self.spot.asset]
        if spot <= 0:
            raise UnusablePrice(self.spot.asset, self.spot.origin, spot)
        if not isinstance(pool, Pool):
            return _OTHER_PRICES
        try:
            if not pool.value(spot):
                return Untold("the pool is worth nothing, and its circuit breaker divides by that")
        except WorthlessPool as error:
            return Refused(str(error))
        return None

    def _filled(
        self, prices: Mapping[AssetId, int], time: int, amount: int
    ) -> tuple[Fill, BuyBack] | Refused | Untold:
        """A trade, and the terms after it."""
        amm, terms, spot = self.adjusting.amm, self.closing.buy_back, prices[self.spot.asset]
        closed = self._closed_market(prices)
        if closed is not None:
            return closed
        if self.closing.refusal == FROZEN:
            return Refused(FROZEN)
        if time >= self.expiry:
            return Refused(EXPIRED)
        if amount > self.amount:
            return Refused("the short has fewer options than that")
        if amm is None:
            return Untold(self.adjusting.untold or "the terms of trades are not known")
        try:
            fill = amm.fill(terms, Traded(self.kind, self.strike, self.expiry - time, spot, amount))
            if isinstance(fill, Refused):
                return fill
            after = amm.after(terms, amount, fill)
            # The market looks at its pool again before it ends.
            after.pool.value(spot)
        except WorthlessPool as error:
            return Refused(str(error))
        except ValueError as error:
            raise UnusablePrice(self.spot.asset, self.spot.origin, spot) from error
        return fill, after

    def _ordered(self, prices: Mapping[AssetId, int], time: int, action: Trade) -> Ordered | Refused | Untold:
        if action.market != self.closing.market:
            return Refused(f"no position in {action.market}")
        filled = self._filled(prices, time, action.size_raw)
        if not isinstance(filled, tuple):
            return filled
        (fill, terms), left = filled, self.amount - action.size_raw
        cost = fill.cost if action.size_raw > 0 else -fill.cost
        collateral = self.collateral - cost if self.in_quote else self.collateral
        if not left:
            return Ordered(fill, cost, collateral, None, terms)
        if collateral < 0:
            return Refused("the options cost more than the collateral")
        successor = replace(
            self._with(collateral, time), amount=left, closing=replace(self.closing, buy_back=terms)
        )
        if successor.health(prices, time).liquidatable:
            return Refused(BELOW_MINIMUM)
        return Ordered(fill, cost, 0, successor, terms)


def _not_sent(outcome: Refused | Untold) -> Untold:
    if isinstance(outcome, Untold):
        return outcome
    return Untold(f"the market would refuse it: {outcome.reason}")
