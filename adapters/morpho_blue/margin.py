"""Morpho Blue's solvency test, exact: what `_isHealthy` and `liquidate` of Morpho.sol decide by.

Source: npm @morpho-org/morpho-blue 1.0.0; the contracts can't be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

from adapters.morpho_blue.actions import deposited, repaid, withdrawn
from adapters.morpho_blue.flash import MorphoLender
from adapters.morpho_blue.liquidation import HEALTHY, INCONSISTENT, Position, max_borrow, seizable, settle
from adapters.morpho_blue.market_state import MarketState
from adapters.morpho_blue.transactions import NO_VENUE, Side, calls_of, permits_of
from adapters.morpho_blue.venue import Venue, venue_to_json
from aggregator.model.actions import NO_DERIVATIVES, Action, Applied, Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, Permits, UnsignedCall
from aggregator.model.errors import UnusablePrice
from aggregator.model.losses import Cover
from aggregator.model.rules import WAD, Amount, Feed, Health, JsonValue, Liquidated, Refused, Repayment

_UINT256 = 2**256


@dataclass(frozen=True, slots=True)
class MorphoRule:
    """One borrower in one market.

    The one feed is the collateral's price in the loan asset (`feed.quote`), with 36 + loan decimals -
    collateral decimals. Power and requirement are in the loan asset's smallest unit. `lltv` has 18 decimals.
    Interest after the block runs at the rate that the model answered there. Without `venue`, as in what was
    stored before it was read, there are no calls and no flash loans.
    """

    family: ClassVar[str] = "morpho_blue"

    feed: Feed
    loan_decimals: int
    lltv: int
    position: Position
    market: MarketState
    venue: Venue | None = None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The one price: collateral in the loan asset."""
        return (self.feed,)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """Health at another price and a later time; raises UnusablePrice on a price <= 0.

        Raises it also on a price so high that the contract's product with the collateral overflows.
        """
        power = max_borrow(self.position.collateral, self._price(prices), self.lltv)
        owed = self.market.accrued(time).owed(self.position.borrow_shares)
        return Health(
            power=power,
            requirement=owed,
            decimals=self.loan_decimals,
            health=power * WAD // owed if owed else None,
            liquidatable=power < owed,
        )

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        """What `liquidate` does for a liquidator who repays at most so much.

        The amount buys whole shares, rounded down, and no more than are owed. Where these would seize more
        collateral than there is, the contract reverts: then all collateral is seized instead, for what that
        costs, which is never more than was offered. That is the one case that leaves bad debt.
        Raises UnusablePrice as `health` does.
        """
        loan = repayment.debt.asset
        if loan != self.feed.quote:
            return Refused(f"the debt is in {self.feed.quote}")
        if repayment.collateral != self.feed.asset:
            return Refused(f"the collateral is {self.feed.asset}")
        price, market = self._price(prices), self.market.accrued(time)
        bought = market.repaid_shares(repayment.debt.raw)
        if bought == 0:
            return INCONSISTENT
        if not self.health(prices, time).liquidatable:
            return HEALTHY
        shares = min(bought, self.position.borrow_shares)
        all_of_it = seizable(market, shares, price, self.lltv) > self.position.collateral
        arguments = {"seized": self.position.collateral} if all_of_it else {"repaid_shares": shares}
        done = settle(market, self.position, price, self.lltv, **arguments)
        if isinstance(done, Refused):
            return done
        return Liquidated(
            repaid=_amounts(loan, done.repaid_assets),
            seized=_amounts(self.feed.asset, done.seized),
            fees=(),
            bad_debt=_amounts(loan, done.bad_debt),
            successor=replace(self, position=done.position, market=done.market),
        )

    def cover(self, debt: AssetId, time: int) -> Cover:
        """A market has no reserves: what it lends is its suppliers'. See CoveredRule."""
        return Cover(0, self.market.accrued(time).supply_assets if debt == self.feed.quote else None)

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Applied | Refused | Untold:
        """See AdjustableRule; all of a debt is repaid by its shares, as an owner must."""
        done = self._applied(prices, time, action)
        if self.venue is None or not isinstance(done, Applied) or not isinstance(done.successor, MorphoRule):
            return done
        return replace(done, successor=replace(done.successor, venue=replace(self.venue, read_at=time)))

    def _applied(
        self, prices: Mapping[AssetId, int], time: int, action: Action
    ) -> Applied | Refused | Untold:
        price, market = self._price(prices), self.market.accrued(time)
        loan, collateral = self.feed.quote, self.feed.asset
        match action:
            case Repay(asset, raw) if asset == loan:
                paid = repaid(market, self.position, raw)
                if isinstance(paid, Refused):
                    return paid
                amount, after, position = paid
                owed = after.owed(position.borrow_shares)
                successor = replace(self, market=after, position=position)
                return Applied(Amount(asset, amount), None, None, owed, successor)
            case Deposit(asset, raw) if asset == collateral:
                added = deposited(self.position, raw)
                if isinstance(added, Refused):
                    return added
                after_it = replace(self, position=added)
                return Applied(Amount(asset, raw), None, added.collateral, None, after_it)
            case Withdraw(asset, raw) if asset == collateral:
                amount = self.position.collateral if raw is None else raw
                left = withdrawn(market, self.position, amount, price, self.lltv)
                if isinstance(left, Refused):
                    return left
                successor = replace(self, market=market, position=left)
                return Applied(None, Amount(asset, amount), left.collateral, None, successor)
            case Trade():
                return NO_DERIVATIVES
            case Repay() | Deposit() | Withdraw():
                return Untold(f"the market lends {loan} against {collateral}: {action.asset} is neither")
            case _:
                assert_never(action)

    def calls(self, action: Action, hands: Hands) -> tuple[UnsignedCall, ...] | Untold:
        """See CallableRule."""
        side = self._side()
        return side if isinstance(side, Untold) else calls_of(side, action, hands)

    def permits(self, action: Action, hands: Hands) -> Permits | Untold:
        """See DelegatedRule."""
        side = self._side()
        return side if isinstance(side, Untold) else permits_of(side, action, hands)

    @property
    def lender(self) -> MorphoLender | None:
        """See LendingRule."""
        if self.venue is None or self.feed.quote is None:
            return None
        cash = {self.feed.quote: self.venue.loan_cash, self.feed.asset: self.venue.collateral_cash}
        return MorphoLender(self.venue, cash)

    def _side(self) -> Side | Untold:
        if self.venue is None or self.feed.quote is None:
            return NO_VENUE
        owed = self.market.accrued(self.venue.read_at).owed(self.position.borrow_shares)
        return Side(self.venue, self.feed.quote, self.feed.asset, self.lltv, self.position, owed)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for MorphoFamily.load; amounts, rates and prices are decimal strings."""
        feed, market = self.feed, self.market
        return {
            "family": self.family,
            "feed": {
                "asset": feed.asset,
                "quote": feed.quote,
                "oracle": feed.oracle.value,
                "price": str(feed.price),
                "decimals": feed.decimals,
                "origin": feed.origin,
            },
            "loan_decimals": self.loan_decimals,
            "lltv": str(self.lltv),
            "borrow_shares": str(self.position.borrow_shares),
            "collateral": str(self.position.collateral),
            "market": {
                "supply_assets": str(market.supply_assets),
                "supply_shares": str(market.supply_shares),
                "borrow_assets": str(market.borrow_assets),
                "borrow_shares": str(market.borrow_shares),
                "updated_at": market.updated_at,
                "fee": str(market.fee),
                "borrow_rate": str(market.borrow_rate),
            },
            "venue": None if self.venue is None else venue_to_json(self.venue),
        }

    def _price(self, prices: Mapping[AssetId, int]) -> int:
        price = prices[self.feed.asset]
        if price <= 0 or price * self.position.collateral >= _UINT256:
            raise UnusablePrice(self.feed.asset, self.feed.origin, price)
        return price


def _amounts(asset: AssetId, raw: int) -> tuple[Amount, ...]:
    return (Amount(asset, raw),) if raw else ()
