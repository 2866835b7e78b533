"""The native coin against its wrapped token, one to one: by WETH9, which the router names.

Source: WETH9.sol, by `deposit` and `withdraw(uint256)`; `WETH9` of PeripheryImmutableState.sol of npm
`@uniswap/v3-periphery` 1.0.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from adapters.uniswap_v3.calls import UNWRAP, WRAP
from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId, native_id, token_id
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount, JsonValue, Refused
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address, ChainId

_MOST = 2**255


@dataclass(frozen=True, slots=True)
class WrappedCoin:
    """A chain's coin and the contract that wraps it."""

    family: ClassVar[str] = "wrapped_coin"

    chain: ChainId
    token: Address
    label: str

    @property
    def assets(self) -> tuple[AssetId, AssetId]:
        """The coin, and the token."""
        return native_id(self.chain), token_id(self.chain, self.token)

    def swap(self, sold: Amount) -> Swapped | Refused:
        """See SpotMarket: as much of the other side, whatever the amount."""
        if sold.asset not in self.assets:
            return Refused(f"{self.label} does not trade {sold.asset}")
        if not 0 < sold.raw < _MOST:
            return Refused("what is sold must be above zero and fit into 255 bits")
        coin, token = self.assets
        return Swapped(Amount(token if sold.asset == coin else coin, sold.raw), self)

    def calls(
        self, sold: Amount, least: Amount, sender: Address, deadline: int
    ) -> Sequence[UnsignedCall] | Untold:
        """See SpotMarket: one call without an approval or a deadline; it gives neither more nor less.

        Raises ValueError where `least` is not the other side, or more than is sold.
        """
        del sender, deadline
        if {sold.asset, least.asset} != set(self.assets) or least.raw > sold.raw:
            raise ValueError(f"{self.label} does not give {least.raw} of {least.asset} for {sold.raw}")
        if sold.asset == self.assets[0]:
            return (UnsignedCall(self.token, WRAP.at(self.token).data, sold.raw, f"Wrap {sold.raw} wei"),)
        return (UnsignedCall(self.token, UNWRAP.at(self.token, sold.raw).data, 0, f"Unwrap {sold.raw} wei"),)

    def to_json(self) -> dict[str, JsonValue]:
        """See SpotMarket."""
        return {"family": self.family, "chain": self.chain, "token": self.token, "label": self.label}
