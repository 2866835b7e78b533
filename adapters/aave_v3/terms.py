"""What a pool and its reserves ask beside health: of liquidations, of actions and of flash loans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.aave_v3.room import SupplyCap, cap_to_json, load_cap
from aggregator.model.rules import JsonValue
from aggregator.model.stored import entry, exact
from aggregator.model.units import Address, parse_address


@dataclass(frozen=True, slots=True)
class ReserveTerms:
    """One reserve's terms.

    `bonus_bps` is the whole factor (10500 is 5%), the eMode category's where the reserve belongs to it;
    `fee_bps` the treasury's part of the bonus; up to `grace_until` (Unix seconds) nobody is liquidated.
    `ltv_zero`: nobody may borrow on it. `lendable` is the cash that a flash loan may take, 0 where it lends
    none, and `cash` what may be taken out. A `frozen` reserve takes no supply. One with a debt `ceiling` (in
    the protocol's own unit, 0 is none) is collateral alone or not at all. `dormant` is the account's scaled
    supply that does not count. None is not known, as in what was stored before these were read, and no
    `supply_cap`.
    """

    bonus_bps: int
    fee_bps: int
    active: bool
    paused: bool
    grace_until: int
    ltv_zero: bool | None = None
    a_token: Address | None = None
    lendable: int | None = None
    frozen: bool | None = None
    ceiling: int | None = None
    dormant: int | None = None
    cash: int | None = None
    supply_cap: SupplyCap | None = None


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """The pool, its flash loans' premium in bps (None: not known), and when it was read, in Unix seconds."""

    address: Address
    premium_bps: int | None
    read_at: int


def terms_to_json(terms: ReserveTerms) -> dict[str, JsonValue]:
    """Data for load_terms; cash and a cap that are not known are left out, as before they were read.

    So a snapshot of that time is still what was saved, see `snapshot verify`.
    """
    data: dict[str, JsonValue] = {
        "bonus_bps": terms.bonus_bps,
        "fee_bps": terms.fee_bps,
        "active": terms.active,
        "paused": terms.paused,
        "grace_until": terms.grace_until,
        "ltv_zero": terms.ltv_zero,
        "a_token": terms.a_token,
        "lendable": None if terms.lendable is None else str(terms.lendable),
        "frozen": terms.frozen,
        "ceiling": None if terms.ceiling is None else str(terms.ceiling),
        "dormant": None if terms.dormant is None else str(terms.dormant),
    }
    if terms.cash is not None:
        data["cash"] = str(terms.cash)
    if terms.supply_cap is not None:
        data["supply_cap"] = cap_to_json(terms.supply_cap)
    return data


def load_terms(data: Mapping[str, JsonValue]) -> ReserveTerms:
    """The terms of a stored rule; raises ValueError on data of another shape, as `load_pool` does."""
    return ReserveTerms(
        bonus_bps=entry(data, "bonus_bps", int),
        fee_bps=entry(data, "fee_bps", int),
        active=entry(data, "active", bool),
        paused=entry(data, "paused", bool),
        grace_until=entry(data, "grace_until", int),
        ltv_zero=None if data.get("ltv_zero") is None else entry(data, "ltv_zero", bool),
        a_token=None if data.get("a_token") is None else parse_address(entry(data, "a_token", str)),
        lendable=None if data.get("lendable") is None else exact(data, "lendable"),
        frozen=None if data.get("frozen") is None else entry(data, "frozen", bool),
        ceiling=None if data.get("ceiling") is None else exact(data, "ceiling"),
        dormant=None if data.get("dormant") is None else exact(data, "dormant"),
        cash=None if data.get("cash") is None else exact(data, "cash"),
        supply_cap=None if data.get("supply_cap") is None else load_cap(entry(data, "supply_cap", dict)),
    )


def pool_to_json(pool: PoolTerms) -> dict[str, JsonValue]:
    """Data for load_pool."""
    return {"address": pool.address, "premium_bps": pool.premium_bps, "read_at": pool.read_at}


def load_pool(data: Mapping[str, JsonValue]) -> PoolTerms:
    """The pool of a stored rule."""
    premium = None if data.get("premium_bps") is None else entry(data, "premium_bps", int)
    return PoolTerms(parse_address(entry(data, "address", str)), premium, entry(data, "read_at", int))
