"""A trader's own actions on the real contracts, compared with what the rule said of them before."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from adapters.perp_curie.margin import CurieRule
from aggregator.model.actions import Action, Applied, Deposit, Trade, Traded, Untold, Withdraw
from aggregator.model.calls import Hands, UnsignedCall
from aggregator.model.positions import Debt, Perp, Supply
from aggregator.model.rules import WAD, Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.perp_curie.live import Site, compare, rule_of
from tests.devnet.errors import TransactionReverted
from tests.volume import volume

SETTLED = 2_000
"""Seconds after which no average moves any more."""


def calls_of(rule: CurieRule, user: str, action: Action) -> list[UnsignedCall]:
    address = parse_address(user)
    calls = rule.calls(action, Hands(address, address))
    assert not isinstance(calls, Untold), calls.reason
    return list(calls)


def send(site: Site, user: str, calls: list[UnsignedCall]) -> None:
    for call in calls:
        site.world.chain.transact(call.to, call.data, sender=user, value=call.value)


def done(site: Site, user: str, action: Action) -> Applied | Traded:
    """What the rule says that an action does when its last call is mined, checked against it."""
    before = site.rule(user)
    calls = calls_of(before, user, action)
    time = site.world.node.timestamp + len(calls)
    said = before.apply(prices_of(before), time, action)
    assert isinstance(said, Applied | Traded), said
    send(site, user, calls)
    accounts = site.read(user).accounts
    if not accounts:
        left = said.successor
        assert left is None or (isinstance(left, CurieRule) and not (left.feeds or left.settlement_raw))
        return said
    [account] = accounts
    after, expected = rule_of(account), said.successor
    assert isinstance(expected, CurieRule)
    compare(expected, after)
    theirs, ours = site.said(user), expected.health(prices_of(expected), time)
    # Funding is cut to a unit of 10^-18, which may be the settlement token's last one.
    exact = expected.exact_value(prices_of(expected), time)
    assert theirs.value in {(exact + one) // before.unit * before.unit for one in (-2, 0, 2)}
    assert ours.power == exact // before.unit * before.unit
    assert ours.requirement == theirs.requirement
    pools = {one.name: one for one in after.markets}
    for one in expected.markets:
        assert one.root == pools[one.name].root
        assert abs(one.funding - pools[one.name].funding) <= 1
        if one.pool is not None:
            found = pools[one.name].pool
            assert found is not None
            assert (one.pool.depth.tick, one.pool.depth.liquidity) == (
                found.depth.tick,
                found.depth.liquidity,
            )
    shown = sum(
        one.raw for one in account.positions if isinstance(one, Supply) and one.asset.id == before.settlement
    )
    shown -= sum(one.raw for one in account.positions if isinstance(one, Debt))
    if isinstance(said, Traded):
        assert isinstance(action, Trade)
        assert said.margin == (before.settlement, shown)
        perps = [one for one in account.positions if isinstance(one, Perp) and one.market == action.market]
        figures = [(one.size_raw, one.entry_price_raw, one.pnl_raw, one.funding_raw) for one in perps]
        assert figures == ([(said.size_raw, said.entry_price_raw, said.pnl_raw, 0)] if said.size_raw else [])
    return said


def refused(site: Site, user: str, action: Action) -> str:
    """The contracts refuse what the rule refuses, by a code that it names."""
    rule = site.rule(user)
    said = rule.apply(prices_of(rule), site.world.node.timestamp + 1, action)
    assert isinstance(said, Refused), said
    with pytest.raises(TransactionReverted) as caught:
        tried(site, user, rule, action)
    assert caught.value.reason in said.reason, (caught.value.reason, said.reason)
    return said.reason.partition(":")[0]


def tried(site: Site, user: str, rule: CurieRule, action: Action) -> None:
    """Send an action whatever the rule says of it: a trade without a bound."""
    if not isinstance(action, Trade):
        send(site, user, calls_of(rule, user, action)[-1:])
        return
    [held] = [one.size for one in rule.markets if one.name == action.market]
    if action.size_raw == -held:
        site.curie.close(user, action.market)
    else:
        site.curie.open(user, action.market, f"{action.size_raw:d}e-18")


def drawn(draw: random.Random, rule: CurieRule) -> Action:
    """Anything that a trader might do, some of it too much."""
    kind = draw.choice(("deposit", "withdraw", "trade", "trade", "trade"))
    held = [rule.settlement, *(one.feed.asset for one in rule.collaterals)]
    asset = draw.choice(held)
    unit = 10**6 if asset == rule.settlement else 10**16
    if kind == "deposit":
        return Deposit(asset, draw.randrange(1, 200 * unit))
    if kind == "withdraw" or not rule.markets:
        return Withdraw(asset, draw.choice((None, draw.randrange(1, 300 * unit))))
    market = draw.choice(rule.markets)
    size = market.size or WAD // 10
    share = draw.choice((-1, -1, -draw.random(), -1 - draw.random(), draw.random(), draw.random() * 20))
    return Trade(market.name, -size if share == -1 else int(size * share) or 1)


@pytest.mark.parametrize("seed", range(volume(2, 40)))
def test_random_actions_are_the_contracts_own(site: Site, seed: int) -> None:
    draw, seen = random.Random(seed), Counter[str]()
    users = site.crowd(seed, 8)
    for user in users:
        for symbol in ("USDC", "WETH"):
            site.world.tokens.mint(symbol, user, 10_000)
    for _ in range(volume(14, 40)):
        site.world.node.warp(SETTLED)
        user = draw.choice(users)
        if not site.read(user).accounts:
            site.curie.deposit(user, "USDC", 500)
            site.curie.open(user, draw.choice(("vETH", "vBTC")), draw.choice(("0.03", "-0.02")))
            continue
        rule = site.rule(user)
        action = drawn(draw, rule)
        said = rule.apply(prices_of(rule), rule.time, action)
        kind = f"{type(action).__name__} {type(said).__name__}"
        if isinstance(said, Untold):
            assert "own range orders" in said.reason
        elif isinstance(said, Refused):
            kind = refused(site, user, action)
        else:
            done(site, user, action)
        seen[kind] += 1
    assert seen["Trade Traded"] > 2, seen
