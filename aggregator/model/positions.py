"""What an account holds. Amounts are integers in the smallest unit; USD is derived, never stored here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from aggregator.model.assets import Asset, AssetId


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
    """An option.

    `size_raw` is signed (written < 0). `strike_raw`, `mark_raw` (per unit, None where the protocol gives
    none) and `forward_raw` have `price_decimals` in `settlement`; `expiry` in Unix seconds;
    `iv` is annualised (0.65 is 65%), None where unknown; `rate` is continuous per year.
    """

    instrument: str
    index: AssetId
    underlying: str
    right: Literal["call", "put"]
    style: Literal["european", "american"]
    size_raw: int
    size_decimals: int
    strike_raw: int
    price_decimals: int
    expiry: int
    settlement: Asset
    mark_raw: int | None
    iv: float | None
    iv_source: str | None
    rate: float
    origin: str


Position: TypeAlias = Holding | Supply | Debt | Perp | Option
