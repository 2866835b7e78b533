"""What one comet says of itself, the same for every wallet: its base, its collaterals, prices, interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.compound_v3.calls import (
    ABSORB_PAUSED,
    ASSET_COUNT,
    ASSET_INFO,
    BASE_FEED,
    BASE_SCALE,
    BASE_TOKEN,
    BORROW_RATE,
    BUY_PAUSED,
    LATEST_ROUND,
    PRICE,
    SUPPLY_PAUSED,
    SUPPLY_RATE,
    SYMBOL,
    TOTALS,
    TRANSFER_PAUSED,
    UTILIZATION,
    WITHDRAW_PAUSED,
    AssetWord,
    Totals,
)
from adapters.compound_v3.interest import INDEX_SCALE, Accrual
from aggregator.contract import Column, Deployment, Read, ask, attempt, both, symbol_of
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.errors import (
    MalformedReply,
    ReadError,
    Unsupported,
    UnusablePrice,
)
from aggregator.model.units import Address

MOST_ASSETS = 24
"""As many bits as a wallet has for its collaterals."""

# What a pause stops, in words for the user, by the function that tells it.
PAUSES = {
    SUPPLY_PAUSED: "supply, repayment and new collateral",
    TRANSFER_PAUSED: "transfers",
    WITHDRAW_PAUSED: "withdrawal and borrowing",
    ABSORB_PAUSED: "absorption of failing accounts",
    BUY_PAUSED: "sale of absorbed collateral",
}


@dataclass(frozen=True, slots=True)
class Comet:
    """What must be known before the collaterals can be read. `paused` are functions of PAUSES."""

    address: Address
    base: Address
    base_feed: Address
    base_decimals: int
    assets: int
    totals: Totals
    utilization: int
    paused: tuple[str, ...]
    absorb_paused: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """The base or a collateral as listed; its price has 8 decimals, or is the error where there is none.

    Factors have 18 decimals and are 0 for the base.
    """

    asset: Asset
    address: Address
    feed: Address
    price: int | ReadError
    price_origin: str
    liquidate_factor: int = 0
    liquidation_factor: int = 0
    borrow_factor: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """A comet's collaterals by offset, before their prices, and its rates per second."""

    accrual: Accrual
    rows: tuple[Mapping[AssetWord, Any], ...]
    base_price: int | ReadError


@dataclass(frozen=True, slots=True)
class Market:
    """A comet with its base and its collaterals, in the order of a wallet's flags."""

    comet: Comet
    accrual: Accrual
    base: Listed
    collaterals: tuple[Listed, ...]


def identify(deployment: Deployment, time: int) -> Read[Comet]:
    """One round: the base, how many collaterals there are, indices, utilisation, what is paused.

    Raises Unsupported on a comet that was never initialised or lists more than 24 collaterals, MalformedReply
    on figures that no comet has.
    """
    at = deployment.addresses["comet"]
    [base, feed], ([scale, assets, utilization], ([totals], paused)) = yield from both(
        ask([BASE_TOKEN.at(at), BASE_FEED.at(at)]),
        both(
            ask([BASE_SCALE.at(at), ASSET_COUNT.at(at), UTILIZATION.at(at)]),
            both(ask([TOTALS.at(at)]), ask([function.at(at) for function in PAUSES])),
        ),
    )
    if totals.updated_at == 0:
        raise Unsupported(
            f"the comet {at}, which was never initialised", f"correct the address of {deployment.name}"
        )
    if totals.updated_at > time or min(totals.supply_index, totals.borrow_index) < INDEX_SCALE:
        raise MalformedReply(TOTALS.at(at).origin, f"no comet has these totals: {totals}")
    if assets > MOST_ASSETS:
        raise Unsupported(
            f"{assets} collaterals of {deployment.name}",
            f"its layout is not that of the comets with up to {MOST_ASSETS}; install a newer crossmargin",
        )
    stopped = dict(zip(PAUSES, paused, strict=True))
    return Comet(
        address=at,
        base=base,
        base_feed=feed,
        base_decimals=_decimals(scale, BASE_SCALE.at(at).origin),
        assets=assets,
        totals=totals,
        utilization=utilization,
        paused=tuple(PAUSES[function] for function, is_paused in stopped.items() if is_paused),
        absorb_paused=stopped[ABSORB_PAUSED],
    )


def read_terms(comet: Comet) -> Read[Terms]:
    """One round: the collaterals, the rates at the utilisation, and the base's price."""
    at, used = comet.address, comet.utilization
    (rows, [supply_rate, borrow_rate]), [base_price] = yield from both(
        both(_asset_rows(comet), ask([SUPPLY_RATE.at(at, used), BORROW_RATE.at(at, used)])),
        attempt([PRICE.at(at, comet.base_feed)]),
    )
    totals = comet.totals
    accrual = Accrual(totals.supply_index, totals.borrow_index, supply_rate, borrow_rate, totals.updated_at)
    return Terms(accrual, rows, base_price)


def read_market(
    deployment: Deployment, comet: Comet, terms: Terms, symbols: Mapping[AssetId, str]
) -> Read[Market]:
    """One round: prices and symbols of the collaterals. `symbols` are known without asking."""
    addresses = [comet.base, *(row[AssetWord.ASSET] for row in terms.rows)]
    feeds = [comet.base_feed, *(row[AssetWord.FEED] for row in terms.rows)]
    ids = [token_id(deployment.chain, address) for address in addresses]
    unknown = [i for i, asset in enumerate(ids) if asset not in symbols]
    prices, answers = yield from both(
        _prices(comet.address, feeds[1:]), attempt([SYMBOL.at(addresses[i]) for i in unknown])
    )
    told = {ids[i]: symbol_of(addresses[i], answer) for i, answer in zip(unknown, answers, strict=True)}
    named = {**told, **symbols}
    origin = f"{PRICE.canonical}@{comet.address}"

    def listed(i: int, decimals: int, price: int | ReadError, **factors: int) -> Listed:
        usable = UnusablePrice(ids[i], origin, price) if price == 0 else price
        return Listed(
            Asset(ids[i], named[ids[i]], decimals), addresses[i], feeds[i], usable, origin, **factors
        )

    collaterals = tuple(
        listed(
            i,
            _decimals(row[AssetWord.SCALE], ASSET_INFO.at(comet.address, i - 1).origin),
            price,
            liquidate_factor=row[AssetWord.LIQUIDATE_FACTOR],
            liquidation_factor=row[AssetWord.LIQUIDATION_FACTOR],
            borrow_factor=row[AssetWord.BORROW_FACTOR],
        )
        for i, (row, price) in enumerate(zip(terms.rows, prices, strict=True), start=1)
    )
    base = listed(0, comet.base_decimals, terms.base_price)
    return Market(comet, terms.accrual, base, collaterals)


def why_unpriced(listed: Listed, error: ReadError) -> Read[ReadError]:
    """The feed's own answer as UnusablePrice where it is zero or less, else the comet's error.

    The comet only reverts then. Takes a round more, for accounts that can't be valued anyway.
    """
    if isinstance(error, UnusablePrice):
        return error
    call = LATEST_ROUND.at(listed.feed)
    [answer] = yield from attempt([call])
    if isinstance(answer, ReadError) or answer[1] > 0:
        return error
    return UnusablePrice(f"{listed.asset.symbol} ({listed.asset.id})", call.origin, answer[1])


def _asset_rows(comet: Comet) -> Read[tuple[Mapping[AssetWord, Any], ...]]:
    """The collaterals by offset; raises MalformedReply where they are not numbered so, or one is twice."""
    if not comet.assets:
        return ()
    column: Column
    [column] = yield from ask([ASSET_INFO.each(comet.address, list(range(comet.assets)))])
    rows = tuple(
        dict(zip(AssetWord, row, strict=True))
        for row in zip(*(column.values(word) for word in AssetWord), strict=True)
    )
    origin = f"{ASSET_INFO.canonical}@{comet.address}"
    if [row[AssetWord.OFFSET] for row in rows] != list(range(comet.assets)):
        raise MalformedReply(origin, "the collaterals are not numbered in their order")
    if len({comet.base, *(row[AssetWord.ASSET] for row in rows)}) != comet.assets + 1:
        raise MalformedReply(origin, "a collateral is listed twice, or is the base")
    return rows


def _prices(comet: Address, feeds: Sequence[Address]) -> Read[list[int | ReadError]]:
    if not feeds:
        return []
    column: Column
    [column] = yield from ask([PRICE.each(comet, feeds)])
    return list(column.outcomes())


def _decimals(scale: int, origin: str) -> int:
    decimals = len(str(scale)) - 1
    if scale != 10**decimals or decimals > 18:
        raise MalformedReply(origin, f"{scale} is no scale of a token with up to 18 decimals")
    return decimals
