"""What all accounts of a deployment share: cash, the auction's terms, and the managers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adapters.derive_v2 import calls
from adapters.derive_v2.auction import Terms
from adapters.derive_v2.managers import (
    NOBODY,
    Manager,
    PortfolioManager,
    StandardManager,
    kind_of,
    named,
    read_manager,
)
from adapters.derive_v2.parameters import Library, library
from aggregator.contract import Calls, Deployment, Read, ask, attempt, both, join, symbol_of
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.rules import WAD
from aggregator.model.units import Address

K = TypeVar("K")

MOST_DECIMALS = 36


@dataclass(frozen=True, slots=True)
class System:
    """Where a deployment's parts are. `wrapped` is the token that cash is redeemed for.

    `managers` holds, in its place, why one of them can't be read.
    """

    deployment: Deployment
    wrapped: Address
    terms: Terms
    managers: Mapping[Address, Manager | ReadError]

    @property
    def sub_accounts(self) -> Address:
        """Who keeps balances, and the NFTs of accounts."""
        return self.deployment.addresses["sub_accounts"]

    @property
    def matching(self) -> Address | None:
        """Who holds accounts for their owners."""
        return self.deployment.addresses.get("matching")

    @property
    def cash(self) -> Address:
        """The asset that margins are counted in."""
        return self.deployment.addresses["cash"]

    @property
    def auction(self) -> Address:
        """Who sells accounts that fall short."""
        return self.deployment.addresses["auction"]

    def token_id(self, token: Address) -> AssetId:
        """The identity of a token here."""
        return token_id(self.deployment.chain, token)


@dataclass(frozen=True, slots=True)
class Shared:
    """What is read in the second round: cash and its token, and the tokens behind other collateral.

    `collateral_feeds` are those of a portfolio manager of version 2, by asset; `libraries` hold in their
    place why one of them can't be read.
    """

    token: Asset
    exchange_rate: int
    withdraw_fee: bool
    withdraw_blocked: bool
    wrapped: Mapping[Address, Address]
    collateral_feeds: Mapping[tuple[Address, Address], Address]
    libraries: Mapping[Address, Library | ReadError]


def read_system(deployment: Deployment) -> Read[System]:
    """The parts in one round; a manager that can't be read concerns its own accounts only."""
    at = deployment.addresses
    cash, auction = at["cash"], at["auction"]
    roles = [role for role in at if kind_of(role)]
    ([wrapped], ([terms], [cutoff])), managers = yield from both(
        both(
            ask([calls.WRAPPED.at(cash)]),
            both(ask([calls.TERMS.at(auction)]), ask([calls.CUTOFF.at(auction)])),
        ),
        join([read_manager(deployment, role) for role in roles], isolate=True),
    )
    if any(share > WAD for share in (terms[0], terms[1])) or terms[1] > terms[0]:
        raise MalformedReply(calls.TERMS.at(auction).origin, f"an auction that gets dearer: {terms}")
    return System(
        deployment=deployment,
        wrapped=wrapped,
        terms=Terms(*(*terms, cutoff)),
        managers={at[role]: named(manager, managers) for role, manager in zip(roles, managers, strict=True)},
    )


def read_shared(system: System, symbols: Mapping[AssetId, str]) -> Read[Shared]:
    """Tokens, collateral's feeds and libraries, in one round; what a broken asset lacks is left out."""
    bases = _bases(system)
    portfolios = [one for one in system.managers.values() if isinstance(one, PortfolioManager)]
    pairs = [(one.address, base) for one in portfolios if one.version == 2 for base in bases]
    libs = {one.lib: one.version for one in portfolios}
    (token, ([rate], [has_fee, is_blocked])), ((wrapped, feeds), libraries) = yield from both(
        both(
            read_token(system, system.wrapped, symbols),
            both(
                ask([calls.EXCHANGE_RATE.at(system.cash)]),
                ask([calls.WITHDRAW_FEE.at(system.cash), calls.WITHDRAW_BLOCKED.at(system.auction)]),
            ),
        ),
        both(
            both(
                _addresses([calls.WRAPPED.each(bases)] if bases else [], bases),
                _addresses(
                    [calls.COLLATERAL_FEED.each([m for m, _ in pairs], [b for _, b in pairs])]
                    if pairs
                    else [],
                    pairs,
                ),
            ),
            join([library(lib, version) for lib, version in libs.items()], isolate=True),
        ),
    )
    if rate > WAD:
        raise MalformedReply(calls.EXCHANGE_RATE.at(system.cash).origin, f"cash worth more than 1: {rate}")
    return Shared(
        token=token,
        exchange_rate=rate,
        withdraw_fee=has_fee,
        withdraw_blocked=is_blocked,
        wrapped=wrapped,
        collateral_feeds=feeds,
        libraries=dict(zip(libs, libraries, strict=True)),
    )


def _bases(system: System) -> list[Address]:
    """Collateral that some manager knows of, in the order of first mention."""
    found: dict[Address, None] = {}
    for manager in system.managers.values():
        if isinstance(manager, StandardManager):
            found |= {market.base: None for market in manager.markets.values() if market.base}
        elif isinstance(manager, PortfolioManager) and manager.market.base:
            found[manager.market.base] = None
    return list(found)


def _addresses(requests: Sequence[Calls], keys: Sequence[K]) -> Read[dict[K, Address]]:
    """Of one column, the addresses that there are, by what they were asked for."""
    return {
        key: address
        for column in (yield from ask(requests))
        for key, address in zip(keys, column.outcomes(), strict=True)
        if not isinstance(address, ReadError) and address != NOBODY
    }


def read_token(system: System, token: Address, symbols: Mapping[AssetId, str]) -> Read[Asset]:
    """A token; its symbol is the configuration's where that has one."""
    identity = system.token_id(token)
    [decimals], [symbol] = yield from both(
        ask([calls.TOKEN_DECIMALS.at(token)]), attempt([calls.TOKEN_SYMBOL.at(token)])
    )
    if decimals > MOST_DECIMALS:
        raise MalformedReply(calls.TOKEN_DECIMALS.at(token).origin, f"{decimals} decimals")
    return Asset(identity, symbols.get(identity) or symbol_of(token, symbol), decimals)


def token_behind(shared: Shared, base: Address) -> Read[Address]:
    """The token that an asset of collateral wraps; asked anew where no manager told of the asset."""
    if base in shared.wrapped:
        return shared.wrapped[base]
    [token] = yield from ask([calls.WRAPPED.at(base)])
    return token
