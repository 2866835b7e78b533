"""Replies and stored rules that lie: a failure by name, or a market that is told from another."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from adapters.perp_curie import calls
from adapters.perp_curie.family import CurieFamily
from aggregator.model.actions import Trade, Untold
from aggregator.model.errors import (
    CallReverted,
    MalformedReply,
    NoContract,
    ProviderUnavailable,
    UnusablePrice,
)
from aggregator.model.positions import Perp
from aggregator.model.rules import WAD, JsonValue, Refused, prices_of
from aggregator.model.units import Address, parse_address
from tests.adapters.perp_curie.live import Site, rule_of
from tests.reading_kit import altered, instead, pin, run_read


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
        (calls.SALE_FEE_RATIO, 10**6 + 1, MalformedReply),
        (calls.SALE_MARGIN_RATIO, 10**6 + 1, MalformedReply),
        (calls.PENALTY_RATIO, 10**6 + 1, MalformedReply),
        (calls.COLLATERAL_CONFIG, calls.CollateralConfig(Address("0x0"), 10**6 + 1, 0, 0), MalformedReply),
        (calls.COLLATERAL_PRICE_DECIMALS, 78, MalformedReply),
        (calls.COLLATERAL_PRICE, CallReverted("getPrice", "CM_TINAC"), CallReverted),
        (calls.MARK_PRICE, CallReverted("getMarkPrice", "OLD"), CallReverted),
        (calls.MARKET_TWAP, ProviderUnavailable("local", "gone"), ProviderUnavailable),
        (calls.MARKET_INFO, calls.MarketInfo(Address("0x" + "0" * 40), 0, 0, 0, 0), NoContract),
        (calls.INITIAL_RATIO, 10**6 + 1, MalformedReply),
        (calls.INDEX_PRICE, 0, MalformedReply),
        (calls.TICK, calls.TickInfo(1, 2**127 - 1, 0, 0, 0, 0, 0, initialized=True), None),
        (calls.OWN_MARKET_INFO, CallReverted("getMarketInfoByTrader", "MR_PNE"), None),
        (calls.TICK_SPACING, 0, None),
        (calls.MOST_TICKS, 2**24 - 1, None),
        (calls.ORDER, calls.OrderInfo(0, -60, 60, 0, 0, 0, 0, 0, 0), MalformedReply),
        (calls.BASE_TOKENS, tuple(Address(f"0x{i:040x}") for i in range(256)), MalformedReply),
        (calls.COLLATERAL_TOKENS, (Address("0x" + "1" * 40),) * 2, MalformedReply),
    ],
)
def test_hostile_replies_fail_by_name(
    site: Site, function: Any, said: Any, error: type[Exception] | None
) -> None:
    node = site.world.node
    read = site.adapter.read(site.deployment, parse_address(site.world.wallets["hedged"]), pin(node.url))
    if function is calls.DECIMALS:
        # The vault's own decimals have the same signature: only the token's are another in round 2.
        read = hostile_from(read, function.signature, said)
    else:
        read = altered(read, instead(function.signature, said))
    if error is None:
        # The account is judged all the same; what a trade would do is not told.
        rule = rule_of(run_read(node.url, node.chain_id, read).accounts[0])
        assert isinstance(rule.apply(prices_of(rule), rule.time, Trade("vETH", -100 * WAD)), Untold)
        return
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

    return (yield from altered(rest(), instead(signature, said)))


def test_a_market_too_young_for_its_averages_says_so(site: Site) -> None:
    """What funding will be is not known: no figure for a day, and a warning that later it counts as none."""
    node, user = site.world.node, site.world.wallets["hedged"]
    read = site.adapter.read(site.deployment, parse_address(user), pin(node.url))
    young = CallReverted(calls.MARKET_TWAP.signature, "OLD")
    found = run_read(node.url, node.chain_id, altered(read, instead(calls.MARKET_TWAP.signature, young)))
    perps = [one for one in found.accounts[0].positions if isinstance(one, Perp)]
    assert [one.funding_24h_raw for one in perps] == [None] * 2
    assert sum("too young" in one for one in found.warnings) == len(perps)


def test_a_stored_rule_of_another_shape_is_refused(site: Site) -> None:
    stored: Any = site.rule(site.world.wallets["hedged"]).to_json()
    [held], market = stored["collaterals"], stored["markets"][0]
    changes: list[dict[str, JsonValue]] = [
        {"family": "other"},
        {"time": "1"},
        {"markets": [1]},
        {"maintenance_ratio": 10**7},
        {"paused": 1},
        {"terms": 1},
        {"collaterals": [{**held, "decimals": 10**9}]},
        {"collaterals": [{**held, "discount": -1}]},
        {"access": {**stored["access"], "initial_ratio": 10**7}},
        {"markets": [{**market, "pool": {**market["pool"], "spacing": 0}}]},
        {"markets": [{**market, "pool": {**market["pool"], "uniswap_fee": 10**6}}]},
        {"markets": [{**market, "pool": {**market["pool"], "lowest": -(10**6)}}]},
    ]
    for change in changes:
        with pytest.raises(ValueError, match=r"."):
            CurieFamily().load({**stored, **change})


def test_a_market_of_the_same_symbol_as_a_stopped_one_is_told_from_it(site: Site) -> None:
    """The open one has the plain name, wherever it stands in the trader's list; the other its address."""
    node, user = site.world.node, site.world.wallets["hedged"]
    site.curie.pause_market("vETH")
    read = site.adapter.read(site.deployment, parse_address(user), pin(node.url))
    found = run_read(node.url, node.chain_id, altered(read, instead(calls.SYMBOL.signature, "vETH")))
    rule = rule_of(found.accounts[0])
    bases = [site.curie.bases[name].address.lower() for name in ("vETH", "vBTC")]
    names = {one.name: one.is_open for one in rule.markets}
    assert [one.base for one in rule.markets] == bases
    assert names == {f"vETH@{bases[0]}": False, "vETH": True}
    closed = [rule.close_out(prices_of(rule), rule.time, name) for name in names]
    assert closed == [
        Refused("CH_MNO: the market is not open"),
        Refused("CH_CLWTISO: the trader's orders must be cancelled first"),
    ]


def test_symbols_that_are_no_plain_ones_carry_the_address(site: Site) -> None:
    """Two open markets of one symbol, and a symbol that could pass for another underlying."""
    node, user = site.world.node, site.world.wallets["hedged"]
    [eth, btc] = [site.curie.bases[name].address.lower() for name in ("vETH", "vBTC")]
    for symbol, names in (("vETH", ["vETH", f"vETH@{btc}"]), ("vEth\n", [f"vEth\n@{eth}", f"vEth\n@{btc}"])):
        read = site.adapter.read(site.deployment, parse_address(user), pin(node.url))
        found = run_read(node.url, node.chain_id, altered(read, instead(calls.SYMBOL.signature, symbol)))
        perps = [one for one in found.accounts[0].positions if isinstance(one, Perp)]
        assert [one.market for one in perps] == names
        assert [one.underlying for one in perps] == ["ETH" if one == "vETH" else one for one in names]
