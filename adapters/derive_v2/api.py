"""What is asked of Derive's public HTTP API, and its answers in integers.

Source: docs.derive.xyz, API reference of version 3 (0.2.0): `public/get_subaccounts`, `public/margin_watch`,
the JSON-RPC envelope in which a POST of the parameters is answered. What the rows of `collaterals` and
`positions` hold is told for version 2 of the API only. Nothing of this was seen answering: whatever does not
fit is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Literal, NamedTuple

from adapters.derive_v2.overview import MOST_ACCOUNTS, MOST_BALANCES
from aggregator.contract import Http, Row
from aggregator.model.errors import VenueRefused
from aggregator.model.rules import WAD
from aggregator.model.units import Address, checksum

DECIMALS = 18
_MOST = 10**12 * WAD
"""No figure of an account is larger."""
_APART_PERCENT = 1
"""How far the worth of an account may be from that of its parts."""
_CONTEXT = Context(prec=400)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_PERP = re.compile(r"([A-Z0-9]{1,16})-PERP")
_OPTION = re.compile(r"([A-Z0-9]{1,16})-(20[0-9]{6})-([0-9]{1,9}(?:\.[0-9]{1,9})?)-([CP])")
_EXPIRY_HOUR = 8


class Series(NamedTuple):
    """Which option: of what, when it expires in Unix seconds, its strike with 18 decimals."""

    underlying: str
    expiry: int
    strike: int
    right: Literal["call", "put"]


@dataclass(frozen=True, slots=True)
class Collateral:
    """So much of an asset that the venue calls by a name; figures with 18 decimals, prices in USD."""

    name: str
    amount: int
    price: int
    value: int


@dataclass(frozen=True, slots=True)
class Instrument:
    """A perp (`series` is None) or an option; `value` is what closing it brings, in USD with 18 decimals."""

    name: str
    underlying: str
    series: Series | None
    amount: int
    mark: int
    index: int
    value: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What the venue says of an account at a time, in USD with 18 decimals; margins below zero are missing.

    `is_eased`: the maintenance margin is lowered for a while.
    """

    account: int
    time: int
    value: int
    maintenance: int
    initial: int
    is_eased: bool
    collaterals: tuple[Collateral, ...]
    instruments: tuple[Instrument, ...]

    @property
    def has_anything(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.collaterals or self.instruments)


def subaccounts(venue: str, wallet: Address) -> Http[tuple[int, ...]]:
    """The numbers of a wallet's accounts."""
    return Http.post(venue, "/public/get_subaccounts", _Listed(venue, wallet), wallet=checksum(wallet))


def margin_watch(venue: str, account: int) -> Http[Watched]:
    """An account's worth, margins and holdings."""
    return Http.post(venue, "/public/margin_watch", _Watched(venue, account), subaccount_id=account)


@dataclass(frozen=True, slots=True)
class _Listed:
    """Equal for equal requests, as a function made anew would not be."""

    venue: str
    wallet: Address

    def __call__(self, reply: Row) -> tuple[int, ...]:
        result = _result(self.venue, reply)
        if result.address("wallet") != self.wallet:
            raise ValueError(f"it is about {result.address('wallet')}, not {self.wallet}")
        numbers = result.at("subaccount_ids")
        if not isinstance(numbers, list) or not all(type(one) is int and 0 <= one < 2**63 for one in numbers):
            raise ValueError("subaccount_ids is no list of numbers")
        if len(numbers) > MOST_ACCOUNTS or len(set(numbers)) != len(numbers):
            raise ValueError(f"{len(numbers)} accounts, not up to {MOST_ACCOUNTS} distinct ones")
        return tuple(sorted(numbers))


@dataclass(frozen=True, slots=True)
class _Watched:
    venue: str
    account: int

    def __call__(self, reply: Row) -> Watched:
        result = _result(self.venue, reply)
        if result.integer("subaccount_id") != self.account:
            raise ValueError(f"it is about account {result.integer('subaccount_id')}, not {self.account}")
        time = result.moment("valuation_timestamp")
        _checked_time(time)
        collaterals = [_collateral(row) for row in result.rows("collaterals")]
        instruments = [_instrument(row) for row in result.rows("positions")]
        names = [*(one.name for one in collaterals), *(one.series or one.name for one in instruments)]
        if len(names) > MOST_BALANCES or len(set(names)) != len(names):
            raise ValueError(f"{len(names)} holdings, not up to {MOST_BALANCES} distinct ones")
        found = Watched(
            account=self.account,
            time=time,
            value=_figure(result, "subaccount_value"),
            maintenance=_figure(result, "maintenance_margin"),
            initial=_figure(result, "initial_margin"),
            is_eased=result.flag("is_delayed_liquidation"),
            collaterals=tuple(one for one in collaterals if one.amount),
            instruments=tuple(one for one in instruments if one.amount),
        )
        _check_sum(found)
        return found


def _result(venue: str, reply: Row) -> Row:
    """What a JSON-RPC reply holds; raises VenueRefused where that is an error."""
    if reply.get("error") is not None:
        error = Row({"error": reply["error"]})
        raise VenueRefused(
            venue, f"{error.text('error', 'message')[:200]} (code {error.integer('error', 'code')})"
        )
    result = reply.at("result")
    if not isinstance(result, dict):
        raise ValueError("result is no object")
    return Row(result)


def _collateral(row: Row) -> Collateral:
    name = row.text("asset_name")
    if not _NAME.fullmatch(name):
        raise ValueError(f"asset_name is no name: {name[:60]!r}")
    found = Collateral(name, _figure(row, "amount"), _figure(row, "mark_price"), _figure(row, "mark_value"))
    if found.amount and found.price <= 0:
        raise ValueError(f"the price of {name} is not above zero")
    _check_worth(name, found.amount, found.price, found.value)
    return found


def _instrument(row: Row) -> Instrument:
    name, kind = row.text("instrument_name"), row.text("instrument_type")
    perp, option = _PERP.fullmatch(name), _OPTION.fullmatch(name)
    if kind not in ("perp", "option") or (perp if kind == "perp" else option) is None:
        raise ValueError(f"{name[:60]!r} is no {kind[:20]!r} that is known here")
    series = _series(*option.groups()) if option is not None else None
    underlying = series.underlying if series is not None else name.partition("-")[0]
    found = Instrument(
        name=name,
        underlying=underlying,
        series=series,
        amount=_figure(row, "amount"),
        mark=_figure(row, "mark_price"),
        index=_figure(row, "index_price"),
        value=_figure(row, "mark_value"),
    )
    if found.index <= 0 or found.mark < 0 or (series is None and found.mark == 0):
        raise ValueError(f"the prices of {name} are not above zero")
    if series is not None:  # a perp is worth its profit
        _check_worth(name, found.amount, found.mark, found.value)
    return found


def _series(underlying: str, day: str, strike: str, right: str) -> Series:
    moment = datetime.strptime(day, "%Y%m%d").replace(hour=_EXPIRY_HOUR, tzinfo=UTC)
    price = _units(Decimal(strike))
    if price <= 0:
        raise ValueError(f"a strike of {strike}")
    return Series(underlying, int(moment.timestamp()), price, "call" if right == "C" else "put")


def _figure(row: Row, name: str) -> int:
    return _units(row.decimal(name), name)


def _units(value: Decimal, name: str = "a figure") -> int:
    """With 18 decimals, rounded down: what falls short of zero stays below it."""
    raw = int(value.scaleb(DECIMALS, _CONTEXT).to_integral_value(ROUND_FLOOR, _CONTEXT))
    if abs(raw) > _MOST:
        raise ValueError(f"{name} is too large for an account: {value:.3g}")
    return raw


def _checked_time(time: int) -> None:
    if not 1_600_000_000 < time < 10**10:
        raise ValueError(f"valuation_timestamp is no time in seconds: {time}")


def _check_worth(name: str, amount: int, price: int, value: int) -> None:
    """The account is valued at amounts and prices, and the venue's margins at what it is worth to it."""
    worth = amount * price // WAD
    if abs(worth - value) > abs(worth) * _APART_PERCENT // 100 + WAD:
        raise ValueError(
            f"mark_value of {name} is {value / WAD:.2f}, and at its price it is {worth / WAD:.2f}"
        )


def _check_sum(found: Watched) -> None:
    """Its worth must be that of its parts: else one is missing, or means something else than is read here."""
    values = [*(one.value for one in found.collaterals), *(one.value for one in found.instruments)]
    if abs(sum(values) - found.value) > sum(map(abs, values)) * _APART_PERCENT // 100 + WAD:
        told = [f"{one / WAD:.2f}" for one in (found.value, sum(values))]
        raise ValueError(f"subaccount_value is {told[0]}, and what is held is worth {told[1]}")
