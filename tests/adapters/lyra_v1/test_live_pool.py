"""Shares of the real pool, looked through: their parts sum to its price and move as it does."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from aggregator import app, settings
from aggregator.model.positions import Option
from aggregator.model.units import parse_address
from tests.adapters.lyra_v1.deployed import read
from tests.adapters.lyra_v1.live import WAD, worth
from tests.devnet.deployment import ROLES
from tests.devnet.lyra import Kind
from tests.devnet.lyra_deploy import DAY, artifacts, units

if TYPE_CHECKING:
    from aggregator.model.accounts import Account
    from aggregator.model.results import RiskResult
    from tests.devnet.world import World

MANY = (
    (2_000, Kind.LONG_CALL, 60, 0),
    (2_200, Kind.LONG_CALL, 25, 0),
    (1_800, Kind.LONG_PUT, 40, 0),
    (1_600, Kind.SHORT_PUT_QUOTE, 15, 12_000),
    (2_500, Kind.SHORT_CALL_BASE, 10, 10),
)


@dataclass(frozen=True)
class Pool:
    """The real pool, and the wallet that provided all of its liquidity."""

    world: World

    @property
    def provider(self) -> str:
        """Who holds all shares."""
        return self.world.chain.accounts[ROLES["lp"]]

    @property
    def account(self) -> Account:
        """What the adapter reads of that wallet."""
        [account] = read(self.world, self.provider).accounts
        return account

    @property
    def worth(self) -> int:
        """What the contract itself says that the shares are worth, in quote."""
        lyra = self.world.lyra_v1
        shares: int = lyra.liquidity_token.call("balanceOf", self.provider)
        price: int = lyra.pool.call("getTokenPrice")
        return shares * price // WAD

    def trade(self, *, hedge: bool = True) -> None:
        """Options of several kinds on the near board, hedged a day later; the cached Greeks are fresh."""
        lyra, user = self.world.lyra_v1, self.world.spare[0]
        for strike, kind, amount, collateral in MANY:
            lyra.open(user, lyra.strike_id(lyra.boards()[0], strike), kind, amount, collateral)
        self.world.node.warp(DAY)
        lyra.update_greeks()
        if hedge:
            hedger = lyra.addresses["pool_hedger"]
            self.world.chain.at(artifacts()["ShortPoolHedger"], hedger).send("hedgeDelta")


def sizes(account: Account) -> Counter[str]:
    """Signed sizes of the options by name."""
    return Counter({one.instrument: one.size_raw for one in account.positions if isinstance(one, Option)})


def test_a_trade_is_the_other_side_of_the_pool(devnet: World) -> None:
    """What traders hold shows with the opposite sign at its strikes, with base and hedge beside."""
    pool = Pool(devnet)
    before = pool.account
    pool.trade()
    after = pool.account
    moved = sizes(after)
    moved.subtract(sizes(before))
    found = {name.split(maxsplit=2)[2]: size for name, size in moved.items() if size}
    expected = {
        f"{strike} {'put' if 'PUT' in kind.name else 'call'}": -units(amount)
        * (1 if kind.name.startswith("LONG") else -1)
        for strike, kind, amount, _ in MANY
    }
    assert found == expected
    assert after.rule is None
    for one in after.positions:
        if isinstance(one, Option):
            assert (one.style, one.delivery, one.multiplier_raw) == ("european", "cash", None)
            assert one.side == ("writer" if one.size_raw < 0 else "holder")
            assert one.mark_source is not None
            assert one.mark_source.startswith("Black-Scholes at board.iv * strike.skew")
    kinds = {(type(one).__name__, one.origin.partition(" ")[0]) for one in after.positions}
    assert ("Debt", "short") in kinds or any("hedge" in one.origin for one in after.positions)


@pytest.mark.parametrize("steps", ["as seeded", "traded", "moved", "owned in part"])
def test_parts_sum_to_the_pools_own_price(devnet: World, steps: str) -> None:
    """To the wei, also where the pool's Greeks are old, and for a part of the shares."""
    pool = Pool(devnet)
    if steps != "as seeded":
        pool.trade()
    if steps == "moved":
        devnet.prices.set(ETH=2_150)
    if steps == "owned in part":
        token = devnet.lyra_v1.liquidity_token
        token.send("transfer", devnet.spare[1], units(1_234_567), sender=pool.provider)
    account = pool.account
    assert abs(worth(devnet.lyra_v1, account, devnet.lyra_v1.spot()) - pool.worth) <= 1
    warnings = read(devnet, pool.provider).warnings
    assert not any("beyond its parts" in one for one in warnings)


@pytest.mark.parametrize("hedge", [True, False])
def test_a_shock_moves_the_parts_as_the_contract_moves_its_price(devnet: World, hedge: bool) -> None:
    """Within 1% of the move and 0.001% of the pool, down 30% and up 40%; the mean volatility is the rest."""
    pool = Pool(devnet)
    pool.trade(hedge=hedge)
    account, before = pool.account, pool.worth
    for price in (1_400, 1_900, 2_100, 2_800):
        with devnet.isolated():
            devnet.prices.set(ETH=price)
            devnet.lyra_v1.update_greeks()
            actual = pool.worth
            ours = worth(devnet.lyra_v1, account, units(price))
            assert abs(ours - actual) <= abs(actual - before) // 100 + before // 100_000


def test_a_share_has_greeks_and_a_requirement(devnet: World) -> None:
    """To the program a share is short volatility, worth what the pool says; as quote it would be neither."""
    pool = Pool(devnet)
    pool.trade()
    worth_usd = pool.worth / WAD
    [told] = told_of(devnet, pool)
    # Beside it there is the wallet's native coin, which has neither vega nor gamma.
    [account] = [one for one in told.accounts if one.account_id.endswith(":pool")]
    [greeks] = [one for one in told.greeks if one.underlying == "ETH"]
    assert account.equity_usd == pytest.approx(worth_usd, rel=1e-9)
    assert not account.liquidatable
    assert greeks.vega_usd < -100
    assert greeks.gamma_units < 0
    assert account.requirement_usd > 1_000


def told_of(world: World, pool: Pool) -> list[RiskResult]:
    """The program's result for a wallet with nothing but all shares."""
    owner, token = world.spare[1], world.lyra_v1.liquidity_token
    token.send("transfer", owner, token.call("balanceOf", pool.provider), sender=pool.provider)
    config = settings.build(tomllib.loads(world.config()), "local")
    return [one.risk for one in app.check(app.read(app.Selection((parse_address(owner),)), config))]
