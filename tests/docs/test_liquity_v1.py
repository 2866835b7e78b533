"""The worked example of docs/adapters.md, tested as the page says that an adapter should be."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aggregator.contract import Deployment, Deployments, Shocked
from aggregator.model.assets import native_id
from aggregator.model.errors import AdapterFault, BadConfiguration, CallReverted, UnusablePrice
from aggregator.model.positions import Debt, Supply
from aggregator.model.readings import Block, Reading
from aggregator.model.rules import WAD, Feed, Oracle, prices_of
from aggregator.model.units import Address, ChainId, parse_address
from tests.docs.liquity_v1 import adapter as example
from tests.docs.liquity_v1.adapter import (
    POOL_DEPOSITS,
    PRICE,
    RATIO,
    RECOVERY,
    SYSTEM_COLLATERAL,
    SYSTEM_DEBT,
    TROVE,
    Trove,
)
from tests.docs.liquity_v1.margin import CRITICAL_RATIO, TroveFamily, TroveRule

MANAGER, FEED, POOL, LUSD = (Address("0x" + digit * 40) for digit in "1234")
WALLET = Address("0x" + "a" * 40)
HERE = Deployment(
    adapter="liquity_v1",
    chain=ChainId(1),
    name="Liquity V1",
    addresses={"trove_manager": MANAGER, "price_feed": FEED, "stability_pool": POOL, "lusd": LUSD},
    source="by hand",
)
BLOCK = Block(ChainId(1), 20_000_000, "0x" + "0b" * 32, "0x" + "0a" * 32, 1_718_000_000)
ADAPTER = example.build(Deployments(entries=(HERE,), tokens=()))


def result(read: Any, replies: Sequence[Any]) -> Reading:
    """What a read returns once it is sent its last replies."""
    with pytest.raises(StopIteration) as end:
        read.send(replies)
    assert isinstance(end.value.value, Reading)
    return end.value.value


def test_a_trove_takes_two_rounds() -> None:
    """10 ETH against 9,000 LUSD at $2,000: a ratio of 2.22, that is 2.02 times the required 1.1."""
    read = ADAPTER.read(HERE, WALLET, BLOCK)
    assert next(read) == [
        TROVE.at(MANAGER, WALLET),
        PRICE.at(FEED),
        SYSTEM_COLLATERAL.at(MANAGER),
        SYSTEM_DEBT.at(MANAGER),
        POOL_DEPOSITS.at(POOL),
    ]
    trove = Trove(debt=9_000 * WAD, collateral=10 * WAD, pending_debt=0, pending_collateral=0)
    second = read.send([trove, 2_000 * WAD, 1_000 * WAD, 900_000 * WAD, 50_000 * WAD])
    assert second == [RATIO.at(MANAGER, WALLET, 2_000 * WAD), RECOVERY.at(MANAGER, 2_000 * WAD)]
    [account] = result(read, [2_222222222222222222, False]).accounts
    assert account.rule is not None
    assert account.reported is not None
    ours = account.rule.health(prices_of(account.rule), BLOCK.timestamp)
    assert ours.health == account.reported.health == 2_020202020202020201
    assert not ours.liquidatable
    supply, debt = account.positions
    assert isinstance(supply, Supply)
    assert isinstance(debt, Debt)
    assert (supply.raw, debt.raw) == (10 * WAD, 9_000 * WAD)


def test_no_trove_is_no_account_after_one_round() -> None:
    """The price is quoted all the same: other accounts may hold ETH."""
    read = ADAPTER.read(HERE, WALLET, BLOCK)
    next(read)
    reading = result(read, [Trove(0, 0, 0, 0), 2_000 * WAD, 1_000 * WAD, 900_000 * WAD, 50_000 * WAD])
    assert reading.accounts == ()
    assert [quote.usd for quote in reading.quotes] == [2_000]


def test_a_failed_call_fails_the_read() -> None:
    """A stability pool that can't be read must not count as an empty one."""
    read = ADAPTER.read(HERE, WALLET, BLOCK)
    next(read)
    refused = CallReverted(POOL_DEPOSITS.at(POOL).origin, "paused")
    with pytest.raises(CallReverted):
        read.send([Trove(9_000 * WAD, 10 * WAD, 0, 0), 2_000 * WAD, 1_000 * WAD, 900_000 * WAD, refused])


def test_a_price_of_zero_fails_the_read() -> None:
    """It would make the trove look worthless, and every other holder of ETH with it."""
    read = ADAPTER.read(HERE, WALLET, BLOCK)
    next(read)
    with pytest.raises(UnusablePrice):
        read.send([Trove(9_000 * WAD, 10 * WAD, 0, 0), 0, 1_000 * WAD, 900_000 * WAD, 50_000 * WAD])


def test_a_mode_that_the_totals_deny_fails_the_read() -> None:
    """The system's totals decide who can be liquidated: if they don't explain the mode, they are wrong."""
    read = ADAPTER.read(HERE, WALLET, BLOCK)
    next(read)
    read.send([Trove(9_000 * WAD, 10 * WAD, 0, 0), 2_000 * WAD, 1_000 * WAD, 900_000 * WAD, 50_000 * WAD])
    with pytest.raises(AdapterFault):
        read.send([2_222222222222222222, True])


def test_probe_says_how_many_troves_there_are() -> None:
    """One round, two sentences for `doctor`."""
    probe = ADAPTER.probe(HERE, BLOCK)
    next(probe)
    with pytest.raises(StopIteration) as end:
        probe.send([321, 2_000 * WAD])
    assert end.value.value == ("321 troves", "ETH at 2000 USD")


def test_a_missing_address_is_told_at_once() -> None:
    """Not at the first read, where it would be a KeyError."""
    bare = Deployment("liquity_v1", ChainId(1), "Liquity V1", {"trove_manager": MANAGER}, "by hand")
    with pytest.raises(BadConfiguration, match="price_feed"):
        example.build(Deployments(entries=(bare,), tokens=()))


def test_the_shipped_deployments_have_every_address() -> None:
    """deployments.toml as the registry reads it, checksums included."""
    text = (Path(__file__).parent / "liquity_v1" / "deployments.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(text)["deployment"]:
        assert set(entry["addresses"]) == set(example.ROLES)
        for address in entry["addresses"].values():
            parse_address(address)


amounts = st.integers(1, 10**9).map(lambda units: units * 10**13)
rules = st.builds(
    TroveRule,
    feed=st.builds(
        Feed,
        st.just(native_id(ChainId(1))),
        st.just(Oracle.MARKET),
        st.integers(WAD, 10**5 * WAD),
        st.just(18),
        st.just("fetchPrice()@0x2"),
    ),
    collateral=amounts,
    debt=amounts,
    covered=st.booleans(),
    system_collateral=amounts,
    system_debt=amounts,
)


@given(st.lists(rules, min_size=1, max_size=4), st.lists(st.floats(0.05, 20), min_size=1, max_size=4))
def test_the_fast_form_agrees_with_the_exact_one(troves: list[TroveRule], moves: list[float]) -> None:
    """To 1e-9, except where a float can't tell on which side of the critical ratio the system is."""
    family = TroveFamily()
    prices = [[int(trove.feed.price * move) for move in moves] for trove in troves]
    power, requirement = family.margin(
        family.columns(troves), Shocked.in_usd(np.array(prices, dtype=np.float64) / WAD, BLOCK.timestamp)
    )
    for i, trove in enumerate(troves):
        for j, price in enumerate(prices[i]):
            system = trove.system_collateral * price / trove.system_debt
            assume(abs(system / CRITICAL_RATIO - 1) > 1e-9)
            exact = trove.health({trove.feed.asset: price}, BLOCK.timestamp)
            assert power[i, j] == pytest.approx(exact.power / 10**exact.decimals, rel=1e-9)
            assert requirement[i, j] == pytest.approx(exact.requirement / 10**exact.decimals, rel=1e-9)


@given(rules)
def test_a_stored_rule_is_the_same_rule(trove: TroveRule) -> None:
    """Through JSON text, as the database keeps it."""
    assert TroveFamily().load(json.loads(json.dumps(trove.to_json()))) == trove


@given(rules)
def test_liquidatable_is_health_below_one(trove: TroveRule) -> None:
    """The flag and the ratio never contradict each other."""
    health = trove.health(prices_of(trove), BLOCK.timestamp)
    assert health.health is not None
    assert health.liquidatable == (health.health < WAD)


def test_recovery_mode_raises_what_is_required() -> None:
    """All troves together at 140%: a covered trove at 130% can be liquidated, another one can't."""
    feed = Feed(native_id(ChainId(1)), Oracle.MARKET, 2_000 * WAD, 18, "fetchPrice()@0x2")
    totals = {"system_collateral": 700 * WAD, "system_debt": 1_000_000 * WAD}
    for covered in (True, False):
        trove = TroveRule(feed, 65 * WAD, 100_000 * WAD, covered, **totals)
        assert trove.health(prices_of(trove), BLOCK.timestamp).liquidatable is covered
