"""snxUSD in and out on the real perps market: refused as the rule says, else the account is its successor."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from adapters.synthetix_v3.margin import SynthetixV3Rule
from adapters.synthetix_v3.stored import load_rule
from aggregator.model.actions import Action, AdjustableRule, Applied, Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.calls import CallableRule, Hands
from aggregator.model.rules import WAD, Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.synthetix_v3.live import Site
from tests.adapters.synthetix_v3.test_live_states import BTC_PRICE, CLOSE_LATER, ETH_PRICE, opened
from tests.devnet.errors import TransactionReverted
from tests.devnet.synthetix_v3_deploy import ETH, SNX_USD
from tests.volume import volume

ROUNDS = volume(3, 15)
"""Of five accounts."""


def _send(site: Site, user: str, rule: SynthetixV3Rule, action: Action, time: int) -> None:
    """The rule's calls for an action, the last of them sent at a time."""
    calls = rule.calls(action, Hands(parse_address(user), parse_address(user)))
    assert not isinstance(calls, Untold)
    *before, last = calls
    assert len(before) == isinstance(action, Deposit)
    for call in before:
        site.world.chain.transact(call.to, call.data, sender=user)
    site.world.node.next_block_at(time)
    site.world.chain.transact(last.to, last.data, sender=user)


def test_snxusd_in_and_out(site: Site) -> None:
    """At random prices and times, near what may be withdrawn and far from it."""
    chance, user, node = random.Random(73), site.world.spare[0], site.world.node
    numbers, found = opened(site, user, 5, chance), []
    site.perps.token[SNX_USD].send("mint", user, 10**30)
    for number in numbers * ROUNDS:
        snapshot = node.snapshot()
        eth, btc = (int(price * chance.uniform(0.85, 1.2)) for price in (ETH_PRICE, BTC_PRICE))
        site.perps.set_prices(eth, btc)
        rule, time = site.rule(user, number), node.timestamp + chance.choice([5, 3_600, 86_400])
        prices, margins = prices_of(rule), site.perps.margins(number)
        free = max(margins.available - margins.initial - margins.reward, WAD)
        actions: list[Action] = [
            Deposit(rule.usd, chance.randrange(1, 10**22)),
            Withdraw(rule.usd, chance.randrange(1, free)),
            Withdraw(rule.usd, free * chance.randrange(80, 120) // 100),
            Withdraw(rule.usd, None),
        ]
        action = chance.choice(actions)
        ours = rule.apply(prices, time, action)
        assert not isinstance(ours, Untold)
        if isinstance(ours, Refused):
            with pytest.raises(TransactionReverted, match=ours.reason.replace("Synth", "(Synth)?")):
                _send(site, user, rule, action, time)
        else:
            assert isinstance(ours, Applied)
            _send(site, user, rule, action, time)
            again, after = site.rule(user, number), ours.successor
            assert isinstance(after, SynthetixV3Rule)
            assert (again.usd_amount, again.debt) == (after.usd_amount, after.debt)
            assert ours.supplied == again.usd_amount
            one, other = again.health(prices, time), after.health(prices, time)
            assert abs(one.power - other.power) <= CLOSE_LATER
            assert one.requirement == other.requirement
        found.append(type(ours).__name__)
        node.revert(snapshot)
    assert min(found.count("Applied"), found.count("Refused")) >= ROUNDS


def test_an_order_stands_in_the_way_until_it_expires(site: Site) -> None:
    """Then margin moves again, though the order stays listed."""
    user, node = site.world.spare[0], site.world.node
    site.perps.create(user, 5)
    site.perps.deposit(user, 5, SNX_USD, 5_000)
    site.perps.trade(user, 5, ETH, 1)
    site.perps.commit(user, 5, ETH, 1)
    rule = site.rule(user, 5)
    assert rule.handle is not None
    until, prices, taking = rule.handle.order_until, prices_of(rule), Withdraw(rule.usd, WAD)
    assert until is not None
    assert rule.apply(prices, until, taking) == Refused("PendingOrderExists")
    snapshot = node.snapshot()
    with pytest.raises(TransactionReverted, match="PendingOrderExists"):
        _send(site, user, rule, taking, until)
    node.revert(snapshot)
    assert isinstance(rule.apply(prices, until + 1, taking), Applied)
    _send(site, user, rule, taking, until + 1)
    assert site.perps.collateral(5, SNX_USD) == rule.usd_amount - WAD


def test_what_is_not_known_is_said(site: Site) -> None:
    """Trades, synths and repayments; all of it in a rule of before."""
    user = site.world.wallets["hedged"]
    rule = site.rule(user, 17)
    now, prices, hands = site.now(), prices_of(rule), Hands(parse_address(user), parse_address(user))
    assert isinstance(rule, AdjustableRule)
    assert isinstance(rule, CallableRule)
    index = rule.positions[0].feed.asset
    for action in (Trade("ETH", WAD), Deposit(index, 1), Withdraw(index, None), Repay(rule.usd, None)):
        for said in (rule.apply(prices, now, action), rule.calls(action, hands)):
            assert isinstance(said, Untold)
            assert "read" in said.reason
    data = json.loads(json.dumps(rule.to_json()))
    assert load_rule(data) == rule
    del data["handle"]
    older = load_rule(data)
    assert older == replace(rule, handle=None)
    for said in (older.apply(prices, now, Deposit(rule.usd, 1)), older.calls(Deposit(rule.usd, 1), hands)):
        assert isinstance(said, Untold)
