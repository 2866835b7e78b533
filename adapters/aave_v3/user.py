"""What one market says of one wallet: its flags, its eMode category, its balances, the pool's own totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.aave_v3.calls import (
    ACCOUNT_DATA,
    EMODE_COLLATERAL,
    EMODE_CONFIG,
    EMODE_LTV_ZERO,
    EMODE_SINGLE,
    PRICE,
    SCALED_BALANCE,
    STABLE_PRINCIPAL,
    STABLE_RATE,
    STABLE_UPDATED,
    USER_CONFIGURATION,
    USER_EMODE,
)
from adapters.aave_v3.interest import StableDebt
from adapters.aave_v3.market import Market, Reserve
from adapters.aave_v3.pool import NO_ADDRESS, Pool
from aggregator.contract import Function, Read, ask, attempt, both, join, optional
from aggregator.model.errors import ReadError, Unsupported, UnusablePrice
from aggregator.model.units import Address

# getUserAccountData's health factor where nothing is owed.
NO_DEBT = 2**256 - 1


@dataclass(frozen=True, slots=True)
class PoolWord:
    """The pool's own totals in the base currency; `health` has 18 decimals, None without debt."""

    collateral: int
    debt: int
    health: int | None
    origin: str


@dataclass(frozen=True, slots=True)
class User:
    """A wallet in a pool: two flags per reserve id, an eMode category (0 is none), the pool's totals."""

    flags: int
    emode_category: int
    said: PoolWord | ReadError

    def uses_as_collateral(self, reserve: Reserve) -> bool:
        """Whether the pool counts the wallet's supply of a reserve."""
        return bool(self.flags >> (2 * reserve.id + 1) & 1)

    def borrows(self, reserve: Reserve) -> bool:
        """Whether the pool counts debt of the wallet in a reserve."""
        return bool(self.flags >> (2 * reserve.id) & 1)


@dataclass(frozen=True, slots=True)
class EMode:
    """An efficiency mode: another threshold and bonus for the collateral that belongs to it.

    `collateral_bitmap` has a bit per reserve id; None until V3.1, where each reserve names its category.
    `price_source` is what the oracle is asked for the one `price` of all reserves of the category, until V3.1
    and where it is an address; `price` is the error where the oracle gives none. `ltv_zero` are collaterals
    on which nobody may borrow in this mode, None until V3.5 and where they are not known.
    """

    category: int
    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    collateral_bitmap: int | None
    price_source: Address
    ltv_zero: int | None = None
    price: int | ReadError | None = None

    def covers(self, reserve: Reserve) -> bool:
        """Whether a reserve's collateral belongs to this category."""
        if self.collateral_bitmap is None:
            return reserve.emode_category == self.category
        return bool(self.collateral_bitmap >> reserve.id & 1)

    def blocks(self, reserve: Reserve) -> bool | None:
        """Whether nobody may borrow on a reserve that it covers; None where that is not known."""
        return None if self.ltv_zero is None else bool(self.ltv_zero >> reserve.id & 1)


@dataclass(frozen=True, slots=True)
class Balance:
    """What a wallet has in one reserve: scaled supply, scaled variable debt, debt at a stable rate."""

    supplied_scaled: int
    owed_scaled: int
    stable: StableDebt | None


def read_user(pool: Address, wallet: Address) -> Read[User]:
    """One round: flags, eMode category, and the pool's totals, which revert on an unusable price."""
    call = ACCOUNT_DATA.at(pool, wallet)
    [flags, category], [totals] = yield from both(
        ask([USER_CONFIGURATION.at(pool, wallet), USER_EMODE.at(pool, wallet)]), attempt([call])
    )
    if isinstance(totals, ReadError):
        return User(flags, category, totals)
    collateral, debt, _, _, _, health = totals
    said = PoolWord(collateral, debt, None if health == NO_DEBT else health, call.origin)
    return User(flags, category, said)


def read_emode(pool: Pool, category: int) -> Read[EMode | None]:
    """One round, none without a category."""
    if category == 0:
        return None
    if pool.version.emode_bitmaps:
        reads: list[Read[Any]] = [
            ask([EMODE_CONFIG.at(pool.address, category)]),
            ask([EMODE_COLLATERAL.at(pool.address, category)]),
        ]
        if pool.version.emode_ltv_zero:
            reads.append(optional(ask([EMODE_LTV_ZERO.at(pool.address, category)])))
        [(ltv, threshold, bonus)], [bitmap], *more = yield from join(reads)
        [[ltv_zero]] = more if more and more[0] else [[None]]
        return EMode(category, ltv, threshold, bonus, bitmap, NO_ADDRESS, ltv_zero)
    [(ltv, threshold, bonus, price_source, _)] = yield from ask([EMODE_SINGLE.at(pool.address, category)])
    return EMode(category, ltv, threshold, bonus, None, price_source)


def read_emode_price(pool: Pool, emode: EMode | None) -> Read[EMode | None]:
    """One round, none without a price source: the mode with its price, or with why there is none."""
    if emode is None or emode.price_source == NO_ADDRESS:
        return emode
    call = PRICE.at(pool.oracle, emode.price_source)
    [price] = yield from attempt([call])
    if price == 0:
        price = UnusablePrice(f"eMode category {emode.category} of the pool {pool.address}", call.origin, 0)
    return replace(emode, price=price)


def read_balances(market: Market, user: User, wallet: Address) -> Read[Mapping[int, Balance]]:
    """One round: balances by reserve id, those that are zero left out.

    Debt is only looked for where the wallet's flags say so: no other debt counts for the pool.
    Raises Unsupported for debt whose balance the pool discounts (GHO on V3.3).
    """
    version = market.pool.version
    borrowed = [reserve for reserve in market.reserves if user.borrows(reserve)]
    for reserve in borrowed:
        if version.discounted_debt and not reserve.virtual_accounting:
            raise Unsupported(
                f"debt in {reserve.asset.symbol} on Aave V{version.release}",
                "the pool discounts it; read a later block, after the market's upgrade to V3.4",
            )
    reads = [
        _column(SCALED_BALANCE, [reserve.a_token for reserve in market.reserves], wallet),
        _column(SCALED_BALANCE, [reserve.debt_token for reserve in borrowed], wallet),
    ]
    if version.stable_debt:
        tokens = [reserve.stable_debt_token for reserve in borrowed]
        reads += [_column(field, tokens, wallet) for field in (STABLE_PRINCIPAL, STABLE_RATE, STABLE_UPDATED)]
    supplied, owed, *stable = yield from join(reads)
    debts: dict[int, tuple[int, StableDebt | None]] = {}
    for i, reserve in enumerate(borrowed):
        principal = stable[0][i] if stable else 0
        debts[reserve.id] = owed[i], StableDebt(*(field[i] for field in stable)) if principal else None
    balances = {
        reserve.id: Balance(scaled, *debts.get(reserve.id, (0, None)))
        for reserve, scaled in zip(market.reserves, supplied, strict=True)
    }
    return {i: b for i, b in balances.items() if b.supplied_scaled or b.owed_scaled or b.stable}


def _column(function: Function[int], tokens: list[Address], wallet: Address) -> Read[list[int]]:
    if not tokens:
        return []
    [column] = yield from ask([function.each(tokens, wallet)])
    return column.values()
