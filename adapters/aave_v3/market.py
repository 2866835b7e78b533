"""What one market says of itself, the same for every wallet: its reserves, their prices and interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.aave_v3.calls import (
    BASE_CURRENCY,
    BASE_UNIT,
    GRACE_UNTIL,
    LATEST_ANSWER,
    LIQUIDATION_ALLOWED,
    PRICE,
    RESERVE_DATA,
    SOURCE,
    SYMBOL,
    ReserveWord,
)
from adapters.aave_v3.interest import Accrual
from adapters.aave_v3.pool import NO_ADDRESS, Pool
from aggregator.contract import Column, Deployment, Read, ask, attempt, both, symbol_of
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.units import Address


@dataclass(frozen=True, slots=True)
class Reserve:
    """One listed asset. `id` is its place in the pool's bitmaps, not in the list of reserves.

    `price` has the base currency's decimals; it is the error where the oracle gives none.
    `emode_category` is the only category of a reserve until V3.1. `bonus_bps`, `fee_bps` and `grace_until`
    are those of ReserveTerms, and `debt_ceiling` is its ceiling. All supply is at most `supply_cap` in the
    smallest unit (0: any); `factor_bps` of interest is the treasury's, which has `treasury_scaled` to come.
    """

    id: int
    address: Address
    asset: Asset
    threshold_bps: int
    bonus_bps: int
    fee_bps: int
    active: bool
    paused: bool
    flash_enabled: bool
    ltv_bps: int
    grace_until: int
    emode_category: int
    virtual_accounting: bool
    frozen: bool
    debt_ceiling: int
    supply_cap: int
    factor_bps: int
    treasury_scaled: int
    a_token: Address
    debt_token: Address
    stable_debt_token: Address
    accrual: Accrual
    price: int | ReadError
    price_origin: str

    @property
    def tokens(self) -> tuple[Address, ...]:
        """The pool's own tokens for supply and for debt, which have balances like any others."""
        own = (self.a_token, self.debt_token, self.stable_debt_token)
        return tuple(token for token in own if token != NO_ADDRESS)


@dataclass(frozen=True, slots=True)
class Market:
    """A pool with its reserves; prices have `base_decimals` in `quote` (None is USD).

    `sentinel_closed`: a price oracle sentinel allows no liquidation now.
    """

    pool: Pool
    base_decimals: int
    quote: AssetId | None
    sentinel_closed: bool
    reserves: tuple[Reserve, ...]


def read_market(deployment: Deployment, pool: Pool, symbols: Mapping[AssetId, str]) -> Read[Market]:
    """One round: data, price and symbol of every reserve. `symbols` are known without asking.

    Raises Unsupported where the oracle's base currency has no decimal unit, MalformedReply where balances by
    reserve id would not tell two reserves apart.
    """
    ids = {address: token_id(deployment.chain, address) for address in pool.assets}
    unknown = [address for address in pool.assets if ids[address] not in symbols]
    (base, closed), ((data, prices, graces), answers) = yield from both(
        both(_base(deployment, pool.oracle), _sentinel_closed(pool.sentinel)),
        both(_reserve_columns(pool), attempt([SYMBOL.at(address) for address in unknown])),
    )
    told = {
        ids[address]: symbol_of(address, answer) for address, answer in zip(unknown, answers, strict=True)
    }
    named = {**told, **symbols}
    rows = zip(*(data.values(word) for word in ReserveWord), strict=True)
    origin = f"{PRICE.canonical}@{pool.oracle}"
    reserves = tuple(
        _reserve(address, ids[address], named[ids[address]], row, grace, (price, origin))
        for address, row, grace, price in zip(
            pool.assets, rows, graces, _prices(prices, origin, ids, pool), strict=True
        )
    )
    if len({reserve.id for reserve in reserves}) != len(reserves):
        raise MalformedReply(f"{RESERVE_DATA.canonical}@{pool.address}", "two reserves have one id")
    return Market(pool, *base, closed, reserves)


def _base(deployment: Deployment, oracle: Address) -> Read[tuple[int, AssetId | None]]:
    """The decimals of the oracle's prices, and the token that they are counted in; none is USD."""
    [currency], [unit] = yield from both(ask([BASE_CURRENCY.at(oracle)]), ask([BASE_UNIT.at(oracle)]))
    decimals = len(str(unit)) - 1
    if unit != 10**decimals:
        raise Unsupported(
            f"the oracle {oracle} with the base currency unit {unit}",
            "only units of a power of ten can be read; remove the market's entry from the configuration",
        )
    return decimals, None if currency == NO_ADDRESS else token_id(deployment.chain, currency)


def _sentinel_closed(sentinel: Address) -> Read[bool]:
    """Whether the pool's question to its sentinel is answered with no, or not at all: it reverts then."""
    if sentinel == NO_ADDRESS:
        return False
    [allowed] = yield from attempt([LIQUIDATION_ALLOWED.at(sentinel)])
    if isinstance(allowed, (CallReverted, NoContract)):
        return True
    if isinstance(allowed, ReadError):
        raise allowed
    return not allowed


def _reserve_columns(pool: Pool) -> Read[tuple[Column, Column, Sequence[int]]]:
    requests = [RESERVE_DATA.each(pool.address, pool.assets), PRICE.each(pool.oracle, pool.assets)]
    if not pool.version.grace_period:
        data, prices = yield from ask(requests)
        return data, prices, [0] * len(pool.assets)
    data, prices, graces = yield from ask([*requests, GRACE_UNTIL.each(pool.address, pool.assets)])
    return data, prices, graces.values()


def _prices(
    column: Column, origin: str, ids: Mapping[Address, AssetId], pool: Pool
) -> Sequence[int | ReadError]:
    return [
        UnusablePrice(ids[address], origin, price) if price == 0 else price
        for address, price in zip(pool.assets, column.outcomes(), strict=True)
    ]


def _reserve(
    address: Address,
    asset_id: AssetId,
    symbol: str,
    row: Sequence[Any],
    grace_until: int,
    priced: tuple[int | ReadError, str],
) -> Reserve:
    field = dict(zip(ReserveWord, row, strict=True))
    # Bits of a reserve's configuration: ReserveConfigurationMap in DataTypes of every release.
    bits = field[ReserveWord.CONFIGURATION]
    return Reserve(
        id=field[ReserveWord.ID],
        address=address,
        asset=Asset(asset_id, symbol, bits >> 48 & 0xFF),
        threshold_bps=bits >> 16 & 0xFFFF,
        bonus_bps=bits >> 32 & 0xFFFF,
        fee_bps=bits >> 152 & 0xFFFF,
        active=bool(bits >> 56 & 1),
        paused=bool(bits >> 60 & 1),
        flash_enabled=bool(bits >> 63 & 1),
        ltv_bps=bits & 0xFFFF,
        grace_until=grace_until,
        emode_category=bits >> 168 & 0xFF,
        virtual_accounting=bool(bits >> 252 & 1),
        frozen=bool(bits >> 57 & 1),
        debt_ceiling=bits >> 212 & (1 << 40) - 1,
        supply_cap=(bits >> 116 & (1 << 36) - 1) * 10 ** (bits >> 48 & 0xFF),
        factor_bps=bits >> 64 & 0xFFFF,
        treasury_scaled=field[ReserveWord.TREASURY],
        a_token=field[ReserveWord.A_TOKEN],
        debt_token=field[ReserveWord.DEBT_TOKEN],
        stable_debt_token=field[ReserveWord.STABLE_DEBT_TOKEN],
        accrual=Accrual(
            liquidity_index=field[ReserveWord.LIQUIDITY_INDEX],
            liquidity_rate=field[ReserveWord.LIQUIDITY_RATE],
            borrow_index=field[ReserveWord.BORROW_INDEX],
            borrow_rate=field[ReserveWord.BORROW_RATE],
            updated_at=field[ReserveWord.UPDATED_AT],
        ),
        price=priced[0],
        price_origin=priced[1],
    )


def why_unpriced(oracle: Address, reserve: Reserve, error: ReadError) -> Read[ReadError]:
    """The price source's own answer as UnusablePrice where it is zero or less, else the oracle's error.

    The oracle only reverts then. Takes two more rounds, for accounts that can't be valued anyway.
    """
    if isinstance(error, UnusablePrice):
        return error
    [source] = yield from attempt([SOURCE.at(oracle, reserve.address)])
    if isinstance(source, ReadError):
        return error
    call = LATEST_ANSWER.at(source)
    [answer] = yield from attempt([call])
    if isinstance(answer, ReadError) or answer > 0:
        return error
    return UnusablePrice(f"{reserve.asset.symbol} ({reserve.asset.id})", call.origin, answer)
