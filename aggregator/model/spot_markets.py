"""Where one token is exchanged for another, exact: what a plan's swaps are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.rules import Amount, JsonValue, Refused
from aggregator.model.units import Address, ChainId


@dataclass(frozen=True, slots=True)
class Swapped:
    """What an exchange gives, fees and price impact included, and the market after it."""

    received: Amount
    successor: SpotMarket


@runtime_checkable
class SpotMarket(Protocol):
    """One market of two tokens of a chain. Frozen integer data with a JSON round trip.

    `assets` are its two sides; it sells either for the other. `label` is for people.
    """

    family: ClassVar[str]

    @property
    def chain(self) -> ChainId:
        """Where it is."""
        ...

    @property
    def assets(self) -> tuple[AssetId, AssetId]:
        """Its two sides."""
        ...

    @property
    def label(self) -> str:
        """Uniswap V3 WETH/USDC 0.05%."""
        ...

    def swap(self, sold: Amount) -> Swapped | Refused:
        """What so much of one side brings of the other, with the market's own rounding.

        Refused where the market lacks the depth, or the amount brings nothing.
        """
        ...

    def calls(
        self, sold: Amount, least: Amount, sender: Address, deadline: int
    ) -> Sequence[UnsignedCall] | Untold:
        """The calls that sell exactly so much for at least `least`, approvals among them.

        `deadline` in Unix seconds: later the exchange reverts, as where it would bring less. Untold where no
        contract is known to send them to.
        """
        ...

    def to_json(self) -> dict[str, JsonValue]:
        """Data for the family that made it; integers above 53 bits are strings."""
        ...


@dataclass(frozen=True, slots=True)
class PastMarket:
    """The market of a swap that was stored, as far as a plan tells it: nothing is exchanged at it any more.

    `assets` are what was sold and what was bought.
    """

    family: ClassVar[str] = "past"
    chain: ChainId
    assets: tuple[AssetId, AssetId]
    label: str

    def swap(self, sold: Amount) -> Refused:
        """See SpotMarket."""
        return Refused(f"{self.label} was not kept: {sold.raw} of {sold.asset} can't be sold at it")

    def calls(self, sold: Amount, least: Amount, sender: Address, deadline: int) -> Untold:  # noqa: ARG002
        """See SpotMarket."""
        return Untold(f"{self.label} was not kept: the plan has the calls")

    def to_json(self) -> dict[str, JsonValue]:
        """See SpotMarket."""
        return {}
