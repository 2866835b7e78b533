"""The local chain seen through the adapter, with traders on both sides at random states."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from adapters.gmx_v1.adapter import build
from adapters.gmx_v1.closing import ClosableGmxRule
from aggregator.contract import Adapter, Deployment, Deployments
from aggregator.model.accounts import Account
from aggregator.model.assets import Asset, Classification, ListedToken, token_id
from aggregator.model.readings import Reading
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.reading.run import Job
from tests.devnet.errors import TransactionReverted
from tests.devnet.gmx_v1 import GmxV1
from tests.devnet.tokens import KINDS
from tests.devnet.world import World
from tests.reading_kit import read_accounts, run_jobs

PRICES = {"ETH": 2_000, "BTC": 40_000}
COINS = {"WETH": "ETH", "WBTC": "BTC"}


@dataclass(frozen=True)
class Place:
    """Where a trader has a position."""

    user: str
    index: str
    collateral: str
    is_long: bool


@dataclass(frozen=True)
class Site:
    """The local chain with the adapter over its deployment."""

    world: World
    gmx: GmxV1
    adapter: Adapter
    deployment: Deployment

    @staticmethod
    def over(world: World, gmx: GmxV1) -> Site:
        """The adapter over one vault of a world, with the world's tokens listed."""
        entry, chain = gmx.deployment_entry(), ChainId(world.node.chain_id)
        addresses = {role: parse_address(address) for role, address in entry.addresses.items()}
        deployment = Deployment(entry.adapter, chain, entry.name, addresses, "local node")
        return Site(world, gmx, build(Deployments((deployment,), listed(world))), deployment)

    def with_addresses(self, addresses: dict[str, Address]) -> Site:
        """The same chain, the deployment configured otherwise."""
        there = replace(self.deployment, addresses=addresses)
        return replace(self, adapter=build(Deployments((there,), listed(self.world))), deployment=there)

    def reward(self, user: str, fees: int, escrowed: int) -> None:
        """What a staker may claim of both trackers."""
        self.gmx.fee_glp.send("setClaimable", user, fees)
        self.gmx.staked_glp.send("setClaimable", user, escrowed)

    def read(self, user: str) -> Reading:
        return read_accounts(self.world.node.url, self.adapter, user)

    def account(self, user: str) -> Account:
        """The only account of a user."""
        [found] = self.read(user).accounts
        return found

    def accounts(self, users: list[str]) -> list[Account]:
        """The only account of each user, at one block."""
        jobs = [Job(self.adapter, self.deployment, parse_address(user)) for user in users]
        run, _ = run_jobs(self.world.node.url, jobs, chain_id=self.deployment.chain)
        readings = [outcome.result for outcome in run.outcomes]
        assert all(isinstance(one, Reading) and not one.failures for one in readings), readings
        return [one.accounts[0] for one in readings if isinstance(one, Reading)]

    def crowd(self, seed: int, count: int) -> list[Place]:
        """Traders, each with one position at a random leverage and side; all are opened."""
        draw, places = random.Random(seed), []
        for user in map(str, self.world.spare[:count]):
            index, is_long = draw.choice(list(COINS)), draw.random() < 0.5
            place = Place(user, index, index if is_long else draw.choice(["USDC", "DAI"]), is_long)
            posted = draw.randrange(60, 4_000)
            self.grow(place, posted, posted * draw.choice((2, 9, 25, 45)))
            if draw.random() < 0.4:
                self.world.node.warp(draw.randrange(10, 20_000))
                with suppress(TransactionReverted):
                    self.grow(place, posted // 3, posted * 5)
            places.append(place)
        return places

    def grow(self, place: Place, posted: int, size: int) -> None:
        """Open or add to a position: so many dollars' worth of collateral, so many of size."""
        price = self.world.prices.quotes.usd(place.collateral)
        amount = round(Decimal(posted) / price, min(KINDS[place.collateral].decimals, 8))
        self.gmx.open(
            place.user, place.index, size=size, collateral=(place.collateral, amount), is_long=place.is_long
        )

    def move(self, draw: random.Random, warp: int) -> None:
        """Other prices, stablecoins' included, and time."""
        self.world.node.warp(warp)
        coins = {name: Decimal(price * draw.randrange(850, 1_151) // 1_000) for name, price in PRICES.items()}
        pegs = {name: Decimal(draw.randrange(985, 1_012)) / 1_000 for name in ("USDC", "DAI")}
        # Into the feeds of this protocol alone: no other one is looked at.
        quoted = self.world.prices
        quoted.restore(replace(quoted.quotes, **coins, **pegs))
        self.gmx.write_prices(quoted.quotes)

    def key(self, place: Place) -> tuple[Any, ...]:
        return (place.user, *self.gmx.place(place.index, place.collateral, is_long=place.is_long))

    def would_liquidate(self, place: Place) -> bool:
        """Whether a liquidation at the latest block would succeed, by trying it without sending it."""
        liquidator = self.gmx.site.account("liquidator")
        try:
            self.gmx.vault.call("liquidatePosition", *self.key(place), liquidator, sender=liquidator)
        except TransactionReverted:
            return False
        return True


def rule_of(account: Account) -> ClosableGmxRule:
    assert isinstance(account.rule, ClosableGmxRule)
    return account.rule


def listed(world: World) -> tuple[ListedToken, ...]:
    """The world's tokens as a configuration lists them."""
    chain, found = ChainId(world.node.chain_id), []
    for symbol, kind in KINDS.items():
        address = parse_address(world.tokens[symbol].address)
        asset = Asset(token_id(chain, address), symbol, kind.decimals)
        found.append(ListedToken(chain, address, asset, Classification(kind.underlying, kind.kind)))
    return tuple(found)
