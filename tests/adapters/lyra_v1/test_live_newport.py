"""Newport against a stand-in that speaks its published ABI: health, liquidations, settlement, pool shares.

The stand-in is ours, as the adapter is: it shows that structs, units and rounds are right, and that two
writings of the same sources agree. What real contracts did is in `newport.json`, see test_newport_real.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from adapters.lyra_v1.adjusting import AdjustableShortRule
from adapters.lyra_v1.closing import FROZEN, NOT_LIQUIDATABLE, ClosableShortRule
from adapters.lyra_v1.collateral import OptionType
from adapters.lyra_v1.family import LyraFamily
from adapters.lyra_v1.margin import ShortOptionRule
from aggregator.model.actions import Applied, Deposit, Trade, Untold, Withdraw
from aggregator.model.calls import Hands
from aggregator.model.close_outs import CloseOut
from aggregator.model.errors import CallReverted
from aggregator.model.positions import Debt, Option, Perp, Supply
from aggregator.model.rules import Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.lyra_v1.live import ETH
from tests.adapters.lyra_v1.newport_market import EXPIRIES, Newport
from tests.devnet.lyra_deploy import units
from tests.devnet.simulated import Step, simulate

if TYPE_CHECKING:
    from aggregator.model.accounts import Account
    from tests.devnet.world import World

WAD = 10**18
HEDGERS = ("StandInNewportPerp", "StandInNewportFutures")


def liquidated(here: Newport, owner: str, account: Account, price: int) -> tuple[str | None, list[int]]:
    """Why it was refused, or what owner, liquidator, security module and pool got, and what the pool lost."""
    rule, reward = account.rule, here.world.spare[5]
    assert isinstance(rule, ShortOptionRule)
    token = here.base if rule.kind is OptionType.SHORT_CALL_BASE else here.quote
    receivers = (owner, reward, here.market.call("SECURITY_MODULE"), here.pool.address)
    watched: list[Step] = [(token, "balanceOf", (one,)) for one in receivers]
    watched.append((here.pool, "liquidationInsolventAmount", ()))
    step: Step = (here.market, "liquidatePosition", (int(account.id.rpartition(":")[2]), reward))
    found = simulate(here.world.chain, [(here.market, "setPrice", (price,)), *watched, step, *watched])
    before, done, after = found[1:6], found[6], found[7:]
    return done.refused, [last.value - first.value for first, last in zip(before, after, strict=True)]


def compare(here: Newport, owner: str, account: Account, price: int) -> CloseOut | Refused:
    """Ours against the stand-in's, to the token's unit; of base to two of 18 decimals."""
    rule = account.rule
    assert isinstance(rule, ClosableShortRule)
    ours = rule.close_out({ETH: price}, here.world.node.timestamp)
    refused, theirs = liquidated(here, owner, account, price)
    if isinstance(ours, Refused):
        assert refused is not None
        assert refused.startswith(ours.reason)
        return ours
    assert refused is None
    fees = {fee.receiver: fee.amount.raw for fee in ours.fees}
    mine = [
        sum(one.raw for one in ours.returned),
        fees.get("liquidator", 0),
        fees.get("insurance_fund", 0),
        fees.get("pool", 0) + sum(one.raw for one in ours.forfeited),
    ]
    slack = 2 if rule.kind is OptionType.SHORT_CALL_BASE and here.base.call("decimals") == 18 else 0
    assert all(abs(a - b) <= slack for a, b in zip(mine, theirs, strict=False))
    lost = sum(one.raw for one in ours.bad_debt)
    assert abs(lost - theirs[4] // 10**12) <= slack
    return ours


@pytest.mark.parametrize(("seed", "hedger", "decimals"), [(1, 0, 18), (2, 1, 18), (3, 0, 8), (4, 1, 8)])
def test_shorts_at_random_states(devnet: World, seed: int, hedger: int, decimals: int) -> None:
    """Health and flags as the market's views say, liquidations at the block and at eight other prices."""
    rng, owner = random.Random(seed), devnet.spare[0]
    here = Newport.deploy(devnet, HEDGERS[hedger], decimals)
    here.randomise(rng)
    for _ in range(5):
        here.open_random_short(owner, rng)
    reading = here.read(owner)
    assert (reading.failures, reading.warnings) == ((), ())
    found = []
    for account in reading.accounts:
        rule, reported = account.rule, account.reported
        assert isinstance(rule, ClosableShortRule)
        assert reported is not None
        health = rule.health(prices_of(rule), reading.source.timestamp)  # type: ignore[union-attr]  # a block
        assert (health.health, health.liquidatable) == (reported.health, reported.liquidatable)
        assert LyraFamily().load(rule.to_json()) == rule
        against = 1 if rule.kind.is_call else -1
        edges = rule.liquidation_prices(prices_of(rule), devnet.node.timestamp, ETH)
        edge = next(one for one in edges if one is not None)
        moves = [rng.randint(2, 300) for _ in range(5)]
        prices = [rule.spot.price, edge - against, edge, *(edge + against * edge * m // 1_000 for m in moves)]
        found += [compare(here, owner, account, price) for price in prices]
    closed = [one for one in found if isinstance(one, CloseOut)]
    assert len(closed) >= 25
    assert {bool(one.bad_debt) for one in closed} == {True, False}
    assert Refused(NOT_LIQUIDATABLE) in found


def test_what_refuses_a_liquidation(devnet: World) -> None:
    """A frozen board, a pool that owes more than it has, a paused market, which has no price for holders."""
    rng, owner = random.Random(5), devnet.spare[0]
    here = Newport.deploy(devnet)
    here.randomise(rng)
    here.open_random_short(owner, rng)
    [account] = here.read(owner).accounts
    assert isinstance(account.rule, ClosableShortRule)
    fails = units(9_000 if account.rule.kind.is_call else 1_000)
    with devnet.isolated():
        here.pool.send("set", here.hedger.address, 0, units(6_000_000))
        reading = here.read(owner)
        assert "getLiquidity" in reading.warnings[0]
        assert type(reading.accounts[0].rule) is ShortOptionRule
    with devnet.isolated():
        for board in (1, 2):
            here.market.send("setBoard", board, True, units(1), units(1))  # noqa: FBT003
        frozen = here.read(owner)
        assert compare(here, owner, frozen.accounts[0], fails) == Refused(FROZEN)
        assert "frozen board" in frozen.warnings[0]
    with devnet.isolated():
        here.market.send("setPaused", True)  # noqa: FBT003
        with pytest.raises(CallReverted, match="getSpotPriceForMarket"):
            here.read(owner)


def test_settled_positions_are_claims(devnet: World) -> None:
    """Longs get what the pool can pay, a covered call gives up base; before that their value is intrinsic."""
    here, owner = Newport.deploy(devnet), devnet.spare[0]
    here.randomise(random.Random(6))
    here.market.send("open", owner, 3, 0, units(3), 0)
    here.market.send("open", owner, 3, 2, units(2), units(1))
    devnet.node.warp(EXPIRIES[0])
    here.market.send("setPrice", units(2_300))
    marks = [
        one.mark_raw
        for each in here.read(owner).accounts
        for one in each.positions
        if isinstance(one, Option)
    ]
    assert marks == [units(300), units(300)]
    here.market.send("settle", 1, units(2_300), units("0.132"), units("0.5"))
    reading = here.read(owner)
    claims = [(one.raw, one.asset.symbol) for each in reading.accounts for one in each.positions]  # type: ignore[union-attr]  # supplies alone
    assert claims == [(units(1) - 2 * units("0.132"), "WETH"), (450 * 10**6, "USDC")]
    assert all(account.rule is None for account in reading.accounts)


@pytest.mark.parametrize("hedger", HEDGERS)
def test_a_share_is_its_part_of_the_pool(devnet: World, hedger: str) -> None:
    """Options of the other side, base, hedge and cash: in all the pool's price, to a unit of USDC each."""
    here, owner = Newport.deploy(devnet, hedger), devnet.spare[3]
    here.randomise(random.Random(7))
    here.market.send("open", devnet.spare[0], 3, 0, units(30), 0)
    here.market.send("open", devnet.spare[0], 4, 4, units(10), units(5_000))
    [account] = here.read(owner).accounts
    options = {one.instrument[-9:]: one.size_raw for one in account.positions if isinstance(one, Option)}
    assert options == {"2000 call": -units(30) // 25, " 2200 put": units(10) // 25}
    total = 0
    for one in account.positions:
        if isinstance(one, Option):
            assert one.mark_raw is not None
            total += one.size_raw * one.mark_raw
        elif isinstance(one, Supply | Debt):
            price = units(2_000) if one.asset.symbol == "WETH" else WAD
            amount = one.raw * 10 ** (18 - one.asset.decimals) * price
            total += amount if isinstance(one, Supply) else -amount
    told: int = here.shares.call("balanceOf", owner) * here.pool.call("getTokenPrice") // WAD
    assert abs(total // WAD - told) <= 10**12
    perps = [one for one in account.positions if isinstance(one, Perp)]
    assert sum(one.size_raw for one in perps) != 0
    assert all((one.pnl_raw, one.market) == (0, "ETH hedge") for one in perps)
    assert account.rule is None


@pytest.mark.parametrize("decimals", [18, 8])
def test_deposits_are_sent_and_the_rest_is_untold(devnet: World, decimals: int) -> None:
    """Collateral in the tokens' own units; trades and withdrawals are at prices that are not known."""
    here, owner, rng = Newport.deploy(devnet, base_decimals=decimals), devnet.spare[0], random.Random(8)
    for _ in range(6):
        here.open_random_short(owner, rng)
    hands = Hands(parse_address(owner), parse_address(owner))
    kinds = set()
    for index, account in enumerate(here.read(owner).accounts):
        rule = account.rule
        assert isinstance(rule, AdjustableShortRule)
        kinds.add(rule.in_quote)
        prices, time = prices_of(rule), devnet.node.timestamp
        for other in (Withdraw(rule.closing.collateral, 1), Trade(rule.closing.market, rule.amount)):
            assert isinstance(rule.apply(prices, time, other), Untold)
            assert isinstance(rule.calls(other, hands), Untold)
        action = Deposit(rule.closing.collateral, 1_234_567 + index)
        outcome, calls = rule.apply(prices, time, action), rule.calls(action, hands)
        assert isinstance(outcome, Applied)
        assert not isinstance(calls, Untold)
        token = here.quote if rule.in_quote else here.base
        token.send("mint", owner, action.raw)
        for call in calls:
            devnet.chain.transact(call.to, call.data, sender=owner)
        assert token.call("balanceOf", owner) == 0
        now = here.read(owner).accounts[index].rule
        successor = outcome.successor
        assert isinstance(now, AdjustableShortRule)
        assert isinstance(successor, AdjustableShortRule)
        assert now.collateral == successor.collateral
        later = devnet.node.timestamp
        assert now.health(prices, later) == successor.health(prices, later)
    assert kinds == {True, False}
