"""Compound V2's solvency test, exact: the integers that `getAccountLiquidity` works with.

Interest is added to every market up to the time that is asked about, as a liquidator does who first calls
accrueInterest on each of the account's markets; anybody may. `getAccountLiquidity` by itself uses what was
stored at the last accrual of each market: the `sides` of a rule as it was read. Source: ComptrollerLens of
npm @venusprotocol/venus-protocol 10.3.0 and Comptroller of github compound-finance/compound-protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from adapters.compound_v2 import stored
from adapters.compound_v2.actions import Acted, deposited, not_entered, repaid, withdrawn
from adapters.compound_v2.interest import Clock
from adapters.compound_v2.liquidation import Terms, refusal, take
from adapters.compound_v2.position import Leg, MarketRoom, VaiDebt
from adapters.compound_v2.transactions import calls_of
from aggregator.model.actions import (
    NO_DERIVATIVES,
    Action,
    Applied,
    AssetAction,
    Deposit,
    Repay,
    Trade,
    Untold,
    Withdraw,
)
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.errors import UnusablePrice
from aggregator.model.losses import Cover
from aggregator.model.rules import (
    WAD,
    Amount,
    Feed,
    Health,
    JsonValue,
    Liquidated,
    Refused,
    Repayment,
)
from aggregator.model.shared import SharedRoom

VALUE_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of the test in the oracle's currency with 18 decimals."""

    collateral: int
    debt: int


@dataclass(frozen=True, slots=True)
class CompoundRule:
    """The solvency test of one account of one comptroller.

    `legs` are the markets that the account has entered and has something in.
    """

    family: ClassVar[str] = "compound_v2"

    clock: Clock
    terms: Terms
    legs: tuple[Leg, ...]
    vai: VaiDebt | None = None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """One feed per leg in the order of the legs, then VAI's."""
        feeds = tuple(leg.feed for leg in self.legs)
        return feeds if self.vai is None else (*feeds, self.vai.feed)

    def sides(self, prices: Mapping[AssetId, int]) -> Sides:
        """Both sides by what the markets have stored; raises UnusablePrice on a price <= 0."""
        collateral = debt = 0
        for feed in self.feeds:
            if prices[feed.asset] <= 0:
                raise UnusablePrice(feed.asset, feed.origin, prices[feed.asset])
        for leg in self.legs:
            collateral += leg.collateral_value(prices[leg.feed.asset])
            debt += leg.debt_value(prices[leg.feed.asset])
        if self.vai is not None:
            debt += self.vai.debt_value(prices[self.vai.feed.asset])
        return Sides(collateral, debt)

    def accrued(self, time: int) -> CompoundRule:
        """The rule once every market has added its interest up to a time."""
        at = self.clock.units(time)
        return replace(
            self,
            clock=self.clock.moved(time),
            legs=tuple(leg.accrued(at) for leg in self.legs),
            vai=None if self.vai is None else self.vai.accrued(at),
        )

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """Collateral over debt, interest added; raises UnusablePrice on a price <= 0.

        Liquidatable is a shortfall, or a debt whose liquidation the protocol forces at any health.
        """
        now = self.accrued(time)
        sides = now.sides(prices)
        return Health(
            power=sides.collateral,
            requirement=sides.debt,
            decimals=VALUE_DECIMALS,
            health=sides.collateral * WAD // sides.debt if sides.debt else None,
            liquidatable=sides.collateral < sides.debt or now.forced,
        )

    @property
    def forced(self) -> bool:
        """Whether a debt can be liquidated at any health."""
        vai = self.vai is not None and self.vai.forced and self.vai.debt.owed > 0
        return vai or any(leg.forced and leg.owed > 0 for leg in self.legs)

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        """What a liquidation does once every market has added its interest.

        The collateral is named by its cToken or its underlying, and seized in cTokens. The successor is exact
        at that time; later it grows at the rates from before. Raises UnusablePrice on a price <= 0.
        """
        now = self.accrued(time)
        debt = _debt(now, repayment.debt.asset)
        sides = _while_paid(now, debt, repayment.debt.raw).sides(prices)
        why = refusal(now.terms, debt, now.vai, repayment.debt.raw, shortfall=sides.collateral < sides.debt)
        if why is not None:
            return why
        if repayment.collateral is None:
            return Refused("one collateral must be named")
        collateral = _collateral(now, repayment.collateral)
        if debt is None or collateral is None:
            return Refused("MARKET_NOT_COLLATERAL")
        taken = take(now.terms, debt, collateral, repayment.debt.raw, prices)
        if isinstance(taken, Refused):
            return taken
        return Liquidated(
            repaid=_amounts(debt.feed.asset, taken.repaid),
            seized=_amounts(collateral.c_token, taken.seized),
            fees=_amounts(collateral.c_token, taken.fee),
            bad_debt=(),
            successor=_after(now, taken.debt, taken.collateral),
            supplied=(Amount(collateral.feed.asset, taken.collateral.supplied),),
        )

    @property
    def loss_told(self) -> str:
        """See DescribedLosses."""
        return (
            "the market keeps the debt on its books, cTokens are not written down, and whoever withdraws "
            "last may find no cash"
        )

    def cover(self, debt: AssetId, time: int) -> Cover:
        """The market's reserves, then its cTokens; nothing is known of VAI. See CoveredRule."""
        leg = _debt(self.accrued(time), debt)
        return leg.cover if isinstance(leg, Leg) else Cover(None, None)

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Applied | Refused | Untold:
        """See AdjustableRule; every market adds its interest first, as when anybody calls accrueInterest.

        A withdrawal must leave the debt covered by what the markets lend at, which on Venus is less than what
        they liquidate at.
        """
        if isinstance(action, Trade):
            return NO_DERIVATIVES
        now = self.accrued(time)
        part = _debt(now, action.asset)
        if part is None or (isinstance(part, VaiDebt) and not isinstance(action, Repay)):
            return not_entered(action.asset)
        if isinstance(action, Repay):
            return _applied(now, part, repaid(part, action.raw), action)
        leg = _collateral(now, action.asset) or part
        if not isinstance(leg, Leg):
            return not_entered(action.asset)
        if isinstance(action, Deposit):
            return _applied(now, leg, deposited(leg, action.raw), action)
        done = _applied(now, leg, withdrawn(leg, action.raw), action)
        if not isinstance(done, Applied) or not isinstance(done.successor, CompoundRule):
            return done
        left = done.successor.sides(prices)
        if not left.debt:
            return done
        taken = leg.tokens - next(
            (one.tokens for one in done.successor.legs if one.c_token == leg.c_token), 0
        )
        covered = _covered(now, prices, leg, taken)
        if covered is False or left.collateral < left.debt:
            return Refused("INSUFFICIENT_LIQUIDITY")
        return (
            Untold("the factor at which the market lends on a collateral is not known")
            if covered is None
            else done
        )

    def with_room(self, left: SharedRoom) -> CompoundRule:
        """See RoomRule: the markets of all accounts have the interest and the cash that a step leaves."""
        if not isinstance(left, MarketRoom) or all(leg.c_token != left.venue for leg in self.legs):
            return self
        legs = [leg.at(left.totals) if leg.c_token == left.venue else leg for leg in self.legs]
        return replace(self, legs=tuple(legs))

    def calls(self, action: Action, hands: Hands) -> tuple[UnsignedCall, ...] | Untold:
        """See CallableRule."""
        if isinstance(action, Trade):
            return NO_DERIVATIVES
        now = self.accrued(self.clock.time)
        find = _collateral if isinstance(action, Withdraw) else _debt
        part = find(now, action.asset) or _debt(now, action.asset)
        if part is None or (isinstance(part, VaiDebt) and not isinstance(action, Repay)):
            return not_entered(action.asset)
        return calls_of(part, action, hands)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for CompoundFamily.load; amounts are decimal strings."""
        return {
            "family": self.family,
            "clock": stored.clock_to_json(self.clock),
            "terms": stored.terms_to_json(self.terms),
            "legs": [stored.leg_to_json(leg) for leg in self.legs],
            "vai": None if self.vai is None else stored.vai_to_json(self.vai),
        }


def _covered(rule: CompoundRule, prices: Mapping[AssetId, int], taken_from: Leg, taken: int) -> bool | None:
    """Whether the debts may be owed once so many cTokens are redeemed; None where a factor is not known.

    The comptroller counts what is taken out as a debt more: rounded down on its own.
    """
    gone = taken_from.lending_value(prices[taken_from.feed.asset], taken)
    if gone is None:
        return None
    power = 0
    for leg in rule.legs:
        value = leg.lending_value(prices[leg.feed.asset], leg.tokens)
        if value is None:
            return None
        power += value
    return power >= rule.sides(prices).debt + gone


def _while_paid(rule: CompoundRule, debt: Leg | VaiDebt | None, offered: int) -> CompoundRule:
    """What the comptroller sees: coins that pay a native debt are in the market already, as cash."""
    if not (isinstance(debt, Leg) and debt.native):
        return rule
    paid = debt.holding(offered)
    return replace(rule, legs=tuple(paid if leg.c_token == paid.c_token else leg for leg in rule.legs))


def _debt(rule: CompoundRule, asset: AssetId) -> Leg | VaiDebt | None:
    if rule.vai is not None and asset == rule.vai.feed.asset:
        return rule.vai
    named = [leg for leg in rule.legs if asset in (leg.feed.asset, leg.c_token)]
    return next((leg for leg in named if leg.owed), named[0] if named else None)


def _collateral(rule: CompoundRule, asset: AssetId) -> Leg | None:
    named = [leg for leg in rule.legs if asset in (leg.feed.asset, leg.c_token)]
    return next((leg for leg in named if leg.tokens), None)


def _after(rule: CompoundRule, debt: Leg | VaiDebt, collateral: Leg) -> CompoundRule:
    changed = {collateral.c_token: collateral}
    if isinstance(debt, Leg):
        changed.setdefault(debt.c_token, debt)
    legs = tuple(changed.get(leg.c_token, leg) for leg in rule.legs)
    return replace(
        rule,
        legs=tuple(leg for leg in legs if leg.tokens or leg.owed),
        vai=debt if isinstance(debt, VaiDebt) else rule.vai,
    )


def _applied(
    rule: CompoundRule, before: Leg | VaiDebt, done: Acted | Refused, action: AssetAction
) -> Applied | Refused:
    if isinstance(done, Refused):
        return done
    part, moved = done.part, Amount(action.asset, done.amount)
    legs = tuple(part if leg is before and isinstance(part, Leg) else leg for leg in rule.legs)
    owed = part.owed if isinstance(part, Leg) else part.debt.owed
    return Applied(
        paid=None if isinstance(action, Withdraw) else moved,
        received=moved if isinstance(action, Withdraw) else None,
        supplied=None if isinstance(action, Repay) or isinstance(part, VaiDebt) else part.supplied,
        owed=owed if isinstance(action, Repay) else None,
        successor=replace(
            rule,
            legs=tuple(leg for leg in legs if leg.tokens or leg.owed),
            vai=part if isinstance(part, VaiDebt) else rule.vai,
        ),
        room=MarketRoom(part.c_token, part.totals) if isinstance(part, Leg) else None,
    )


def _amounts(asset: AssetId, raw: int) -> tuple[Amount, ...]:
    return (Amount(asset, raw),) if raw else ()
