"""What one market says of itself, the same for every wallet: its reserves, their prices and interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.aave_v3.calls import (
    BASE_CURRENCY,
    BASE_UNIT,
    LATEST_ANSWER,
    PRICE,
    PRICE_ORACLE,
    RESERVE_DATA,
    RESERVES,
    REVISION,
    SOURCE,
    SYMBOL,
    ReserveWord,
)
from adapters.aave_v3.interest import Accrual
from adapters.aave_v3.versions import Version, version_of
from aggregator.contract import Column, Deployment, Read, ask, attempt, both
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

NO_ADDRESS = Address("0x" + "0" * 40)


@dataclass(frozen=True, slots=True)
class Pool:
    """A market's pool with what must be known before its reserves can be read."""

    address: Address
    revision: int
    version: Version
    oracle: Address
    assets: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Reserve:
    """One listed asset. `id` is its place in the pool's bitmaps, not in the list of reserves.

    `price` has the base currency's decimals; it is the error where the oracle gives none.
    `emode_category` is the only category of a reserve until V3.1.
    """

    id: int
    address: Address
    asset: Asset
    threshold_bps: int
    paused: bool
    emode_category: int
    virtual_accounting: bool
    a_token: Address
    debt_token: Address
    stable_debt_token: Address
    accrual: Accrual
    price: int | ReadError
    price_origin: str


@dataclass(frozen=True, slots=True)
class Market:
    """A pool with its reserves; prices are in USD with `base_decimals`."""

    pool: Pool
    base_decimals: int
    reserves: tuple[Reserve, ...]


def identify(deployment: Deployment) -> Read[Pool]:
    """One round: the pool's revision, its reserves, and the oracle that it asks now.

    Raises Unsupported on a revision that versions.py does not know.
    """
    pool = deployment.addresses["pool"]
    provider = deployment.addresses["addresses_provider"]
    [revision], ([assets], [oracle]) = yield from both(
        ask([REVISION.at(pool)]), both(ask([RESERVES.at(pool)]), ask([PRICE_ORACLE.at(provider)]))
    )
    return Pool(pool, revision, version_of(revision, deployment.name), oracle, assets)


def read_market(deployment: Deployment, pool: Pool, symbols: Mapping[AssetId, str]) -> Read[Market]:
    """One round: data, price and symbol of every reserve. `symbols` are known without asking.

    Raises Unsupported where the oracle's base currency is not USD.
    """
    ids = {address: token_id(deployment.chain, address) for address in pool.assets}
    unknown = [address for address in pool.assets if ids[address] not in symbols]
    base, ((data, prices), answers) = yield from both(
        _base_decimals(pool.oracle),
        both(_reserve_columns(pool), attempt([SYMBOL.at(address) for address in unknown])),
    )
    told = {ids[address]: _symbol(address, answer) for address, answer in zip(unknown, answers, strict=True)}
    named = {**told, **symbols}
    rows = zip(*(data.values(word) for word in ReserveWord), strict=True)
    origin = f"{PRICE.canonical}@{pool.oracle}"
    reserves = tuple(
        _reserve(address, ids[address], named[ids[address]], row, price, origin)
        for address, row, price in zip(pool.assets, rows, _prices(prices, origin, ids, pool), strict=True)
    )
    return Market(pool, base, reserves)


def _symbol(address: Address, answer: str | ReadError) -> str:
    """A token's own name for itself; its address where it has none, or one that is no text (bytes32)."""
    if isinstance(answer, (CallReverted, MalformedReply, NoContract)):
        return address
    if isinstance(answer, ReadError):
        raise answer
    return answer


def _base_decimals(oracle: Address) -> Read[int]:
    [currency], [unit] = yield from both(ask([BASE_CURRENCY.at(oracle)]), ask([BASE_UNIT.at(oracle)]))
    decimals = len(str(unit)) - 1
    if currency != NO_ADDRESS or unit != 10**decimals:
        raise Unsupported(
            f"the oracle {oracle} with base currency {currency} and unit {unit}",
            "only markets that price in USD can be read; remove the market's entry from the configuration",
        )
    return decimals


def _reserve_columns(pool: Pool) -> Read[tuple[Column, Column]]:
    [data], [prices] = yield from both(
        ask([RESERVE_DATA.each(pool.address, pool.assets)]), ask([PRICE.each(pool.oracle, pool.assets)])
    )
    return data, prices


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
    price: int | ReadError,
    price_origin: str,
) -> Reserve:
    field = dict(zip(ReserveWord, row, strict=True))
    # Bits of a reserve's configuration: ReserveConfigurationMap in DataTypes of every release.
    bits = field[ReserveWord.CONFIGURATION]
    return Reserve(
        id=field[ReserveWord.ID],
        address=address,
        asset=Asset(asset_id, symbol, bits >> 48 & 0xFF),
        threshold_bps=bits >> 16 & 0xFFFF,
        paused=bool(bits >> 60 & 1),
        emode_category=bits >> 168 & 0xFF,
        virtual_accounting=bool(bits >> 252 & 1),
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
        price=price,
        price_origin=price_origin,
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
