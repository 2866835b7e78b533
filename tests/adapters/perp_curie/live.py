"""The local chain seen through the adapter, with traders and makers at random states."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal

from adapters.perp_curie.margin import CurieRule
from aggregator.contract import Adapter, Deployment
from aggregator.model.accounts import Account
from aggregator.model.readings import Reading
from aggregator.model.units import parse_address
from aggregator.reading.run import Job
from tests.adapters.feeds import rewrite
from tests.devnet.curie import CurieAccount, PerpCurie
from tests.devnet.errors import TransactionReverted
from tests.devnet.world import World
from tests.reading_kit import read_accounts, run_jobs

COINS = {"vETH": ("ETH", 2000), "vBTC": ("BTC", 40_000)}


@dataclass(frozen=True)
class Site:
    """The local chain with the adapter over its deployment."""

    world: World
    adapter: Adapter
    deployment: Deployment

    @property
    def curie(self) -> PerpCurie:
        return self.world.perp_curie

    def read(self, user: str) -> Reading:
        return read_accounts(self.world.node.url, self.adapter, user)

    def account(self, user: str) -> Account:
        [found] = self.read(user).accounts
        return found

    def rule(self, user: str) -> CurieRule:
        return rule_of(self.account(user))

    def rules(self, users: list[str]) -> list[CurieRule]:
        """Of several users at one block."""
        jobs = [Job(self.adapter, self.deployment, parse_address(user)) for user in users]
        run, _ = run_jobs(self.world.node.url, jobs)
        readings = [outcome.result for outcome in run.outcomes]
        assert all(isinstance(one, Reading) for one in readings), readings
        return [rule_of(one.accounts[0]) for one in readings if isinstance(one, Reading)]

    def said(self, user: str) -> CurieAccount:
        return self.curie.account(user)

    def crowd(self, seed: int, count: int) -> list[str]:
        """Takers long and short, makers, and both collaterals, at random; all with an account."""
        draw, users = random.Random(seed), [str(one) for one in self.world.spare[:count]]
        for i, user in enumerate(users):
            self.curie.deposit(user, "USDC", 300 + draw.randrange(500))
            if i % 3 == 0:
                self.curie.deposit(user, "WETH", "0.5")
            if i % 4 > 1:
                market = draw.choice(list(COINS))
                price, width = COINS[market][1], draw.uniform(0.03, 0.4)
                bounds = {"lower": round(price * (1 - width)), "upper": round(price * (1 + width))}
                self.curie.add_liquidity(user, market, quote=draw.randrange(100, 900), **bounds)
            for market, (_, price) in COINS.items():
                dollars = draw.choice((-1, 1)) * draw.randrange(500, 4_000)
                if i % 4 != 3:
                    self.attempt(user, market, f"{dollars / price:.4f}")
        return users

    def attempt(self, user: str, market: str, size: str) -> None:
        """Take a position; one that the margin does not allow is not opened."""
        with suppress(TransactionReverted):
            self.curie.open(user, market, size)

    def rewrite(self, coin: str, answer: int) -> None:
        """Change what the aggregator answered in the latest block, without time passing.

        Averages of the index do not move by that, so that the mark moves with it one to one.
        """
        rewrite(self.curie.feeds[coin], answer)

    def quote(self, coin: str, usd: int) -> None:
        """Another price, written into the feeds of this protocol alone: no other one is looked at."""
        prices = self.world.prices
        prices.restore(replace(prices.quotes, **{coin: Decimal(usd)}))
        self.curie.write_prices(prices.quotes)

    def move(self, draw: random.Random, warp: int) -> None:
        """Another index, pools that follow it part of the way, and time."""
        for market, (coin, price) in COINS.items():
            target = price * draw.randrange(880, 1120) // 1000
            self.quote(coin, target)
            self.curie.arbitrage(market, (target + round(self.curie.spot(market))) // 2, ticks=800)
        self.world.node.warp(warp)

    def fall(self, drop: float) -> None:
        """All prices fall, and everything settles: averages, marks and premiums stand still afterwards."""
        for market, (coin, _) in COINS.items():
            target = round(float(self.curie.spot(market)) * (1 - drop))
            self.quote(coin, target)
            for _ in range(3):
                self.curie.arbitrage(market, target)
                self.world.node.warp(16)
        self.curie.write_prices(self.world.prices.quotes)
        self.world.node.warp(2_000)

    def rewrite_root(self, market: str, root: int) -> None:
        """Change a pool's root price alone: averages and funding follow its tick, which stays."""
        pool, first = self.curie.pools[market].address, "0x" + "0" * 64
        word = int(str(self.world.node.rpc("eth_getStorageAt", pool, first, "latest")), 16)
        changed = (word >> 160 << 160 | root).to_bytes(32, "big").hex()
        self.world.node.rpc("anvil_setStorageAt", pool, first, "0x" + changed)


def rule_of(account: Account) -> CurieRule:
    assert isinstance(account.rule, CurieRule)
    return account.rule


def compare(ours: CurieRule, theirs: CurieRule) -> None:
    """Every figure of an account after it; what is owed to a unit of 10^-18 a market, for funding is cut."""
    assert ours.balance == theirs.balance
    assert abs(ours.owed_pnl - theirs.owed_pnl) <= max(1, len(ours.markets))
    assert {m.name: (m.size, m.notional) for m in ours.markets} == {
        m.name: (m.size, m.notional) for m in theirs.markets
    }
    # Of what was read before, a price's past is a little less.
    held = [[replace(one, track=None) for one in rule.collaterals] for rule in (ours, theirs)]
    assert held[0] == held[1]
    assert ours.insurance == theirs.insurance
    assert ours.time == theirs.time
