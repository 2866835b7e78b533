"""Depositing margin on the real contracts: the margin and the test afterwards, to the wei."""

from __future__ import annotations

import random

import pytest

from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule
from aggregator.model.actions import Applied, Deposit, Untold, Withdraw
from aggregator.model.rules import Refused, prices_of
from tests.adapters.synthetix_perps_v2.live import ETH_MARKET, Site
from tests.devnet.errors import TransactionReverted

CASES = 12


def _rule(site: Site, user: str) -> ClosablePerpsV2Rule:
    rule = site.rule(user, ETH_MARKET)
    assert isinstance(rule, ClosablePerpsV2Rule)
    return rule


@pytest.mark.parametrize("size", [-8, 5])
def test_deposits(site: Site, size: int) -> None:
    """At other prices and later times, down to where the margin is gone and the market refuses."""
    node, perps, rng = site.world.node, site.world.synthetix, random.Random(size)
    user = site.world.spare[0]
    perps.open(user, ETH_MARKET, margin=1_500, size=size)
    perps.susd.send("issue", user, 10**30)
    rule, refused = _rule(site, user), 0
    asset, settlement = rule.feed.asset, rule.closing.settlement
    for _ in range(CASES):
        snapshot = node.snapshot()
        price = int(prices_of(rule)[asset] * rng.uniform(0.7, 1.3))
        perps.set_rate(ETH_MARKET, price)
        time = node.timestamp + rng.randrange(1, 20 * 86_400)
        raw = rng.choice([rng.randrange(1, 10**21), rng.randrange(1, 10**19)])
        ours = rule.apply({asset: price}, time, Deposit(settlement, raw))
        node.next_block_at(time)
        market = perps.markets[ETH_MARKET]
        if isinstance(ours, Refused):
            with pytest.raises(TransactionReverted, match=ours.reason):
                market.send("transferMargin", raw, sender=user)
            refused += 1
        else:
            assert isinstance(ours, Applied)
            market.send("transferMargin", raw, sender=user)
            again, after = _rule(site, user), ours.successor
            assert isinstance(after, ClosablePerpsV2Rule)
            assert (after.margin, after.last_price) == (again.margin, again.last_price)
            assert after.health({asset: price}, time) == again.health({asset: price}, time)
        node.revert(snapshot)
    assert 1 <= refused < CASES


def test_what_it_does_not_know(site: Site) -> None:
    """Withdrawals, and any other asset."""
    user = site.world.spare[0]
    site.world.synthetix.open(user, ETH_MARKET, margin=1_500, size=1)
    rule = _rule(site, user)
    now = rule.market.funding_time
    assert isinstance(rule.apply(prices_of(rule), now, Withdraw(rule.closing.settlement, 1)), Untold)
    assert isinstance(rule.apply(prices_of(rule), now, Deposit(rule.feed.asset, 1)), Untold)
