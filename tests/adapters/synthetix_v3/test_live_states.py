"""Margins and liquidations at many random states, against the real perps market."""

from __future__ import annotations

import random

from adapters.synthetix_v3.margin import SynthetixV3Rule
from aggregator.model.accounts import Account
from aggregator.model.rules import WAD, prices_of
from tests.adapters.synthetix_v3.live import Site, at
from tests.devnet.synthetix_v3_deploy import BTC, ETH, S_BTC, S_ETH, SNX_USD

# At the block, what is worked back may be off by units of 18 decimals. Later, interest and the funding rate
# may be: each is multiplied by the notional, of up to a million dollars.
CLOSE, CLOSE_LATER = 20, 5_000_000
ETH_PRICE, BTC_PRICE = 2_000 * WAD, 40_000 * WAD


def opened(site: Site, user: str, count: int, chance: random.Random) -> list[int]:
    """Accounts with random collaterals and positions, some near liquidation; their ids."""
    numbers = [100 + i for i in range(count)]
    for number in numbers:
        site.perps.create(user, number)
        site.perps.deposit(user, number, SNX_USD, chance.randint(4_000, 20_000))
        if chance.random() < 0.6:
            site.perps.deposit(user, number, S_ETH, f"{chance.uniform(0.5, 30):.6f}")
        if chance.random() < 0.4:
            site.perps.deposit(user, number, S_BTC, f"{chance.uniform(0.05, 1):.6f}")
        for market, most in ((ETH, 60), (BTC, 3)):
            if chance.random() < 0.75 or market == ETH:
                size = chance.uniform(0.05, 1) * most * chance.choice((-1, 1))
                site.perps.trade(user, number, market, f"{size:.18f}")
    return numbers


def rules_of(site: Site, user: str) -> dict[int, SynthetixV3Rule]:
    """Rules of a user's accounts by number; at the block they say what the perps market says."""
    reading = site.read(user)
    assert not reading.failures
    found = {}
    for account in reading.accounts:
        assert isinstance(account.rule, SynthetixV3Rule)
        agrees(site, account, account.rule)
        found[int(account.id.rpartition(":")[2])] = account.rule
    return found


def agrees(site: Site, account: Account, rule: SynthetixV3Rule) -> None:
    """The rule's health at the block is what the protocol reports."""
    assert account.reported is not None
    health = rule.health(prices_of(rule), site.now())
    assert health.liquidatable == account.reported.liquidatable
    assert health.health is not None
    assert account.reported.health is not None
    assert abs(health.health - account.reported.health) <= CLOSE * WAD // health.requirement + 1


def test_margins_at_other_prices_and_later_are_the_contracts(site: Site) -> None:
    """240 states: each rule is read once or twice, then prices and time move on."""
    chance = random.Random(57)
    user = site.world.spare[0]
    numbers = opened(site, user, 10, chance)
    seen, verdicts = 0, set()
    for step in range(24):
        if step % 12 == 0:
            site.perps.set_prices(ETH_PRICE, BTC_PRICE)
            rules = rules_of(site, user)
        eth = int(ETH_PRICE * chance.uniform(0.7, 1.4))
        btc = int(BTC_PRICE * chance.uniform(0.7, 1.4))
        site.world.node.warp(chance.choice((1, 600, 20_000, 90_000)))
        site.perps.set_prices(eth, btc)
        now = site.now()
        for number in numbers:
            said, rule = site.perps.margins(number), rules[number]
            health = rule.health(at(rule, eth, btc), now)
            assert abs(health.power - said.available) <= CLOSE_LATER
            assert health.requirement == said.maintenance
            assert health.liquidatable == said.can_liquidate
            verdicts.add(said.can_liquidate)
            seen += 1
    assert seen == 240
    assert verdicts == {True, False}


def test_liquidation_prices_are_where_the_contracts_answer_flips(site: Site) -> None:
    """Within 1e-9 of the price, funding with its dependence on the price included."""
    chance = random.Random(58)
    user = site.world.spare[0]
    numbers = opened(site, user, 6, chance)
    site.world.node.warp(40_000)
    site.perps.set_prices(ETH_PRICE, BTC_PRICE)
    rules = rules_of(site, user)
    found = 0
    for number in numbers:
        rule = rules[number]
        [asset] = [one.feed.asset for one in rule.positions if one.name == "ETH"]
        # Synths stay where they are: the index alone moves.
        # Writing a price takes a block of one second.
        for price in rule.liquidation_prices(prices_of(rule), site.now() + 1, asset):
            if price is None or price == ETH_PRICE or price > 10 * ETH_PRICE:
                continue
            side = 1 if price > ETH_PRICE else -1
            nearby = price // 10**9
            for move, fails in ((0, True), (-side * nearby, False)):
                snapshot = site.world.node.snapshot()
                site.perps.set_index(ETH, price + move)
                said = site.perps.margins(number).can_liquidate
                site.world.node.revert(snapshot)
                assert said == fails
            found += 1
    assert found >= 4
