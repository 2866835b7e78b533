"""Reads of unusual wallets, markets and replies; rounds; deployments of one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.perp_curie.adapter import build
from aggregator.contract import Deployment, Deployments
from aggregator.model.errors import BadConfiguration, Unsupported
from aggregator.model.positions import Perp
from aggregator.model.rules import Oracle, Refused, prices_of
from aggregator.model.units import ChainId, parse_address
from aggregator.pricing.concentrated import MAX_TICK, root_at_tick
from tests.adapters.perp_curie.live import Site, rule_of
from tests.reading_kit import altered, pin, read_accounts, run_read


def test_three_rounds_for_an_account_and_one_for_none(site: Site) -> None:
    node, found = site.world.node, {}
    for name in ("hedged", "empty"):
        rounds: list[int] = []
        read = site.adapter.read(site.deployment, parse_address(site.world.wallets[name]), pin(node.url))
        found[name] = run_read(node.url, node.chain_id, altered(read, rounds=rounds))
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


def test_the_entry_price_explains_the_profit_even_below_zero(site: Site) -> None:
    """A maker who sold all of a range and bought most of it back above is short with a quote that is owed."""
    curie, user = site.curie, str(site.world.spare[0])
    curie.deposit(user, "USDC", 3_000)
    curie.add_liquidity(user, "vETH", quote=0, base="1", lower=2_060, upper=2_110)
    for _ in range(3):
        curie.arbitrage("vETH", 2_190)
        site.world.node.warp(60)
    curie.open(user, "vETH", "0.98")
    [perp] = [one for one in site.account(user).positions if isinstance(one, Perp)]
    assert perp.size_raw < 0
    assert perp.entry_price_raw < 0
    explained = perp.size_raw * (perp.mark_price_raw - perp.entry_price_raw) // 10**30
    assert abs(explained - perp.pnl_raw) <= 1


def test_a_deployment_of_ones_own_has_its_own_name(site: Site) -> None:
    here = deployment(dict(site.deployment.addresses))
    [account] = read_accounts(
        site.world.node.url, build(Deployments((here,), ())), site.world.wallets["hedged"]
    ).accounts
    assert account.label == "fork"


def test_refusals_come_in_the_contracts_order(site: Site) -> None:
    """Of a market where the trader has nothing: the clearing house's stop, orders, and enough value first."""
    rule = site.rule(site.world.wallets["hedged"])
    prices = prices_of(rule)
    bare = replace(rule, markets=tuple(replace(one, orders=()) for one in rule.markets))
    poor = replace(bare, balance=-(10**12))
    for given, code in (
        (replace(poor, paused=True), "Pausable"),
        (rule, "CH_CLWTISO"),
        (bare, "CH_EAV"),
        (poor, "CH_PSZ"),
    ):
        said = given.close_out(prices, rule.time, "vDOGE")
        assert isinstance(said, Refused)
        assert said.reason.startswith(code)


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


def test_root_prices_of_ticks() -> None:
    """The outermost are those that TickMath names, 0 is 1."""
    assert root_at_tick(0) == 2**96
    assert root_at_tick(-MAX_TICK) == 4_295_128_739
    assert root_at_tick(MAX_TICK) == 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
    with pytest.raises(ValueError, match="beyond"):
        root_at_tick(MAX_TICK + 1)
