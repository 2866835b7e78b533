"""Transactions that the rule names, sent for real: the account read again is its successor, to the wei."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from fractions import Fraction

import pytest

from adapters.synthetix_perps_v2.acting import Executed, TradablePerpsV2Rule
from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule
from adapters.synthetix_perps_v2.fills import fill_price
from adapters.synthetix_perps_v2.sending import TOLERANCE_BPS
from adapters.synthetix_perps_v2.stored import load_rule
from aggregator.model.actions import Action, Applied, Deposit, Repay, Trade, Untold, Withdraw
from aggregator.model.calls import CallableRule, Hands, UnsignedCall
from aggregator.model.positions import Perp
from aggregator.model.rules import WAD, Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.synthetix_perps_v2.live import ETH_MARKET, Site
from tests.devnet.errors import TransactionReverted
from tests.devnet.synthetix_pyth import OffchainPrices

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
    """Other assets, other markets, repayments; of a rule stored without terms, all but deposits."""
    user = site.world.spare[0]
    site.world.synthetix.open(user, ETH_MARKET, margin=1_500, size=1)
    rule = _rule(site, user)
    now, susd, hands = (
        rule.market.funding_time,
        rule.closing.settlement,
        Hands(parse_address(user), parse_address(user)),
    )
    assert isinstance(rule, TradablePerpsV2Rule)
    for action in (Deposit(rule.feed.asset, 1), Trade("sBTCPERP", WAD), Repay(susd, 1)):
        assert isinstance(rule.apply(prices_of(rule), now, action), Untold)
        assert isinstance(rule.calls(action, hands), Untold)
    data = rule.to_json()
    assert load_rule(json.loads(json.dumps(data))) == rule
    older = load_rule({name: value for name, value in data.items() if name != "terms"})
    assert isinstance(older, ClosablePerpsV2Rule)
    assert not isinstance(older, CallableRule)
    for later in (Withdraw(susd, 1), Trade(ETH_MARKET, WAD)):
        assert isinstance(older.apply(prices_of(rule), now, later), Untold)
    new, old = (one.apply(prices_of(rule), now, Deposit(susd, 7)) for one in (rule, older))
    assert isinstance(new, Applied)
    assert isinstance(old, Applied)
    assert (new.paid, new.supplied, new.settled) == (old.paid, old.supplied, old.settled)


def _tradable(site: Site, user: str) -> TradablePerpsV2Rule:
    rule = _rule(site, user)
    assert isinstance(rule, TradablePerpsV2Rule)
    return rule


def _send(site: Site, user: str, action: Action, time: int) -> UnsignedCall:
    """The rule's one call for an action, sent at a time."""
    named = _rule(site, user)
    assert isinstance(named, CallableRule)
    calls = named.calls(action, Hands(parse_address(user), parse_address(user)))
    assert not isinstance(calls, Untold)
    [call] = calls
    assert call.value == 0
    site.world.node.next_block_at(time)
    site.world.chain.transact(call.to, call.data, sender=user)
    return call


def test_transfers_of_margin(site: Site) -> None:
    """In, out, and all that is accessible: the account read again is the successor."""
    node, user = site.world.node, site.world.spare[0]
    site.world.synthetix.open(user, ETH_MARKET, margin=4_000, size=5)
    site.world.synthetix.susd.send("issue", user, 10**24)
    site.world.prices.set(ETH=2010)
    susd = _rule(site, user).closing.settlement
    for action in (Deposit(susd, 123 * WAD + 1), Withdraw(susd, 77 * WAD - 1), Withdraw(susd, None)):
        rule, time = _tradable(site, user), node.timestamp + 3_600
        ours = rule.apply(prices_of(rule), time, action)
        assert isinstance(ours, Applied)
        call = _send(site, user, action, time)
        assert call.later is None
        assert _rule(site, user) == ours.successor


@pytest.mark.parametrize("share", [Fraction(-1), Fraction(-1, 3), Fraction(1, 2), Fraction(-2)])
def test_orders(site: Site, share: Fraction) -> None:
    """Close, reduce, increase, turn around: what waits and what is left are told, and the limit holds."""
    node, perps, user = site.world.node, site.world.synthetix, site.world.spare[0]
    keeper, prices = site.world.spare[1], OffchainPrices(site.world.synthetix)
    perps.open(user, ETH_MARKET, margin=4_000, size=5)
    rule, time = _tradable(site, user), node.timestamp + 600
    size = int(rule.size * share)
    call = _send(site, user, Trade(ETH_MARKET, size), time)
    assert call.later == "a keeper"
    waiting, price = _tradable(site, user), prices_of(rule)[rule.feed.asset]
    assert waiting == rule.submitted(price, time, size)
    order = perps.markets[ETH_MARKET].call("delayedOrders", user)
    assert (order["sizeDelta"], order["isOffchain"]) == (size, True)
    fill = fill_price(rule.market, size, price)
    assert (
        abs(
            order["desiredFillPrice"] * 10_000
            - fill * (10_000 + (TOLERANCE_BPS if size > 0 else -TOLERANCE_BPS))
        )
        < 10_000
    )

    def execute(dollars: Decimal) -> None:
        data = prices.published(ETH_MARKET, dollars, time + 3)
        node.next_block_at(time + 4)
        perps.markets[ETH_MARKET].send("executeOffchainDelayedOrder", user, [data], sender=keeper)

    snapshot = node.snapshot()
    # A price that has moved by more than the limit allows, against the trader.
    moved = Decimal(2000) * (Decimal("1.02") if size > 0 else Decimal("0.98"))
    gone = waiting.executed(int(moved * WAD), time + 4, size, order["desiredFillPrice"])
    assert gone == Refused("Price impact exceeded")
    with pytest.raises(TransactionReverted, match=gone.reason):
        execute(moved)
    node.revert(snapshot)
    ours = waiting.executed(1_999 * WAD, time + 4, size, order["desiredFillPrice"])
    assert isinstance(ours, Executed)
    execute(Decimal(1999))
    said = site.said(user, ETH_MARKET)
    assert (said.margin, said.size, said.last_price) == (
        ours.rule.margin,
        ours.rule.size,
        ours.rule.last_price,
    )
    account = site.account(user, ETH_MARKET)
    if share == -1:
        assert account.rule is None
        assert account.positions[1:] == ()
        assert perps.markets[ETH_MARKET].call("marketSkew") == ours.rule.market.skew
        return
    assert account.rule == ours.rule
    perp = account.positions[1]
    assert isinstance(perp, Perp)
    assert (perp.size_raw, perp.entry_price_raw) == (ours.rule.size, ours.fill)


def test_an_order_to_close_what_is_gone_opens_nothing(site: Site) -> None:
    """The market refuses it, where an order of that size would turn the position around."""
    user, perps = site.world.spare[0], site.world.synthetix
    perps.open(user, ETH_MARKET, margin=1_000, size=2)
    rule = _tradable(site, user)
    perps.close(user, ETH_MARKET)
    calls = rule.calls(Trade(ETH_MARKET, -rule.size), Hands(parse_address(user), parse_address(user)))
    assert not isinstance(calls, Untold)
    [call] = calls
    with pytest.raises(TransactionReverted, match="No position open"):
        site.world.chain.transact(call.to, call.data, sender=user)
