"""Swaps of the real contracts on the local chain: what was predicted is received, to the smallest unit."""

from __future__ import annotations

from random import Random

import pytest

from adapters.uniswap_v3.market import UniswapMarket
from aggregator.model.rules import Amount, Refused
from aggregator.model.spot_markets import Swapped
from tests.adapters.uniswap_v3.live import asset, largest, make, market, other, sell
from tests.devnet.errors import TransactionReverted
from tests.devnet.uniswap import SPACINGS
from tests.devnet.world import World

POOLS = [("WETH", "USDC", 500), ("WBTC", "WETH", 3_000), ("wstETH", "USDC", 100), ("WBTC", "DAI", 10_000)]


def crowd(world: World, a: str, b: str, fee: int, random: Random, positions: int = 16) -> None:
    """Random positions around the price of a pool, which is opened where there is none."""
    uniswap, spacing = world.uniswap, SPACINGS[fee]
    tick = int(uniswap.open_pool(a, b, fee).call("slot0")[1])
    for _ in range(positions):
        first, second = sorted(random.sample(range(-3_500 // spacing, 3_500 // spacing), 2))
        ticks = ((tick // spacing + first) * spacing, (tick // spacing + second) * spacing)
        raw = {one: uniswap.raw(one, random.randint(1, 90)) + random.randrange(10**5) for one in (a, b)}
        uniswap.add_liquidity(world.spare[1], a, b, fee, ticks=ticks, raw=raw)


@pytest.mark.parametrize("pair", POOLS, ids=str)
def test_random_swaps_are_exact(devnet: World, pair: tuple[str, str, int]) -> None:
    """Both ways through many ticks, one after the other, each from the state predicted by the one before."""
    a, b, fee = pair
    random = Random(f"{pair}")
    crowd(devnet, a, b, fee, random)
    now, user, crossed = market(devnet, a, b, fee), devnet.spare[0], 0
    start = now
    for _ in range(12):
        symbol = random.choice((a, b))
        most, little = largest(now, asset(devnet, symbol).id, places=20), random.random() ** 3
        sold = Amount(asset(devnet, symbol).id, int(most * random.choice((little, 1 - little))))
        if isinstance(now.swap(sold), Refused):
            continue
        after = sell(devnet, now, user, sold).successor
        assert isinstance(after, UniswapMarket)
        crossed += sum(min(now.tick, after.tick) < tick <= max(now.tick, after.tick) for tick, _ in now.ticks)
        now = after
    assert crossed > 20, "too few ticks were crossed to tell"
    again = market(devnet, a, b, fee)
    assert (again.root, again.tick, again.liquidity) == (now.root, now.tick, now.liquidity)
    assert set(start.ticks) & set(again.ticks) >= {
        one for one in start.ticks if again.words[0] <= one[0] // now.spacing // 256 <= again.words[1]
    }


def test_what_was_not_read_is_refused_and_all_before_is_exact(devnet: World) -> None:
    """The pool itself goes on: its positions of all prices give something far beyond."""
    here = market(devnet, "WETH", "USDC", 3_000)
    for symbol in ("WETH", "USDC"):
        found = asset(devnet, symbol)
        most = largest(here, found.id)
        refused = here.swap(Amount(found.id, most + 1))
        assert isinstance(refused, Refused)
        assert "not read beyond" in refused.reason
        with devnet.isolated():
            sell(devnet, here, devnet.spare[0], Amount(found.id, most))
        with devnet.isolated():
            devnet.uniswap.swap(
                devnet.spare[0], symbol, {"WETH": "USDC", "USDC": "WETH"}[symbol], 3_000, 2 * most
            )


def test_the_calls_keep_to_the_least_and_the_deadline(devnet: World) -> None:
    here, user = market(devnet, "WETH", "USDC", 500), devnet.spare[0]
    sold = Amount(asset(devnet, "WETH").id, 3 * 10**18)
    swapped = here.swap(sold)
    assert isinstance(swapped, Swapped)
    received = swapped.received
    assert 5_900 * 10**6 < received.raw < 6_000 * 10**6
    with pytest.raises(TransactionReverted, match="Too little received"):
        make(devnet, here, user, sold, Amount(received.asset, received.raw + 1))
    with pytest.raises(TransactionReverted, match="Transaction too old"):
        make(devnet, here, user, sold, received, deadline=devnet.node.timestamp - 1)
    make(devnet, here, user, sold, received)


def test_so_little_that_it_brings_nothing_is_refused(devnet: World) -> None:
    here, user = market(devnet, "WETH", "USDC", 500), devnet.spare[0]
    weth = asset(devnet, "WETH").id
    for raw in (1, 10**8):
        refused = here.swap(Amount(weth, raw))
        assert isinstance(refused, Refused)
        assert "nothing" in refused.reason
        make(devnet, here, user, Amount(weth, raw), Amount(other(here, weth), 0))


def test_a_protocol_fee_changes_no_amount(devnet: World) -> None:
    """It is taken from those who provide liquidity."""
    uniswap = devnet.uniswap
    uniswap.pool("WETH", "USDC", 500).send("setFeeProtocol", 4, 4)
    here = market(devnet, "WETH", "USDC", 500)
    sell(devnet, here, devnet.spare[0], Amount(asset(devnet, "WETH").id, 10**20))
