"""A deployment's managers: which assets and feeds each of them knows, in one round.

Addresses that name a manager begin with `srm`, `pmrm2` or `pmrm`. What follows a portfolio manager's kind
names its underlying, where no market of the standard manager has the same perp or option: `pmrm_eth`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from adapters.derive_v2 import calls
from adapters.derive_v2.shocks import Scenario, VolShock
from aggregator.contract import Calls, Column, Deployment, Read, ask, both
from aggregator.model.errors import BadConfiguration, MalformedReply, ReadError, Unsupported
from aggregator.model.rules import WAD
from aggregator.model.units import Address

FIRST = 64
"""Markets that are asked for at once, before it is known how many there are."""
MOST_MARKETS = 254
"""The standard manager's own viewer looks no further."""
MOST_SCENARIOS = 64
OPTION, PERPETUAL, BASE = 1, 2, 3
NOBODY = Address("0x" + 40 * "0")
_KINDS = ("srm", "pmrm2", "pmrm")
_NAME_LENGTH = 32


@dataclass(frozen=True, slots=True)
class MarketAt:
    """Where a market's assets and feeds are; None for those that it lacks."""

    name: str
    option: Address | None
    perp: Address | None
    base: Address | None
    spot: Address
    forward: Address
    vol: Address
    rate: Address | None

    @property
    def assets(self) -> tuple[Address, ...]:
        """The assets that it has."""
        return tuple(one for one in (self.option, self.perp, self.base) if one is not None)


@dataclass(frozen=True, slots=True)
class StandardManager:
    """The standard manager with its markets by number."""

    address: Address
    stable_feed: Address
    depeg_threshold: int
    depeg_factor: int
    markets: Mapping[int, MarketAt]


@dataclass(frozen=True, slots=True)
class PortfolioManager:
    """A portfolio manager of version 1 or 2 with its only market."""

    address: Address
    version: int
    stable_feed: Address
    market: MarketAt
    lib: Address
    scenarios: tuple[Scenario, ...]


Manager: TypeAlias = StandardManager | PortfolioManager


def kind_of(role: str) -> str | None:
    """Which manager a role of the deployment's addresses names; None for other roles."""
    return next((kind for kind in _KINDS if role == kind or role.startswith(f"{kind}_")), None)


def names_of(deployment: Deployment) -> Mapping[int, str]:
    """What `options.markets` calls the standard manager's markets, by number.

    Raises BadConfiguration where that is no table of names.
    """
    given = deployment.options.get("markets", {})
    if not isinstance(given, Mapping) or not all(
        key.isdecimal() and isinstance(name, str) and name for key, name in given.items()
    ):
        raise BadConfiguration(deployment.key, "options.markets should be a table of names by number")
    return {int(key): name for key, name in given.items()}


def read_manager(deployment: Deployment, role: str) -> Read[Manager]:
    """The manager that a role names."""
    address = deployment.addresses[role]
    if kind_of(role) == "srm":
        return (yield from _standard(deployment, address))
    version = 2 if kind_of(role) == "pmrm2" else 1
    return (yield from _portfolio(address, version, role.partition("_")[2].upper() or role))


def _standard(deployment: Deployment, address: Address) -> Read[StandardManager]:
    ([last], [stable]), ([(threshold, factor)], (columns, logs)) = yield from both(
        both(ask([calls.LAST_MARKET.at(address)]), ask([calls.STABLE_FEED.at(address)])),
        both(
            ask([calls.DEPEG.at(address)]),
            both(
                ask(_columns(address, range(1, FIRST + 1))),
                ask([calls.MARKET_CREATED.logs(address, from_block=deployment.first_block or 0)]),
            ),
        ),
    )
    origin = calls.LAST_MARKET.at(address).origin
    if last > MOST_MARKETS:
        raise Unsupported(f"{last} markets ({origin})", f"at most {MOST_MARKETS} are read")
    more: Sequence[Column] = ()
    if last > FIRST:
        more = yield from ask(_columns(address, range(FIRST + 1, last + 1)))
    created = (calls.MARKET_CREATED.decode(log) for log in logs[0])
    names = {one.market: one.name for one in created} | dict(names_of(deployment))
    called = [_checked(names.get(number, ""), number, origin) for number in range(1, last + 1)]
    markets = _markets(called[:FIRST], columns) + (_markets(called[FIRST:], more) if more else [])
    return StandardManager(address, stable, threshold, factor, dict(enumerate(markets, start=1)))


def _columns(address: Address, numbers: range) -> list[Calls]:
    kinds = (OPTION, PERPETUAL, BASE)
    return [
        *(calls.ASSET_OF_MARKET.each(address, numbers, kind) for kind in kinds),
        calls.MARKET_FEEDS.each(address, numbers),
    ]


def _markets(names: Sequence[str], columns: Sequence[Column]) -> list[MarketAt]:
    """The first markets of the columns, as many as there are names."""
    options, perps, bases, feeds = columns
    found = zip(
        names,
        *(column.values() for column in (options, perps, bases)),
        *(feeds.values(word) for word in range(3)),
        strict=False,
    )
    return [
        MarketAt(name, _there(option), _there(perp), _there(base), spot, forward, vol, rate=None)
        for name, option, perp, base, spot, forward, vol in found
    ]


def _there(address: Address) -> Address | None:
    return None if address == NOBODY else address


def _checked(name: str, number: int, origin: str) -> str:
    """A name that can be shown; markets without one are called by their number."""
    if not name:
        return f"market {number}"
    if len(name) > _NAME_LENGTH or not name.isascii() or not name.isprintable():
        raise MalformedReply(origin, f"the name of market {number} is no short text: {name[:64]!r}")
    return name


def _portfolio(address: Address, version: int, name: str) -> Read[PortfolioManager]:
    parts = (calls.OPTION, calls.PERP, calls.SPOT_FEED, calls.FORWARD_FEED, calls.VOL_FEED, calls.RATE_FEED)
    further = (calls.STABLE_FEED, calls.LIB, *((calls.BASE_ASSET,) if version == 1 else ()))
    found, scenarios = yield from both(
        ask([function.at(address) for function in (*parts, *further)]), _scenarios(address, version)
    )
    option, perp, spot, forward, vol, rate, stable, lib, *base = found
    held_alone = _there(base[0]) if base else None
    market = MarketAt(name, _there(option), _there(perp), held_alone, spot, forward, vol, rate)
    return PortfolioManager(address, version, stable, market, lib, scenarios)


def _scenarios(address: Address, version: int) -> Read[tuple[Scenario, ...]]:
    if version == 1:
        [pairs] = yield from ask([calls.SCENARIOS.at(address)])
        rows = tuple((spot, shock, WAD) for spot, shock in pairs)
        known = {VolShock.NONE, VolShock.UP, VolShock.DOWN}
    else:
        [rows] = yield from ask([calls.SCENARIOS_2.at(address)])
        known = set(VolShock)
    if not 0 < len(rows) <= MOST_SCENARIOS or any(shock not in known for _, shock, _ in rows):
        origin = calls.SCENARIOS.at(address).origin
        raise MalformedReply(origin, f"{len(rows)} scenarios, not up to {MOST_SCENARIOS} known ones")
    return tuple(Scenario(spot, VolShock(shock), damping) for spot, shock, damping in rows)


def named(manager: Manager | ReadError, others: Iterable[Manager | ReadError]) -> Manager | ReadError:
    """The manager, its market named as that of a standard manager which has the same perp or option."""
    if not isinstance(manager, PortfolioManager):
        return manager
    same = {manager.market.option, manager.market.perp} - {None}
    for other in others:
        if isinstance(other, StandardManager):
            for market in other.markets.values():
                if same & {market.option, market.perp}:
                    return replace(manager, market=replace(manager.market, name=market.name))
    return manager
