"""The local chain seen through the adapter, for the tests that ask the stand-ins themselves."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from adapters.gmx_v2.adapter import build
from adapters.gmx_v2.calls import RawMarket
from adapters.gmx_v2.margin import GmxRule
from aggregator.contract import Adapter, Call, Calls, Deployment, Deployments, Function, Request
from aggregator.model.accounts import Account
from aggregator.model.readings import Reading
from aggregator.model.rules import prices_of
from aggregator.model.units import Address, ChainId, parse_address
from tests.adapters.gmx_v2 import states
from tests.devnet.gmx_v2 import GmxV2, Held
from tests.devnet.gmx_v2_deploy import FEEDS, MARKETS, decimals_of
from tests.devnet.world import World
from tests.reading_kit import Change, altered, pin, read_accounts, run_read


@dataclass(frozen=True)
class Site:
    """The local chain with the adapter over its deployment."""

    world: World
    adapter: Adapter
    deployment: Deployment

    @property
    def gmx(self) -> GmxV2:
        """The deployment's kit."""
        return self.world.gmx_v2

    def read(self, user: str) -> Reading:
        """What the adapter reads of a user now."""
        return read_accounts(self.world.node.url, self.adapter, user)

    def accounts(self, *positions: Held) -> list[Account]:
        """The accounts of positions of one user, by one read."""
        reading = self.read(positions[0].user)
        assert not reading.failures, reading.failures
        found = {one.id: one for one in reading.accounts}
        return [found[self._name(one)] for one in positions]

    def _name(self, held: Held) -> str:
        side = "long" if held.is_long else "short"
        parts = (self.gmx.market(held.market), held.user, f"{self.gmx.token(held.collateral)}-{side}")
        return ":".join(("gmx_v2", str(self.deployment.chain), *parts)).lower()

    def account(self, held: Held) -> Account:
        """The account of one position."""
        [found] = self.accounts(held)
        return found

    def rules(self, *positions: Held) -> list[GmxRule]:
        """The rules of positions of one user, by one read."""
        found = [one.rule for one in self.accounts(*positions)]
        assert all(isinstance(one, GmxRule) for one in found)
        return [one for one in found if isinstance(one, GmxRule)]

    def rule(self, held: Held) -> GmxRule:
        """The rule of one position."""
        [rule] = self.rules(held)
        return rule

    def now(self) -> int:
        """Time of the latest block."""
        return pin(self.world.node.url).timestamp

    def raw(self, market: str) -> RawMarket:
        """A market's addresses."""
        kind = MARKETS[market]
        tokens = (self.gmx.token(one) for one in (kind.index, kind.long, kind.short))
        return RawMarket(parse_address(self.gmx.market(market)), *map(parse_address, tokens))

    def tokens(self) -> dict[Address, tuple[int, int]]:
        """Decimals and prices of all tokens."""
        return {parse_address(self.gmx.token(one)): (decimals_of(one), self.gmx.price(one)) for one in FEEDS}

    def crowd(self, draw: random.Random, *, settled: bool = False) -> list[Held]:
        """Random prices, and random states of all markets, with all positions that one user can have there.

        `settled`: nothing has accrued since the last settlement.
        """
        gmx = self.gmx
        found: dict[Held, tuple[int, ...]] = {}
        for feed, low, high in (("ETH", 900, 4_000), ("BTC", 20_000, 90_000)):
            gmx.set_price(feed, int(draw.uniform(low, high) * 10**8))
        gmx.set_price("USDC", draw.choice((10**8, 99_870_000, 100_200_000)))
        prices, now = self.tokens(), self.world.node.timestamp
        user = f"0x{draw.randbytes(20).hex()}"
        if draw.random() < 0.4:
            gmx.referrals.send("setDiscount", user, draw.randrange(10**29))
        for market, kind in MARKETS.items():
            raw = self.raw(market)
            values = states.state(draw, raw, prices, now)
            for side in (True, False):
                for token in dict.fromkeys((kind.long, kind.short)):
                    collateral = parse_address(gmx.token(token))
                    drawn = states.position(
                        draw, values, raw, prices, now, collateral=collateral, is_long=side
                    )
                    found[Held(user, market, token, side)] = drawn.row
            states.total_borrowing(values, raw)
            if settled:
                values.settle(raw)
            gmx.set(uints=values.uints, ints=values.ints, bools=values.flags, bytes32s=values.words)
        gmx.write_positions(user, found)
        return list(found)

    def said(self, held: Held, rule: GmxRule, prices: dict[Any, int]) -> tuple[bool, int, int]:
        """The Reader's own test at prices of the rule's feeds: its flag, what is left and what must be."""
        at = self.gmx.addresses
        market = rule.market
        pairs = market.prices(prices)
        every = tuple((one.low, one.high) for one in (pairs.index, pairs.long, pairs.short))
        about = (at["data_store"], at["referral_storage"], self.gmx.position_key(held))
        raw = tuple(self.raw(held.market))
        flag, _, test = self.gmx.reader.call("isPositionLiquidatable", *about, raw, every, True, True)  # noqa: FBT003
        need = max(test["minCollateralUsd"], test["minCollateralUsdForLeverage"], 1)
        return flag, test["remainingCollateralUsd"], need

    def tampered(self, user: str, change: Change) -> Reading:
        """A read of a user whose replies are changed on the way; raises what it raises."""
        block = pin(self.world.node.url)
        read = self.adapter.read(self.deployment, parse_address(user), block)
        return run_read(self.world.node.url, self.deployment.chain, altered(read, change))


def site_of(world: World, **other: str) -> Site:
    """The adapter over a world's deployment, with other addresses for some roles."""
    entry = world.gmx_v2.deployment_entry()
    addresses = {role: parse_address(text) for role, text in {**entry.addresses, **other}.items()}
    chain = ChainId(world.node.chain_id)
    deployment = Deployment(
        entry.adapter, chain, entry.name, addresses, "local node", options=dict(entry.options)
    )
    return Site(world, build(Deployments((deployment,), ())), deployment)


def answer(function: Function[Any], value: Any) -> Change:
    """Another reply to every single call of a function: a value, or what is made of the honest one."""

    def change(request: Request[Any], reply: Any) -> Any:
        if not isinstance(request, (Call, Calls)) or request.function != function:
            return reply
        return value(reply) if callable(value) else value

    return change


def scaled_prices(rule: GmxRule, draw: random.Random, low: float, high: float) -> dict[Any, int]:
    """Prices of a rule's feeds, each moved by itself."""
    return {asset: int(price * draw.uniform(low, high)) for asset, price in prices_of(rule).items()}
