"""Cash and supply caps: what a reserve still pays out and takes, after actions and interest."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from adapters.aave_v3.liquidation import LiquidatableAaveRule
from adapters.aave_v3.room import SupplyCap
from adapters.aave_v3.terms import ReserveTerms, load_terms, terms_to_json
from aggregator.model.actions import Applied, AssetAction, Deposit, Repay, Withdraw
from aggregator.model.assets import AssetId, token_id
from aggregator.model.rules import Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.aave_v3.kit import CHAIN, read_market, rule_in
from tests.adapters.sending import alone, send_all, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.devnet.aave import Aave
    from tests.devnet.world import World

DAY_S = 86_400
MARKETS = [
    pytest.param(lambda world: world.aave_v301, id="v3.0.1"),
    pytest.param(lambda world: world.aave_v36, id="v3.6"),
]


def rule_of(world: World, market: Aave, user: str) -> LiquidatableAaveRule:
    rule = rule_in(read_market(world, market, user))
    assert isinstance(rule, LiquidatableAaveRule)
    return rule


def room(rule: LiquidatableAaveRule, asset: AssetId, time: int) -> tuple[int, int]:
    """Cash, and how much more may be supplied."""
    at = rule.find(asset)
    assert at is not None
    cash, cap = rule.terms[at].cash, rule.terms[at].supply_cap
    assert cash is not None
    assert cap is not None
    return cash, cap.room(rule.legs[at].accrual, rule.maths, time)


@pytest.mark.parametrize("choose", MARKETS)
def test_it_is_what_the_pool_has_afterwards(devnet: World, choose: Callable[[World], Aave]) -> None:
    """Of the account and another one, after a month in which the treasury's part has grown."""
    market, user = choose(devnet), devnet.spare[0]
    asset = token_id(CHAIN, parse_address(market.asset("USDC")))
    market.configurator.send("setSupplyCap", market.asset("USDC"), 12_000_000)
    other = devnet.spare[1]
    for one in (user, other):
        market.supply(one, "USDC", 50_000)
        market.borrow(one, "USDC", 10_000)
    market.tokens.mint("USDC", user, 100_000)
    actions: list[AssetAction] = [
        Deposit(asset, 70_000 * 10**6),
        Withdraw(asset, 9 * 10**9),
        Repay(asset, 10**9),
    ]
    for action in actions:
        rule, others = (rule_of(devnet, market, one) for one in (user, other))
        time = devnet.node.timestamp + 30 * DAY_S
        done = rule.apply(prices_of(rule), time, action)
        assert isinstance(done, Applied)
        calls = told(rule.calls(action, alone(user)))
        send_all(devnet, calls, user, at=time, main=market.pool.address)
        assert isinstance(done.successor, LiquidatableAaveRule)
        assert done.room is not None
        left = others.with_room(done.room)
        for ours, now in ((done.successor, user), (left, other)):
            mine, theirs = (room(one, asset, time) for one in (ours, rule_of(devnet, market, now)))
            assert mine[0] == theirs[0]
            assert abs(mine[1] - theirs[1]) <= 10**4, (mine, theirs)  # a cent of 12 millions
        again = rule_of(devnet, market, other)
        assert left.health(prices_of(left), time) == again.health(prices_of(again), time)


def test_what_was_stored_before_they_were_read_stays_as_it_is() -> None:
    """Neither is written where it is not known: `snapshot verify` writes a loaded rule again."""
    known = ReserveTerms(10_500, 1_000, active=True, paused=False, grace_until=0, cash=7)
    known = replace(known, supply_cap=SupplyCap(10**6, 10**5, 1_000))
    stored = terms_to_json(known)
    assert load_terms(stored) == known
    before = {name: value for name, value in stored.items() if name not in {"cash", "supply_cap"}}
    assert terms_to_json(load_terms(before)) == before


@pytest.mark.parametrize("choose", MARKETS)
def test_no_more_than_there_is(devnet: World, choose: Callable[[World], Aave]) -> None:
    """One unit more than the room, or than the cash, is refused; both are kept with the rule."""
    market, user, others = choose(devnet), devnet.spare[0], devnet.spare[1]
    asset = token_id(CHAIN, parse_address(market.asset("USDC")))
    market.configurator.send("setSupplyCap", market.asset("USDC"), 11_000_000)
    market.supply(user, "USDC", 50_000)
    market.supply(others, "WBTC", 1_000)
    cash = Decimal(devnet.tokens.balance("USDC", market.a_token("USDC").address)).scaleb(-6)
    market.borrow(others, "USDC", cash - 400)
    rule, time = rule_of(devnet, market, user), devnet.node.timestamp
    cash_raw, room_raw = room(rule, asset, time)
    assert cash_raw == 400 * 10**6
    for action, fits in (
        (Withdraw(asset, cash_raw), True),
        (Withdraw(asset, cash_raw + 1), False),
        (Withdraw(asset, None), False),
        (Deposit(asset, room_raw), True),
        (Deposit(asset, room_raw + 1), False),
    ):
        done = rule.apply(prices_of(rule), time, action)
        assert isinstance(done, Applied if fits else Refused), action
    assert [load_terms(terms_to_json(one)) for one in rule.terms] == list(rule.terms)
