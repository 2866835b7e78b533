"""The rule against the real contracts, through the adapter, over random positions, prices and times."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from adapters.lyra_v1.collateral import OptionType, min_collateral
from adapters.lyra_v1.margin import ShortOptionRule
from aggregator.model.errors import Unsupported
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import prices_of
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.run import Job
from tests.adapters.lyra_v1.deployed import local_adapter, read
from tests.adapters.lyra_v1.live import ETH, SHORTS, open_random_short
from tests.devnet.errors import TransactionReverted
from tests.devnet.lyra import Kind
from tests.devnet.lyra_deploy import GREEK_CACHE, MIN_COLLATERAL, units
from tests.reading_kit import pin, run_jobs, run_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.devnet.world import World

WAD = 10**18
DAY = 86_400
STATES_PER_SEED = 34


def assert_rules_agree_with_the_protocol(reading: Reading) -> int:
    """Every short's health and flag are the protocol's own, to the last digit; how many there were."""
    assert isinstance(reading.source, Block)
    checked = 0
    for account in reading.accounts:
        if account.rule is None:
            continue
        assert account.reported is not None
        found = account.rule.health(prices_of(account.rule), reading.source.timestamp)
        assert found.health == account.reported.health
        assert found.liquidatable == account.reported.liquidatable
        checked += 1
    return checked


@pytest.mark.parametrize("seed", range(6))
def test_health_equals_the_protocols_in_random_states(devnet: World, seed: int) -> None:
    """Six positions, then spot and time move: 204 states over all seeds, equal to the wei."""
    rng, lyra, user = random.Random(seed), devnet.lyra_v1, devnet.spare[0]
    for _ in range(6):
        open_random_short(lyra, user, rng)
    checked = assert_rules_agree_with_the_protocol(read(devnet, user))
    flags = set()
    while checked < STATES_PER_SEED:
        devnet.node.warp(rng.randint(1, 6 * DAY))
        devnet.prices.set(ETH=Decimal(rng.randint(70_000, 450_000)).scaleb(-2))
        reading = read(devnet, user)
        checked += assert_rules_agree_with_the_protocol(reading)
        flags |= {one.reported.liquidatable for one in reading.accounts if one.reported}
    assert flags == {True, False}


@pytest.mark.parametrize("rate", ["0.05", "0", "-0.08", "0.3"])
def test_minimum_collateral_equals_the_view_for_any_argument(devnet: World, rate: str) -> None:
    """60 random series per interest rate, expired ones among them, and other parameters."""
    rng, lyra = random.Random(rate), devnet.lyra_v1
    lyra.greek_cache.send("setGreekCacheParameters", {**GREEK_CACHE, "rateAndCarry": units(rate)})
    if rate == "0.3":  # a volatility that falls from one second to the next
        edge = {"shockVolPointA": 10 * DAY, "shockVolPointB": 10 * DAY}
        lyra.greek_cache.send("setMinCollateralParameters", {**MIN_COLLATERAL, **edge})
    user = devnet.spare[1]
    open_random_short(lyra, user, rng)
    [account] = read(devnet, user).accounts
    assert isinstance(account.rule, ShortOptionRule)
    now = devnet.node.timestamp
    for _ in range(60):
        kind = rng.choice(SHORTS)
        strike, spot = (int(10 ** rng.uniform(-1, 6) * WAD) for _ in range(2))
        amount, seconds = (
            int(10 ** rng.uniform(-3, 5) * WAD),
            rng.choice([-DAY, 0, 1, *[rng.randint(1, 10**8)] * 9]),
        )
        arguments = (int(kind), strike, now + seconds, spot, amount)
        theirs = lyra.greek_cache.call("getMinCollateral", *arguments)
        ours = min_collateral(
            account.rule.parameters, OptionType(kind), strike, max(seconds, 0), spot, amount
        )
        assert ours == theirs, arguments


def flips(rule: ShortOptionRule, time: int) -> int:
    """The first spot price on the way against the writer, in wei, at which the rule says liquidatable."""
    is_call = rule.kind.is_call
    safe, unsafe = (WAD, 10**6 * WAD) if is_call else (10**6 * WAD, WAD)
    while abs(unsafe - safe) > 1:
        middle = (safe + unsafe) // 2
        if rule.health({ETH: middle}, time).liquidatable:
            unsafe = middle
        else:
            safe = middle
    return unsafe


@pytest.mark.parametrize(
    ("kind", "strike", "amount", "collateral"),
    [
        (Kind.SHORT_CALL_BASE, 2000, 2, "1.1"),
        (Kind.SHORT_CALL_QUOTE, 2200, "1.5", 1500),
        (Kind.SHORT_PUT_QUOTE, 1800, 3, 2000),
    ],
)
def test_can_liquidate_flips_where_the_rule_does(
    devnet: World, kind: Kind, strike: int, amount: int | str, collateral: int | str
) -> None:
    """One wei of the spot price apart: by the view, and by a liquidation that is refused or goes through."""
    lyra, user = devnet.lyra_v1, devnet.spare[2]
    board = lyra.boards()[1]
    opened = lyra.open(user, lyra.strike_id(board, strike), kind, amount, collateral)
    rule = read(devnet, user).accounts[0].rule
    assert isinstance(rule, ShortOptionRule)

    now = devnet.node.timestamp
    unsafe = flips(rule, now)
    safe = unsafe - 1 if kind is not Kind.SHORT_PUT_QUOTE else unsafe + 1
    position = lyra.token.call("getOptionPosition", opened)
    for spot, expected in ((unsafe, True), (safe, False)):
        assert lyra.token.call("canLiquidate", position, rule.expiry, rule.strike, spot) is expected

    for is_liquidatable in (False, True):
        # The price is written in the next block, the liquidation runs in the one after it.
        unsafe = flips(rule, devnet.node.timestamp + 2)
        safe = unsafe - 1 if kind is not Kind.SHORT_PUT_QUOTE else unsafe + 1
        lyra.set_rate(unsafe if is_liquidatable else safe)
        if is_liquidatable:
            lyra.liquidate(opened)
            assert lyra.positions(user) == []
        else:
            with pytest.raises(TransactionReverted, match="PositionNotLiquidatable"):
                lyra.liquidate(opened)


def test_can_liquidate_flips_in_time_where_the_rule_does(devnet: World) -> None:
    """An unhealthy short put heals as its time runs out, in the same second in which the rule says so."""
    lyra, user = devnet.lyra_v1, devnet.spare[2]
    lyra.open(user, lyra.strike_id(lyra.boards()[0], 1600), Kind.SHORT_PUT_QUOTE, 5, 2_200)
    devnet.prices.set(ETH=1700)
    rule = read(devnet, user).accounts[0].rule
    assert isinstance(rule, ShortOptionRule)

    def liquidatable(time: int) -> bool:
        return rule.health(prices_of(rule), time).liquidatable

    bad, good = devnet.node.timestamp, rule.expiry - 1
    assert liquidatable(bad)
    assert not liquidatable(good)
    while good - bad > 1:
        middle = (good + bad) // 2
        bad, good = (middle, good) if liquidatable(middle) else (bad, middle)
    for time, expected in ((bad, True), (good, False)):
        devnet.node.warp(time - devnet.node.timestamp)
        reported = read(devnet, user).accounts[0].reported
        assert reported is not None
        assert reported.liquidatable is expected


def test_rounds_do_not_grow_with_wallets(devnet: World) -> None:
    """Three rounds for one wallet and for twelve, two where nothing is held, and no more HTTP requests."""
    rng, wallets = random.Random(0), devnet.spare[:12]
    for wallet in wallets:
        open_random_short(devnet.lyra_v1, wallet, rng)
    adapter, chain = local_adapter(devnet), ChainId(devnet.node.chain_id)
    [at] = adapter.deployments

    def counts(chosen: Sequence[str]) -> tuple[int, int]:
        jobs = [Job(adapter, at, parse_address(wallet)) for wallet in chosen]
        outcome, requests = run_jobs(devnet.node.url, jobs)
        assert all(isinstance(one.result, Reading) for one in outcome.outcomes)
        return outcome.rounds[chain], requests

    one, requests = counts(wallets[:1])
    assert one == 3
    assert counts(wallets) == (3, requests)
    assert counts([devnet.wallets["empty"]])[0] == 2


def test_probe_tells_the_markets_state(world: World) -> None:
    """And refuses addresses of another market."""
    adapter = local_adapter(world)
    [at] = adapter.deployments
    block = pin(world.node.url, world.node.chain_id)
    told = run_read(world.node.url, world.node.chain_id, adapter.probe(at, block))
    assert told == ("ETH options against sUSD, open", "2 live expiries, spot 2000")
    wrong = replace(at, addresses={**at.addresses, "base_asset": at.addresses["quote_asset"]})
    with pytest.raises(Unsupported, match="base_asset"):
        run_read(world.node.url, world.node.chain_id, adapter.probe(wrong, block))
