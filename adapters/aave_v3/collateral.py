"""Whether a reserve that is no collateral of an account yet may become one, and whether it does by itself.

Source: `validateUseAsCollateral`, `validateAutomaticUseAsCollateral` and `getIsolationModeState` of the
releases named in versions.py. What is supplied for the first time becomes collateral by itself unless it is
isolated; what is isolated, or was supplied before without counting, once the owner says so
(`setUserUseReserveAsCollateral`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.aave_v3.actions import ActionRefusal
from adapters.aave_v3.margin import Leg
from adapters.aave_v3.terms import ReserveTerms
from adapters.aave_v3.versions import Version
from aggregator.model.actions import Untold
from aggregator.model.rules import Refused

EITHER = Untold("pools of V3.0 differ in whether they count an asset with a loan-to-value of zero")
NOT_READ = Untold("whether the pool would count it as collateral was not read: read the account again")


@dataclass(frozen=True, slots=True)
class Opening:
    """A reserve that has no part in the account's health, and could be supplied by its owner."""

    leg: Leg
    terms: ReserveTerms


def becoming(
    version: Version, legs: Sequence[Leg], terms: Sequence[ReserveTerms], asset: ReserveTerms
) -> Refused | Untold | None:
    """Why a reserve with these terms can't become a collateral beside the account's legs; None where it can.

    The asset of the legs' only collateral decides whether the account is isolated.
    """
    if asset.ltv_zero is None or asset.ceiling is None or asset.dormant is None:
        return NOT_READ
    if asset.ltv_zero:
        return EITHER if version.release == "3.0" else ActionRefusal.NOT_COUNTED.of(version)
    if any(one.dormant is None for one in terms):
        return NOT_READ
    held = [one for leg, one in zip(legs, terms, strict=True) if leg.supplied_scaled]
    if not held:
        return None
    isolated = len(held) == 1 and held[0].ceiling
    return ActionRefusal.NOT_COUNTED.of(version) if isolated or asset.ceiling else None


def by_itself(terms: ReserveTerms) -> bool:
    """Whether a supply becomes collateral without a further call, where it can."""
    return terms.ceiling == 0 and not terms.dormant
