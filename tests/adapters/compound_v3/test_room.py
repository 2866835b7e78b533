"""Cash and supply caps of the stand-in for a comet: what it still pays out and takes."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from adapters.compound_v3 import calls
from adapters.compound_v3.applying import CAPPED, NO_CASH
from adapters.compound_v3.margin import CometRule
from adapters.compound_v3.stored import load_rule
from aggregator.model.actions import Applied, Deposit, Repay, Withdraw
from aggregator.model.errors import CallReverted
from aggregator.model.rules import prices_of
from tests.adapters.compound_v3 import hand
from tests.adapters.compound_v3.kit import START, asset_id, fill, read_comet, refusal, rooms, rule_in
from tests.adapters.sending import alone, send_all, told
from tests.devnet.errors import TransactionReverted

if TYPE_CHECKING:
    from tests.devnet.world import World

REVERTED = CallReverted("it is not there", "0x")


def test_no_more_is_taken_than_a_cap_leaves(devnet: World) -> None:
    """The room to the unit; a withdrawal makes as much of it again."""
    comet, user, other = devnet.comet_usdc, *devnet.spare[:2]
    comet.supply(user, "WETH", 10)
    fill(comet, other, "WETH", 2 * 10**18)
    rule, time = rule_in(read_comet(devnet, comet, user)), devnet.node.timestamp
    asset, room = asset_id(comet, "WETH"), 2 * 10**18
    assert rooms(rule) == {asset: room}
    assert rule.apply(prices_of(rule), time, Deposit(asset, room + 1)) == CAPPED
    done = rule.apply(prices_of(rule), time, Withdraw(asset, 10**18))
    assert isinstance(done, Applied)
    assert isinstance(done.successor, CometRule)
    assert isinstance(done.successor.apply(prices_of(rule), time, Deposit(asset, room + 10**18)), Applied)
    # This cap is the largest number: beyond it the sum itself is refused.
    assert refusal(lambda: comet.supply(user, "WETH", "2.000000000000000001")) == "Panic(0x11)"
    comet.supply(user, "WETH", 2)
    assert rooms(rule_in(read_comet(devnet, comet, user))) == {asset: 0}


def test_no_more_is_paid_out_than_there_is(devnet: World) -> None:
    """Others have borrowed all but 400; who repays brings cash."""
    comet, user, other = devnet.comet_usdc, *devnet.spare[:2]
    comet.supply(user, "WETH", 10)
    comet.supply(user, "USDC", 5_000)
    comet.supply(other, "WBTC", 1_000)
    comet.borrow(other, Decimal(devnet.tokens.balance("USDC", comet.comet.address)).scaleb(-6) - 400)
    rule, time = rule_in(read_comet(devnet, comet, user)), devnet.node.timestamp
    usdc, cash = asset_id(comet, "USDC"), 400 * 10**6
    assert rule.cash == cash
    for raw in (cash + 1, None):
        assert rule.apply(prices_of(rule), time, Withdraw(usdc, raw)) == NO_CASH
    done = rule.apply(prices_of(rule), time, Withdraw(usdc, cash))
    assert isinstance(done, Applied)
    assert isinstance(done.successor, CometRule)
    assert done.successor.apply(prices_of(rule), time, Withdraw(usdc, 1)) == NO_CASH
    assert isinstance(rule.apply(prices_of(rule), time, Repay(usdc, 10**6)), Applied)
    with pytest.raises(TransactionReverted):
        comet.withdraw(user, "USDC", "400.000001")
    comet.withdraw(user, "USDC", 400)
    assert rule_in(read_comet(devnet, comet, user)).cash == 0


def test_what_a_step_leaves_to_others(devnet: World) -> None:
    """Cash, interest and room below the cap, as they are read of another account then."""
    comet, user, other = devnet.comet_usdc, *devnet.spare[:2]
    for one in (user, other):
        comet.supply(one, "WETH", 10)
    comet.supply(user, "USDC", 5_000)
    comet.borrow(other, 9_000)
    for action in (Withdraw(asset_id(comet, "USDC"), 10**9), Withdraw(asset_id(comet, "WETH"), 10**18)):
        rule, others = (rule_in(read_comet(devnet, comet, one)) for one in (user, other))
        time = devnet.node.timestamp + 86_400
        done = rule.apply(prices_of(rule), time, action)
        assert isinstance(done, Applied)
        assert done.room is not None
        send_all(devnet, told(rule.calls(action, alone(user))), user, at=time, main=comet.comet.address)
        ours, theirs = others.with_room(done.room), rule_in(read_comet(devnet, comet, other))
        assert (ours.cash, rooms(ours)) == (theirs.cash, rooms(theirs))
        assert ours.health(prices_of(ours), time) == theirs.health(prices_of(ours), time)
        assert ours != others


def test_what_is_not_told_bounds_nothing() -> None:
    """Where a contract lacks the views, and in what was stored before, which stays as it was."""
    comet = hand.Comet()
    rule = hand.rule_of(comet)
    assert load_rule(json.loads(json.dumps(rule.to_json()))) == rule
    assert (rule.cash, list(rooms(rule).values())) == (10**12, [9 * 10**29])
    comet.more = {
        calls.BALANCE.at(hand.USDC, hand.COMET): REVERTED,
        **{calls.COLLATERAL_TOTAL.at(hand.COMET, one): REVERTED for one in (hand.WETH, hand.WBTC)},
    }
    unknown = hand.rule_of(comet)
    held = tuple(replace(one, room=None) for one in rule.collaterals)
    assert unknown == replace(rule, cash=None, collaterals=held)
    data = unknown.to_json()
    assert "cash" not in data
    assert load_rule(json.loads(json.dumps(data))).to_json() == data
    weth = unknown.collaterals[0].feed.asset
    assert isinstance(unknown.apply(prices_of(unknown), START, Deposit(weth, 10**30)), Applied)
