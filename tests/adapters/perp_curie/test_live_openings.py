"""What could be opened on Curie, read from the real contracts: rounds, refusals, and the trade to the wei."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.perp_curie.adapter import CurieAdapter
from adapters.perp_curie.family import CurieFamily
from adapters.perp_curie.margin import CurieRule
from aggregator.contract import Deployment
from aggregator.model.actions import Applied, Deposit, Trade, Traded
from aggregator.model.readings import Reading
from aggregator.model.rules import Refused, prices_of
from aggregator.model.units import parse_address
from tests.adapters.perp_curie.live import Site
from tests.reading_kit import altered, pin, run_read


def read(site: Site, user: str, at: Deployment | None = None) -> tuple[Reading, int]:
    """With what could be opened, and the rounds that it took."""
    rounds: list[int] = []
    node, adapter = site.world.node, site.adapter
    assert isinstance(adapter, CurieAdapter)
    one = adapter.read_with_openings(at or site.deployment, parse_address(user), pin(node.url))
    return run_read(node.url, node.chain_id, altered(one, rounds=rounds)), len(rounds)


def test_as_many_rounds_as_a_trader_takes(site: Site) -> None:
    """Without any account: one that could be there, with both markets; and as before where all are open."""
    reading, rounds = read(site, site.world.wallets["empty"])
    assert rounds == 3
    assert (reading.accounts, reading.quotes) == ((), ())
    [account] = reading.openable
    assert [one.perp.market for one in account.openings] == ["vETH", "vBTC"]
    assert not account.positions
    held, rounds = read(site, site.world.wallets["hedged"])
    assert rounds == 3
    [plain] = site.read(site.world.wallets["hedged"]).accounts
    assert [one.positions for one in held.accounts] == [plain.positions]
    assert held.openable == ()


@pytest.mark.parametrize("market", ["vETH", "vBTC"])
@pytest.mark.parametrize("size", ["-0.4", "0.3"])
def test_a_position_is_opened_as_the_contracts_do(site: Site, market: str, size: str) -> None:
    """Deposit, then a trade in a market where nothing was: margin, size and notional are the contracts'."""
    user, raw = str(site.world.spare[0]), int(float(size) * 10**18)
    [account] = read(site, user)[0].openable
    rule = account.rule
    assert isinstance(rule, CurieRule)
    assert CurieFamily().load(rule.to_json()) == rule
    time, prices = rule.time, prices_of(rule)
    assert prices == {}
    assert isinstance(rule.apply(prices, time, Trade(market, raw)), Refused)
    posted = rule.apply(prices, time, Deposit(rule.settlement, 6_000 * 10**6))
    assert isinstance(posted, Applied)
    assert isinstance(posted.successor, CurieRule)
    done = posted.successor.apply(prices, time, Trade(market, raw))
    assert isinstance(done, Traded)
    after = done.successor
    assert isinstance(after, CurieRule)
    assert [one.name for one in after.markets] == [market]
    assert market not in [one.name for one in after.others]
    site.curie.deposit(user, "USDC", 6_000)
    site.curie.open(user, market, size)
    found = site.rule(user)
    [ours], [theirs] = after.markets, found.markets
    assert (ours.size, ours.notional) == (theirs.size, theirs.notional)
    assert ours.root == theirs.root
    assert after.balance == found.balance


def test_a_market_that_can_not_be_told_is_named(site: Site) -> None:
    """One that is no market, one that is paused: the rest is as ever."""
    addresses = {**site.deployment.addresses, "base_none": parse_address(site.curie.vault.address)}
    odd = replace(site.deployment, addresses=addresses)
    reading, _ = read(site, site.world.wallets["empty"], odd)
    [told] = reading.warnings
    assert "what opening takes in the market" in told
    site.curie.pause_market("vBTC")
    [account] = read(site, site.world.wallets["empty"])[0].openable
    assert [one.perp.market for one in account.openings] == ["vETH"]
