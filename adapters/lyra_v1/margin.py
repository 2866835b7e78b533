"""The solvency test of one short option, exact: collateral against the minimum that the market asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

from adapters.lyra_v1.collateral import CollateralParameters, OptionType, min_collateral
from aggregator.model.assets import AssetId
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import WAD, Feed, Health, JsonValue

DECIMALS = 36


@dataclass(frozen=True, slots=True)
class ShortOptionRule:
    """One short position; the market's quote counts as one dollar, as it does in the protocol.

    `amount`, `collateral` (in base for SHORT_CALL_BASE, else in quote) and `strike` have 18 decimals,
    `expiry` is in Unix seconds.
    """

    family: ClassVar[str] = "lyra_v1"

    kind: OptionType
    amount: int
    collateral: int
    strike: int
    expiry: int
    parameters: CollateralParameters
    spot: Feed

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The spot price of the underlying."""
        return (self.spot,)

    def health(self, prices: Mapping[AssetId, int], time: int) -> Health:
        """Collateral over minimum collateral; power and requirement in quote, base counted at spot.

        Equal to `getMinCollateral` and `canLiquidate`, which from expiry on judge the option at its shocked
        intrinsic value although the market liquidates nothing then. Raises UnusablePrice on a price <= 0
        and on one so low that the contract's logarithm reverts.
        """
        spot = prices[self.spot.asset]
        if spot <= 0:
            raise UnusablePrice(self.spot.asset, self.spot.origin, spot)
        seconds = max(self.expiry - time, 0)
        try:
            least = min_collateral(self.parameters, self.kind, self.strike, seconds, spot, self.amount)
        except ValueError as error:
            raise UnusablePrice(self.spot.asset, self.spot.origin, spot) from error
        value = spot if self.kind is OptionType.SHORT_CALL_BASE else WAD
        return Health(
            power=self.collateral * value,
            requirement=least * value,
            decimals=DECIMALS,
            health=self.collateral * WAD // least if least else None,
            liquidatable=self.collateral < least,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """Data for LyraFamily.load."""
        parameters = asdict(self.parameters)
        return {
            "family": self.family,
            "kind": self.kind.name,
            "amount": str(self.amount),
            "collateral": str(self.collateral),
            "strike": str(self.strike),
            "expiry": str(self.expiry),
            "parameters": {name: str(value) for name, value in parameters.items()},
            "asset": self.spot.asset,
            "oracle": self.spot.oracle,
            "price": str(self.spot.price),
            "price_decimals": self.spot.decimals,
            "price_origin": self.spot.origin,
        }
