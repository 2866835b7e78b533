"""Morpho Blue's flash loans: free, of any token, up to all that the contract has.

Source: `flashLoan` of Morpho.sol, npm @morpho-org/morpho-blue 1.0.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.morpho_blue.actions import ZERO
from adapters.morpho_blue.venue import Venue
from aggregator.contract import Function, bundle_call, bundle_note, token_address
from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount, Refused
from aggregator.model.units import Address

FLASH_LOAN: Function[None] = Function("flashLoan(address,uint256,bytes)()")


@dataclass(frozen=True, slots=True)
class MorphoLender:
    """The contract as a lender of the two tokens of an account's market; `cash` is what it has of them."""

    venue: Venue
    cash: Mapping[AssetId, int | None]

    def fee(self, lent: Amount) -> Amount | Refused | Untold:
        """See FlashLender: nothing."""
        cash = self.cash.get(lent.asset)
        if cash is None:
            return Untold(f"how much {lent.asset} the contract has was not read")
        if not lent.raw:
            return ZERO
        if lent.raw > cash:
            return Refused(f"the contract has {cash} of it")
        return Amount(lent.asset, 0)

    def calls(
        self, lent: Amount, inner: Sequence[UnsignedCall], executor: Address, left: Sequence[AssetId]
    ) -> tuple[UnsignedCall, ...] | Untold:
        """See FlashLender."""
        token = token_address(lent.asset)
        if token is None:
            return Untold(f"{lent.asset} is no token")
        loan = FLASH_LOAN.at(self.venue.morpho, token, lent.raw, bundle_note(token, inner)).data
        return (bundle_call(executor, self.venue.morpho, loan, inner, (lent.asset, *left)),)
