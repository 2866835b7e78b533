"""What a liquidation takes, against the real contracts: fees, the pool's gain or loss, refusals."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from adapters.lyra_v1.base_exchange import SynthFee
from adapters.lyra_v1.closing import NOT_LIQUIDATABLE, ClosableShortRule
from adapters.lyra_v1.collateral import OptionType
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.rules import Refused, prices_of
from tests.adapters.lyra_v1.deployed import read
from tests.adapters.lyra_v1.live import ETH, open_random_short
from tests.devnet.chain import bytes32
from tests.devnet.lyra_deploy import VARIANCE_FEE, units
from tests.devnet.multicall3 import MULTICALL3
from tests.devnet.simulated import Step, simulate

if TYPE_CHECKING:
    from aggregator.model.accounts import Account
    from tests.devnet.world import World

WAD = 10**18
HOUR = 3_600
DAY = 24 * HOUR


@dataclass(frozen=True)
class Done:
    """What the contracts did, or why they refused; 18 decimals, of the collateral's asset or of quote.

    `kept` is what pool and market got in quote.
    """

    refused: str | None
    returned: int
    liquidator: int
    kept: int
    insolvent: int


def liquidate(world: World, owner: str, position: int, price: int, *, in_base: bool) -> Done:
    """Liquidate at a price; nothing of it stays."""
    lyra = world.lyra_v1
    token = lyra.base if in_base else lyra.quote
    reward = world.spare[5]
    watched: list[Step] = [
        (token, "balanceOf", (owner,)),
        (token, "balanceOf", (reward,)),
        (lyra.quote, "balanceOf", (lyra.addresses["liquidity_pool"],)),
        (lyra.quote, "balanceOf", (lyra.market.address,)),
        (lyra.pool, "liquidationInsolventAmount", ()),
    ]
    rate: Step = (lyra.rates, "setRateAndInvalid", (bytes32("sETH"), price, False))
    closing: Step = (lyra.market, "liquidatePosition", (position, reward))
    found = simulate(world.chain, [(lyra.rates, "acceptOwnership", ()), rate, *watched, closing, *watched])
    assert (found[0].refused, found[1].refused) == (None, None)
    before, done, after = found[2:7], found[7], found[8:]
    owner_, reward_, pool, market, insolvent = (
        last.value - first.value for first, last in zip(before, after, strict=True)
    )
    return Done(done.refused, owner_, reward_, pool + market, insolvent)


def compare(world: World, owner: str, account: Account, price: int) -> CloseOut | Refused:
    """Ours against theirs, to the wei."""
    rule = account.rule
    assert isinstance(rule, ClosableShortRule)
    ours = rule.close_out({ETH: price}, world.node.timestamp)
    in_base = rule.kind is OptionType.SHORT_CALL_BASE
    theirs = liquidate(world, owner, int(account.id.rpartition(":")[2]), price, in_base=in_base)
    if isinstance(ours, Refused):
        assert theirs.refused is not None
        assert theirs.refused.startswith(ours.reason)
        return ours
    assert theirs.refused is None
    fees = {fee.receiver: fee.amount.raw for fee in ours.fees}
    premium = sum(one.raw for one in ours.forfeited)
    assert sum(one.raw for one in ours.returned) == theirs.returned
    assert fees.pop("liquidator") == theirs.liquidator
    assert sum(one.raw for one in ours.bad_debt) == theirs.insolvent
    kept = [fees.pop("insurance_fund"), fees.pop("pool", 0) + premium]
    assert not fees
    if in_base:  # exchanged one by one, by the package's double of Synthetix, at the fee that it tells
        exchange = rule.closing.exchange
        assert isinstance(exchange, SynthFee)
        kept = [raw * price // WAD * (WAD - exchange.fee) // WAD for raw in kept]
        assert abs(sum(kept) - theirs.kept) <= 4
    else:
        assert sum(kept) == theirs.kept
    assert ours.borne_by == ((LossBearer.POOL,) if theirs.insolvent else ())
    assert [(one.size_raw, one.market) for one in ours.closed] == [(-rule.amount, rule.closing.market)]
    assert ours.successor is None
    return ours


@pytest.mark.parametrize("seed", range(20, 24))
def test_close_outs_of_random_shorts(devnet: World, seed: int) -> None:
    """Six shorts each at nine prices or so, soon after trades that moved the volatility, also past cutoff."""
    rng, lyra, user = random.Random(seed), devnet.lyra_v1, devnet.spare[0]
    if seed % 2:
        moved = {"forceCloseVarianceFeeCoefficient": 0 if seed == 21 else units("1.7")}
        lyra.pricer.send("setVarianceFeeParams", {**VARIANCE_FEE, **moved})
    lyra.rates.send("nominateNewOwner", MULTICALL3)
    for _ in range(6):
        open_random_short(lyra, user, rng)
        devnet.node.warp(rng.randint(1, 3 * HOUR))
    if seed == 23:
        devnet.node.warp(lyra.expiry(lyra.boards()[0]) - devnet.node.timestamp - rng.randint(60, 10 * HOUR))
    found = []
    for account in read(devnet, user).accounts:
        assert isinstance(account.rule, ClosableShortRule)
        against = 1 if account.rule.kind.is_call else -1
        spot, time = account.rule.spot.price, devnet.node.timestamp
        edges = account.rule.liquidation_prices(prices_of(account.rule), time, ETH)
        edge = next((one for one in edges if one is not None), spot)
        moves = [rng.randint(0, 300) for _ in range(4)]
        prices = [
            edge - against,
            edge,
            *(edge + against * edge * move // 1000 for move in moves),
            *(edge * rng.randint(400, 3_000) // 1000 for _ in range(3)),
        ]
        found += [compare(devnet, user, account, price) for price in prices]
    closed = [one for one in found if isinstance(one, CloseOut)]
    assert len(closed) >= 25
    assert {bool(one.bad_debt) for one in closed} == {True, False}
    assert Refused(NOT_LIQUIDATABLE) in found
