"""Reads of unusual wallets, markets and replies; rounds; deployments of one's own."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from adapters.perp_curie import calls
from adapters.perp_curie.adapter import build
from adapters.perp_curie.family import CurieFamily
from adapters.perp_curie.uniswap import MAX_TICK, root_at_tick
from aggregator.contract import Deployment, Deployments
from aggregator.model.errors import BadConfiguration, MalformedReply, Unsupported, UnusablePrice
from aggregator.model.positions import Perp
from aggregator.model.rules import JsonValue, Oracle, Refused, prices_of
from aggregator.model.units import ChainId, parse_address
from tests.adapters.perp_curie.live import Site, rule_of
from tests.reading_kit import pin, read_accounts, run_read


def counted(read: Generator[Any, Any, Any], rounds: list[int]) -> Generator[Any, Any, Any]:
    """The read itself, its rounds counted."""
    answers = None
    while True:
        try:
            asked = read.send(answers)
        except StopIteration as done:
            return done.value
        rounds.append(len(asked))
        answers = yield asked


def test_three_rounds_for_an_account_and_one_for_none(site: Site) -> None:
    node, found = site.world.node, {}
    for name in ("hedged", "empty"):
        rounds: list[int] = []
        read = site.adapter.read(site.deployment, parse_address(site.world.wallets[name]), pin(node.url))
        found[name] = run_read(node.url, node.chain_id, counted(read, rounds))
        assert len(rounds) == (3 if name == "hedged" else 1)
    assert not found["empty"].accounts
    [account] = found["hedged"].accounts
    assert account.id.startswith(f"perp_curie:{node.chain_id}:0x")
    assert {one.market: one.size_raw for one in account.positions if isinstance(one, Perp)}["vETH"] < 0
    assert any("range orders" in one for one in found["hedged"].warnings)


def test_probe_tells_what_the_insurance_fund_can_cover(site: Site) -> None:
    node = site.world.node
    sentences = run_read(node.url, node.chain_id, site.adapter.probe(site.deployment, pin(node.url)))
    assert "maintenance margin 6.25%" in sentences[0]
    assert "insurance fund can cover 50" in sentences[1]


def test_a_stopped_market_counts_at_its_fixed_price(site: Site) -> None:
    """First paused, then closed at a price of the owner's: equal to the contracts each time."""
    user = site.curie.site.account("borrower")
    site.curie.pause_market("vETH")
    for close in (False, True):
        if close:
            site.curie.close_market("vETH", 1_777)
        site.world.node.warp(1_000)
        reading, said = site.read(user), site.said(user)
        [account] = reading.accounts
        rule = rule_of(account)
        ours = rule.health(prices_of(rule), site.world.node.timestamp)
        assert (ours.power, ours.requirement) == (said.value, said.requirement)
        [stopped] = [one for one in rule.markets if not one.is_open]
        assert stopped.feed.oracle is Oracle.FIXED
        assert [one.market for one in account.positions if isinstance(one, Perp)] == ["vBTC"]
        assert any("has stopped" in one for one in reading.warnings)
        assert rule.close_out(prices_of(rule), rule.time, "vETH") == Refused("CH_MNO: the market is not open")
    assert stopped.feed.price == 1_777 * 10**18


def test_addresses_that_do_not_belong_together_are_refused(site: Site) -> None:
    addresses = dict(site.deployment.addresses)
    with pytest.raises(BadConfiguration, match="vault"):
        build(Deployments((deployment({**addresses, "vault": None}),), ()))
    other = {**addresses, "exchange": parse_address(site.curie.order_book.address)}
    with pytest.raises(Unsupported, match="exchange"):
        read_accounts(
            site.world.node.url, build(Deployments((deployment(other),), ())), site.world.wallets["hedged"]
        )


def deployment(addresses: dict[str, Any]) -> Deployment:
    given = {role: one for role, one in addresses.items() if one is not None}
    return Deployment("perp_curie", ChainId(31337), "fork", given, "a test")


def hostile(read: Generator[Any, Any, Any], signature: str, said: Any) -> Generator[Any, Any, Any]:
    """The read, in which every reply of one function is another."""
    answers = None
    while True:
        try:
            asked = read.send(answers)
        except StopIteration as done:
            return done.value
        got = yield asked
        names = [getattr(one, "function", None) for one in asked]
        answers = [
            said if f is not None and f.signature == signature else a for f, a in zip(names, got, strict=True)
        ]


@pytest.mark.parametrize(
    ("function", "said", "error"),
    [
        (calls.MARK_PRICE, 0, UnusablePrice),
        (calls.COLLATERAL_PRICE, 0, UnusablePrice),
        (calls.SETTLEMENT_DECIMALS, 19, MalformedReply),
        (calls.DECIMALS, 255, MalformedReply),
        (calls.SLOT, calls.Slot(0, 0, 0, 0, 0, 0, unlocked=True), MalformedReply),
        (calls.ORDER, calls.OrderInfo(1, 60, 60, 0, 0, 0, 0, 0, 0), MalformedReply),
        (calls.ORDER, calls.OrderInfo(1, -900_000, 60, 0, 0, 0, 0, 0, 0), MalformedReply),
        (calls.ORDER_IDS, (b"1" * 32, b"1" * 32), MalformedReply),
        (calls.BALANCE_OF_TOKEN, -1, MalformedReply),
        (calls.MAINTENANCE_RATIO, 10**6 + 1, MalformedReply),
        (calls.REQUIREMENT, -1, MalformedReply),
    ],
)
def test_hostile_replies_fail_by_name(site: Site, function: Any, said: Any, error: type[Exception]) -> None:
    node = site.world.node
    read = site.adapter.read(site.deployment, parse_address(site.world.wallets["hedged"]), pin(node.url))
    if function is calls.DECIMALS:
        # The vault's own decimals have the same signature: only the token's are another in round 2.
        read = hostile_from(read, function.signature, said)
    else:
        read = hostile(read, function.signature, said)
    with pytest.raises(error):
        run_read(node.url, node.chain_id, read)


def hostile_from(read: Generator[Any, Any, Any], signature: str, said: Any) -> Generator[Any, Any, Any]:
    """As `hostile`, but from the second round on."""
    first = read.send(None)
    got = yield first

    def rest() -> Generator[Any, Any, Any]:
        answers = got
        while True:
            try:
                asked = read.send(answers)
            except StopIteration as done:
                return done.value
            answers = yield asked

    return (yield from hostile(rest(), signature, said))


def test_a_stored_rule_of_another_shape_is_refused(site: Site) -> None:
    stored = site.rule(site.world.wallets["hedged"]).to_json()
    changes: list[dict[str, JsonValue]] = [
        {"family": "other"},
        {"time": "1"},
        {"markets": [1]},
        {"maintenance_ratio": 10**7},
        {"paused": 1},
    ]
    for change in changes:
        with pytest.raises(ValueError, match=r"."):
            CurieFamily().load({**stored, **change})


def test_root_prices_of_ticks() -> None:
    """The outermost are those that TickMath names, 0 is 1."""
    assert root_at_tick(0) == 2**96
    assert root_at_tick(-MAX_TICK) == 4_295_128_739
    assert root_at_tick(MAX_TICK) == 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
    with pytest.raises(ValueError, match="beyond"):
        root_at_tick(MAX_TICK + 1)
