"""Two shorts of one market, traded one after the other, against the real contracts: to the wei."""

from __future__ import annotations

import random
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from adapters.lyra_v1.adjusting import AdjustableShortRule
from aggregator.model.actions import Trade, Traded
from aggregator.model.rules import prices_of
from tests.adapters.lyra_v1.acting import HANDS, do, gained, sent, shorts_of_multicall3
from tests.adapters.lyra_v1.live import open_random_short
from tests.devnet.lyra_deploy import PRICING, units
from tests.volume import volume

if TYPE_CHECKING:
    from tests.devnet.world import World

SHORTS = 6


def traded(rule: AdjustableShortRule, size: int, now: int) -> Traded | None:
    """A trade at the rule's own price; None where the market refuses it."""
    done = rule.apply(prices_of(rule), now, Trade(rule.closing.market, size))
    return done if isinstance(done, Traded) else None


@pytest.mark.parametrize("seed", range(volume(2, 20)))
def test_the_second_trade_is_exact(devnet: World, seed: int) -> None:
    """Of the same strike, of another one on the same board, of another board: cost, volatilities, pool.

    Without what the first trade leaves, the second's cost would be another one.
    """
    rng, lyra, user = random.Random(f"two shorts {seed}"), devnet.lyra_v1, devnet.spare[0]
    lyra.pricer.send("setPricingParams", {**PRICING, "standardSize": units(rng.randint(3, 30))})
    for _ in range(SHORTS):
        open_random_short(lyra, user, rng)
        devnet.node.warp(rng.randint(1, 3_600))
    rules, now = shorts_of_multicall3(devnet, user), devnet.node.timestamp
    compared = alone_off = 0
    kinds = set()
    for first, second in permutations(rules, 2):
        sizes = [rng.choice((one.amount, rng.randint(1, one.amount))) for one in (first, second)]
        before = traded(first, sizes[0], now)
        if before is None or before.shared is None:
            continue
        moved = second.beside(before.shared)
        after, alone = traded(moved, sizes[1], now), traded(second, sizes[1], now)
        calls = moved.calls(Trade(moved.closing.market, sizes[1]), HANDS)
        earlier = first.calls(Trade(first.closing.market, sizes[0]), HANDS)
        if after is None:
            continue
        assert isinstance(calls, tuple)
        assert isinstance(earlier, tuple)
        done = do(devnet, second, [*sent(earlier), *sent(calls)])
        assert done.refused is None
        quote = second.closing.quote
        assert gained(before, quote) + gained(after, quote) == done.quote
        assert after.size_raw == -done.amount
        left = after.successor
        assert isinstance(left, AdjustableShortRule | None)
        if left is not None:
            terms = left.closing.buy_back
            assert (terms.vols.iv, terms.vols.skew) == (done.iv, done.skew)
            assert terms.vols.net_std_vega == done.net_std_vega
            assert terms.pool.value(left.spot.price) == done.net_value
        compared += 1
        alone_off += alone is None or (alone.fee, alone.price_raw) != (after.fee, after.price_raw)
        kinds.add((first.expiry == second.expiry, first.strike == second.strike))
    assert compared >= SHORTS
    assert alone_off >= compared // 3
    assert len(kinds) >= 2
