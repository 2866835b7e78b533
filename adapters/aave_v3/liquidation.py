"""Aave V3's liquidation, exact: what `Pool.liquidationCall` does to a borrower, paid out in the underlying.

Source: LiquidationLogic, ValidationLogic and the tokens of the releases named in versions.py; equal to the
wei on V3.0.1 and V3.6 in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from adapters.aave_v3.actions import repaid, without_debt
from adapters.aave_v3.applying import apply, side_of, with_room
from adapters.aave_v3.collateral import Opening
from adapters.aave_v3.flash import AaveLender
from adapters.aave_v3.margin import AaveRule, Leg, leg_to_json
from adapters.aave_v3.seizure import CLOSE_FACTOR_HEALTH, Case, Seizure
from adapters.aave_v3.terms import PoolTerms, ReserveTerms, pool_to_json, terms_to_json
from adapters.aave_v3.transactions import calls_of, permits_of
from adapters.aave_v3.versions import RELEASES, Version
from aggregator.model.actions import NO_DERIVATIVES, Action, Applied, Trade, Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import Hands, Permits, UnsignedCall
from aggregator.model.rules import WAD, Amount, JsonValue, Liquidated, Refused, Repayment
from aggregator.model.shared import SharedRoom


class Refusal(Enum):
    """The pool's errors: their names from V3.4, their names and numbers before."""

    INACTIVE = "ReserveInactive", "RESERVE_INACTIVE (27)"
    PAUSED = "ReservePaused", "RESERVE_PAUSED (29)"
    SENTINEL = "PriceOracleSentinelCheckFailed", "PRICE_ORACLE_SENTINEL_CHECK_FAILED (59)"
    GRACE = "LiquidationGraceSentinelCheckFailed", "LIQUIDATION_GRACE_SENTINEL_CHECK_FAILED (97)"
    HEALTHY = "HealthFactorNotBelowThreshold", "HEALTH_FACTOR_NOT_BELOW_THRESHOLD (45)"
    NO_COLLATERAL = "CollateralCannotBeLiquidated", "COLLATERAL_CANNOT_BE_LIQUIDATED (46)"
    NO_DEBT = "SpecifiedCurrencyNotBorrowedByUser", "SPECIFIED_CURRENCY_NOT_BORROWED_BY_USER (47)"
    DUST = "MustNotLeaveDust", "MUST_NOT_LEAVE_DUST (103)"
    NOTHING = "InvalidBurnAmount", "INVALID_BURN_AMOUNT (25)"

    def of(self, version: Version) -> Refused:
        """The refusal in a release's own words."""
        named, numbered = self.value
        return Refused(named if version.named_errors else numbered)


@dataclass(frozen=True, slots=True)
class LiquidatableAaveRule(AaveRule):
    """The solvency test with what a liquidation needs beyond it; `terms` belong to the legs in order.

    `sentinel_closed`: at the block the market's price oracle sentinel allowed no liquidation. Without `pool`,
    as in what was stored before it was read, there are no calls and no flash loans. `openings` are reserves
    that may become collateral.
    """

    release: str
    sentinel_closed: bool
    terms: tuple[ReserveTerms, ...]
    pool: PoolTerms | None = None
    openings: tuple[Opening, ...] = ()

    def liquidate(
        self, prices: Mapping[AssetId, int], time: int, repayment: Repayment
    ) -> Liquidated | Refused:
        """What the pool does with a liquidator's offer, in the smallest units; the sentinel as at the block.

        The successor's balances and its health at `time` are the pool's to the wei; it keeps the rates as
        read. That the pool holds enough of the collateral is taken for granted: there are always aTokens.
        Raises UnusablePrice on a price <= 0.
        """
        version = RELEASES[self.release]
        totals, health = self.totals(prices, time), self.health(prices, time).health
        if repayment.collateral is None:
            return Refused("the pool seizes one collateral at a time, and none is named")
        found = self._checked(version, repayment.collateral, repayment.debt.asset, health, time)
        if isinstance(found, Refusal):
            return found.of(version)
        held, owing, below_one = found
        collateral, debt = self.legs[held], self.legs[owing]
        case = Case(version, collateral, debt, self.terms[held], totals, below_one, prices, time)
        if case.terms.fee_bps and not case.terms.bonus_bps:
            return Refused("the collateral has no liquidation bonus, by which the pool divides")
        seizure = case.seizure(min(repayment.debt.raw, case.most()))
        if version.dust_rule and case.leaves_dust(seizure):
            return Refusal.DUST.of(version)
        return self._settle(case, held, owing, seizure)

    @property
    def loss_told(self) -> str:
        """See DescribedLosses; nothing that a supplier has is written down by the pool."""
        if RELEASES[self.release].dust_rule:
            return (
                "the pool books it as a deficit of the reserve and leaves supplies as they are; who has "
                "staked for it or the treasury covers it, and until then whoever withdraws last may find no "
                "cash"
            )
        return (
            "the pool writes nothing down: the debt stays on its books with interest, and whoever withdraws "
            "last may find no cash"
        )

    def find(self, asset: AssetId) -> int | None:
        """The place of an asset's leg."""
        return next((i for i, leg in enumerate(self.legs) if leg.feed.asset == asset), None)

    def _checked(
        self, version: Version, collateral: AssetId, debt: AssetId, health: int | None, time: int
    ) -> tuple[int, int, int] | Refusal:
        """The places of both legs and the health, or the first of the pool's own checks that fails.

        An asset that is none of the account's has no terms here: that it is neither fails in the end.
        """
        held, owing = self.find(collateral), self.find(debt)
        touched = [self.terms[i] for i in (held, owing) if i is not None]
        guarded = health is None or health >= CLOSE_FACTOR_HEALTH
        for refusal, fails in (
            (Refusal.INACTIVE, any(not terms.active for terms in touched)),
            (Refusal.PAUSED, any(terms.paused for terms in touched)),
            (Refusal.SENTINEL, version.sentinel and self.sentinel_closed and guarded),
            (Refusal.GRACE, version.grace_period and any(terms.grace_until >= time for terms in touched)),
        ):
            if fails:
                return refusal
        if health is None or health >= WAD:
            return Refusal.HEALTHY
        if held is None or not self.legs[held].supplied_scaled:
            return Refusal.NO_COLLATERAL
        if owing is None or not self.legs[owing].owed(self.maths, time):
            return Refusal.NO_DEBT
        return held, owing, health

    def _settle(self, case: Case, held: int, owing: int, seizure: Seizure) -> Liquidated | Refused:
        """What tokens are burned and moved, rounded once more to scaled amounts, and the account after it."""
        version, time, accrual = case.version, case.time, case.collateral.accrual
        before = case.collateral.supplied_scaled
        burned = accrual.scaled_supply(self.maths, seizure.seized, time)
        fee, fee_scaled = seizure.fee, accrual.scaled_supply(self.maths, seizure.fee, time)
        if fee_scaled > before - burned:
            # The liquidator's part was rounded first: the treasury gets what there is.
            fee_scaled = before - burned
            fee = accrual.supplied(self.maths, fee_scaled, time)
        left = before - burned - fee_scaled
        if version.protocol_rounding:
            gone, cleared = accrual.supplied(self.maths, before - left, time), left == 0
        else:
            gone, cleared = seizure.taken, seizure.taken == case.supplied
        bare = version.dust_rule and case.value(gone) == case.totals.collateral
        after = repaid(case.debt, self.maths, case.owed if bare else seizure.repaid, time)
        if after is None or not burned:
            return Refusal.NOTHING.of(version)

        legs, bad_debt = list(self.legs), {}
        # Collateral and debt that are gone lose their flags: what rounding leaves of them counts no longer.
        legs[owing] = without_debt(after) if bare or seizure.repaid == case.owed else after
        uncounted = cleared or (bare and version.protocol_rounding)
        legs[held] = replace(legs[held], supplied_scaled=0 if uncounted else left)
        for i in {held, owing}:
            legs[i] = replace(legs[i], accrual=legs[i].accrual.updated(self.maths, time))
        if bare:
            bad_debt[case.debt.feed.asset] = case.owed - seizure.repaid
            for i, leg in enumerate(legs):
                if self.terms[i].active and leg.owed(self.maths, time):
                    bad_debt[leg.feed.asset] = leg.owed(self.maths, time)
                    legs[i] = without_debt(leg)
        return Liquidated(
            repaid=_amounts({case.debt.feed.asset: seizure.repaid}),
            seized=_amounts({case.collateral.feed.asset: seizure.seized}),
            fees=_amounts({case.collateral.feed.asset: fee}),
            bad_debt=_amounts(bad_debt),
            successor=self.with_legs(legs),
        )

    def with_legs(self, legs: list[Leg]) -> LiquidatableAaveRule:
        """The account with these in place of its legs, in order; those that hold nothing are left out."""
        kept = [pair for pair in zip(legs, self.terms, strict=True) if _holds(pair[0])]
        return replace(self, legs=tuple(leg for leg, _ in kept), terms=tuple(terms for _, terms in kept))

    def apply(self, prices: Mapping[AssetId, int], time: int, action: Action) -> Applied | Refused | Untold:
        """See AdjustableRule; balances and health at `time` are the pool's to the wei.

        A withdrawal beside a debt must leave a health of one; what has a loan-to-value of zero goes first.
        """
        return apply(self, prices, time, action)

    def with_room(self, left: SharedRoom) -> LiquidatableAaveRule:
        """See RoomRule."""
        return with_room(self, left)

    def calls(self, action: Action, hands: Hands) -> tuple[UnsignedCall, ...] | Untold:
        """See CallableRule."""
        if isinstance(action, Trade):
            return NO_DERIVATIVES
        side = side_of(self, action.asset)
        return side if isinstance(side, Untold) else calls_of(side, action, hands)

    @property
    def lender(self) -> AaveLender | None:
        """See LendingRule."""
        if self.pool is None:
            return None
        terms = {leg.feed.asset: terms for leg, terms in zip(self.legs, self.terms, strict=True)}
        return AaveLender(RELEASES[self.release], self.pool, terms)

    def permits(self, action: Action, hands: Hands) -> Permits | Untold:
        """See DelegatedRule."""
        if isinstance(action, Trade):
            return NO_DERIVATIVES
        side = side_of(self, action.asset)
        return side if isinstance(side, Untold) else permits_of(side, action, hands)

    def to_json(self) -> dict[str, JsonValue]:
        """Data for AaveFamily.load: that of an AaveRule and the terms."""
        data = AaveRule.to_json(self)
        data["release"] = self.release
        data["sentinel_closed"] = self.sentinel_closed
        data["terms"] = [terms_to_json(terms) for terms in self.terms]
        data["pool"] = None if self.pool is None else pool_to_json(self.pool)
        data["openings"] = [
            {"leg": leg_to_json(one.leg), "terms": terms_to_json(one.terms)} for one in self.openings
        ]
        return data


def _holds(leg: Leg) -> bool:
    return bool(leg.supplied_scaled or leg.owed_scaled or leg.stable)


def _amounts(amounts: Mapping[AssetId, int]) -> tuple[Amount, ...]:
    return tuple(Amount(asset, raw) for asset, raw in amounts.items() if raw)
