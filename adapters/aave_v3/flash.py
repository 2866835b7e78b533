"""Aave V3's flash loans of one asset: `flashLoanSimple`, its premium, and what it can lend.

Source: FlashLoanLogic and ValidationLogic of V3.0.1 and V3.6, which both run in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.aave_v3.interest import ceil_div
from adapters.aave_v3.margin import BPS
from adapters.aave_v3.terms import PoolTerms, ReserveTerms
from adapters.aave_v3.versions import Maths, Version
from aggregator.contract import Function, bundle_call, bundle_note, token_address
from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount, Refused
from aggregator.model.units import Address

FLASH_LOAN: Function[None] = Function("flashLoanSimple(address,address,uint256,bytes,uint16)()")


@dataclass(frozen=True, slots=True)
class AaveLender:
    """The pool as a lender of the reserves that an account's rule knows the terms of."""

    version: Version
    pool: PoolTerms
    terms: Mapping[AssetId, ReserveTerms]

    def fee(self, lent: Amount) -> Amount | Refused | Untold:
        """See FlashLender; rounded half up until V3.4, up from V3.5."""
        terms = self.terms.get(lent.asset)
        if terms is None:
            return Untold(f"the account has nothing in the reserve of {lent.asset}, whose cash was not read")
        if self.pool.premium_bps is None or terms.lendable is None:
            return Untold("the premium of flash loans, or what the reserve can lend so, is not known")
        named = self.version.named_errors
        for (name, number), fails in (
            (("ReservePaused", "RESERVE_PAUSED (29)"), terms.paused),
            (("ReserveInactive", "RESERVE_INACTIVE (27)"), not terms.active),
        ):
            if fails:
                return Refused(name if named else number)
        most = terms.lendable if terms.cash is None else min(terms.lendable, terms.cash)
        if lent.raw > most:
            return Refused(f"the reserve can lend {most} so")
        premium = lent.raw * self.pool.premium_bps
        if self.version.maths is Maths.V3_5:
            return Amount(lent.asset, ceil_div(premium, BPS))
        return Amount(lent.asset, (premium + BPS // 2) // BPS)

    def calls(
        self, lent: Amount, inner: Sequence[UnsignedCall], executor: Address, left: Sequence[AssetId]
    ) -> tuple[UnsignedCall, ...] | Untold:
        """See FlashLender."""
        token = token_address(lent.asset)
        if token is None:
            return Untold(f"{lent.asset} is no token of the pool")
        note = bundle_note(token, inner)
        loan = FLASH_LOAN.at(self.pool.address, executor, token, lent.raw, note, 0).data
        return (bundle_call(executor, self.pool.address, loan, inner, (lent.asset, *left)),)
