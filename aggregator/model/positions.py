"""What an account holds. Amounts are integers in the smallest unit; USD is derived, never stored here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from aggregator.model.assets import Asset, AssetId
from aggregator.model.errors import Unsupported

MAX_OPTION_SECONDS = 100 * 365 * 86_400
"""To expiry: beyond it no option is valued."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Coins or tokens in the wallet itself. `raw` in the asset's smallest unit, >= 0."""

    asset: Asset
    raw: int
    origin: str


@dataclass(frozen=True, slots=True)
class Supply:
    """An asset lent to, or posted as margin with, a protocol, interest included. `raw` >= 0.

    `apr` is the interest per year that it earns at the block's rates, not compounded, as a fraction; None
    where the protocol does not say.
    """

    asset: Asset
    raw: int
    is_collateral: bool
    origin: str
    apr: float | None = None


@dataclass(frozen=True, slots=True)
class Debt:
    """An asset owed, interest included. `raw` >= 0: the sign is in the kind.

    `apr` is what it costs per year, as for Supply.
    """

    asset: Asset
    raw: int
    rate_mode: Literal["variable", "stable"]
    origin: str
    apr: float | None = None


@dataclass(frozen=True, slots=True)
class Perp:
    """A perpetual future.

    `size_raw` is signed (short < 0), in units of the index with `size_decimals`. Prices have
    `price_decimals` in the settlement asset. `pnl_raw` (unrealised) and `funding_raw` (accrued) are
    signed, in the settlement asset's smallest unit; the posted margin is a Supply of the same account.
    `borrowing_raw` are accrued borrowing fees (paid < 0), of protocols whose traders borrow from a pool.
    `funding_24h_raw` and `borrowing_24h_raw` are what the next 24 hours bring at today's rates (paid < 0),
    None where unknown.
    """

    market: str
    index: AssetId
    underlying: str
    size_raw: int
    size_decimals: int
    entry_price_raw: int
    mark_price_raw: int
    price_decimals: int
    pnl_raw: int
    funding_raw: int
    settlement: Asset
    origin: str
    funding_24h_raw: int | None = None
    borrowing_raw: int = 0
    borrowing_24h_raw: int | None = 0


@dataclass(frozen=True, slots=True)
class Option:
    """An option, in the one form that all protocols' options have.

    `size_raw` is signed (written < 0), in units of the underlying; `multiplier_raw` says how many of those,
    with the same decimals, one of the protocol's own contracts is, None where it counts in the underlying.
    `strike_raw` and `mark_raw` (per unit, None where the protocol gives none) have `price_decimals` in
    `settlement`; `expiry` in Unix seconds, None for a perpetual one, and only for such; `iv` is annualised
    (0.65 is 65%), None where unknown; `rate` is continuous per year. `delivery` is physical where exercise
    exchanges the underlying itself for the strike. What a writer has posted is a Supply of the same account.
    """

    instrument: str
    index: AssetId
    underlying: str
    right: Literal["call", "put"]
    style: Literal["european", "american", "perpetual"]
    size_raw: int
    size_decimals: int
    strike_raw: int
    price_decimals: int
    expiry: int | None
    settlement: Asset
    mark_raw: int | None
    iv: float | None
    iv_source: str | None
    rate: float
    origin: str
    delivery: Literal["cash", "physical"] = "cash"
    multiplier_raw: int | None = None
    mark_source: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where style and expiry contradict each other."""
        if (self.style == "perpetual") != (self.expiry is None):
            raise ValueError(f"{self.instrument}: a {self.style} option with expiry {self.expiry}")

    @property
    def side(self) -> Literal["holder", "writer"]:
        """Who has the right, and who has given it."""
        return "writer" if self.size_raw < 0 else "holder"

    def is_expired(self, time: int) -> bool:
        """Whether it can no longer change at a Unix time but by its price: a perpetual one never is."""
        return self.expiry is not None and self.expiry <= time


def check_valued(name: str, strike_raw: int, expiry: int, time: int) -> None:
    """Raise Unsupported on terms of an option that nothing values: no strike, or more than 100 years to go.

    `expiry` and `time` in Unix seconds. Where anybody can make options, such a one is given away for nothing,
    and must not take the other accounts along.
    """
    if strike_raw <= 0:
        raise Unsupported(f"the option {name}", "it has no strike: until it expires nothing values it")
    if expiry - time > MAX_OPTION_SECONDS:
        raise Unsupported(f"the option {name}", "it expires in more than 100 years")


Position: TypeAlias = Holding | Supply | Debt | Perp | Option
