"""What an owner's own actions do to one reserve of an account, wei by wei.

Source: SupplyLogic, BorrowLogic, ValidationLogic and the tokens of the releases named in versions.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from adapters.aave_v3.interest import RAY, ray_div
from adapters.aave_v3.margin import Leg
from adapters.aave_v3.terms import ReserveTerms
from adapters.aave_v3.versions import Maths, Version
from aggregator.model.actions import AssetAction, Deposit, Repay, Untold
from aggregator.model.rules import Refused


class ActionRefusal(Enum):
    """The pool's errors: their names from V3.4, their names and numbers before."""

    AMOUNT = "InvalidAmount", "INVALID_AMOUNT (26)"
    INACTIVE = "ReserveInactive", "RESERVE_INACTIVE (27)"
    PAUSED = "ReservePaused", "RESERVE_PAUSED (29)"
    TOO_MUCH = "NotEnoughAvailableUserBalance", "NOT_ENOUGH_AVAILABLE_USER_BALANCE (32)"
    UNHEALTHY = (
        "HealthFactorLowerThanLiquidationThreshold",
        "HEALTH_FACTOR_LOWER_THAN_LIQUIDATION_THRESHOLD (35)",
    )
    LTV = "LtvValidationFailed", "LTV_VALIDATION_FAILED (57)"
    NO_DEBT = "NoDebtOfSelectedType", "NO_DEBT_OF_SELECTED_TYPE (39)"
    NO_MINT = "InvalidMintAmount", "INVALID_MINT_AMOUNT (24)"
    NO_BURN = "InvalidBurnAmount", "INVALID_BURN_AMOUNT (25)"
    FROZEN = "ReserveFrozen", "RESERVE_FROZEN (28)"
    NOT_COUNTED = "UserInIsolationModeOrLtvZero", "USER_IN_ISOLATION_MODE_OR_LTV_ZERO (62)"
    CAPPED = "SupplyCapExceeded", "SUPPLY_CAP_EXCEEDED (51)"
    NO_CASH = "Panic(0x11)", "Panic(0x11)"

    def of(self, version: Version) -> Refused:
        """The refusal in a release's own words."""
        named, numbered = self.value
        return Refused(named if version.named_errors else numbered)


@dataclass(frozen=True, slots=True)
class Acted:
    """How much an action moves, and the leg after it, whose reserve has not been updated yet."""

    amount: int
    leg: Leg


def acted(
    version: Version,
    leg: Leg,
    terms: ReserveTerms,
    time: int,
    action: AssetAction,
    becoming: Refused | Untold | None,
) -> Acted | Refused | Untold:
    """An action on a reserve of the account, without the account's health.

    A deposit of what is no collateral yet is refused where the pool would take it and not let it count:
    `becoming` says that of the account. A debt of both kinds is repaid as by two transactions, the variable
    one first.
    """
    for refusal, fails in (
        (ActionRefusal.AMOUNT, action.raw == 0),
        (ActionRefusal.INACTIVE, not terms.active),
        (ActionRefusal.PAUSED, terms.paused),
    ):
        if fails:
            return refusal.of(version)
    if isinstance(action, Repay):
        return _with_less_debt(version, leg, time, action.raw)
    if isinstance(action, Deposit):
        if terms.frozen:
            return ActionRefusal.FROZEN.of(version)
        if not leg.supplied_scaled and becoming is not None:
            return becoming
        minted = _minted(leg, version.maths, action.raw, time)
        if not minted:
            # From V3.5 the pool looks at scaled amounts before the token does.
            early = version.maths is Maths.V3_5
            return (ActionRefusal.AMOUNT if early else ActionRefusal.NO_MINT).of(version)
        cap = terms.supply_cap
        if cap is not None and action.raw > cap.room(leg.accrual, version.maths, time):
            return ActionRefusal.CAPPED.of(version)
        before = leg.supplied_scaled or terms.dormant or 0
        return Acted(action.raw, replace(leg, supplied_scaled=before + minted))
    if not leg.supplied_scaled:
        return Untold(f"the account's {leg.feed.asset} is no collateral, and is not followed by its rule")
    done = _with_less_supply(version, leg, time, action.raw)
    if isinstance(done, Acted) and terms.cash is not None and done.amount > terms.cash:
        return ActionRefusal.NO_CASH.of(version)
    return done


def _with_less_debt(version: Version, leg: Leg, time: int, raw: int | None) -> Acted | Refused:
    owed = leg.owed(version.maths, time)
    if not owed:
        return ActionRefusal.NO_DEBT.of(version)
    amount = owed if raw is None else min(raw, owed)
    after = repaid(leg, version.maths, amount, time)
    if after is None:
        return ActionRefusal.NO_BURN.of(version)
    return Acted(amount, without_debt(after) if amount == owed else after)


def _with_less_supply(version: Version, leg: Leg, time: int, raw: int | None) -> Acted | Refused:
    held = leg.supplied(version.maths, time)
    amount = held if raw is None else raw
    if amount > held:
        return ActionRefusal.TOO_MUCH.of(version)
    burned = leg.accrual.scaled_supply(version.maths, amount, time)
    if not burned:
        return ActionRefusal.NO_BURN.of(version)
    # What rounding leaves of a balance that is taken out whole counts no longer.
    left = 0 if amount == held else leg.supplied_scaled - burned
    return Acted(amount, replace(leg, supplied_scaled=left))


def _minted(leg: Leg, maths: Maths, amount: int, time: int) -> int:
    index = leg.accrual.supply_index_at(time)
    return amount * RAY // index if maths is Maths.V3_5 else ray_div(amount, index)


def repaid(leg: Leg, maths: Maths, amount: int, time: int) -> Leg | None:
    """A leg after a repayment: variable debt first, then stable; None where a token would burn nothing."""
    variable = leg.accrual.owed(maths, leg.owed_scaled, time) if leg.owed_scaled else 0
    if amount > variable and leg.stable is not None:
        rest = leg.stable.owed(time) - (amount - variable)
        stable = replace(leg.stable, principal=rest, updated_at=time) if rest else None
        leg, amount = replace(leg, stable=stable), variable
        if not variable:
            return leg
    burned = leg.accrual.scaled_debt(maths, amount, time)
    return replace(leg, owed_scaled=leg.owed_scaled - burned) if burned else None


def without_debt(leg: Leg) -> Leg:
    """A leg whose debt is gone, with what rounding leaves of it."""
    return replace(leg, owed_scaled=0, stable=None)
