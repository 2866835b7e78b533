"""What a read asks, finds, warns of and refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.synthetix_v3 import calls
from adapters.synthetix_v3.adapter import FIRST, build
from adapters.synthetix_v3.margin import SynthetixV3Rule
from aggregator.contract import Deployment, Deployments
from aggregator.model.assets import Classification, ListedToken
from aggregator.model.errors import (
    BadConfiguration,
    Unsupported,
)
from aggregator.model.positions import Perp, Supply
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.run import Job
from tests.adapters.synthetix_v3.live import Site, answer
from tests.devnet.synthetix_v3 import LARGEST_ID
from tests.devnet.synthetix_v3_deploy import BTC, ETH, S_ETH, SNX_USD
from tests.reading_kit import altered, pin, read_accounts, run_jobs, run_read

ANYWHERE = parse_address("0x" + "5e" * 20)


def test_a_wallet_of_two_accounts(site: Site) -> None:
    """One with the largest id there can be; positions, margins and fees as the perps market has them."""
    user = site.world.wallets["hedged"]
    reading = site.read(user)
    assert not reading.failures
    assert not reading.warnings
    first, second = reading.accounts
    assert first.id.endswith(":17")
    assert second.id.endswith(f":{LARGEST_ID}")
    usd, perp = first.positions
    assert isinstance(usd, Supply)
    assert isinstance(perp, Perp)
    said = site.perps.perps.call("getOpenPosition", 17, ETH)
    total, funding, size, interest = said
    assert (perp.size_raw, perp.funding_raw, perp.borrowing_raw) == (size, funding, -interest)
    assert perp.pnl_raw + perp.funding_raw + perp.borrowing_raw == total
    assert usd.raw + total == site.perps.margins(17).available
    assert perp.entry_price_raw == 2_000_392 * WAD // 1_000
    assert [type(one) for one in second.positions] == [Supply, Supply, Perp]
    assert {quote.usd for quote in reading.quotes} == {1, 2_000, 40_000}


def test_synths_are_called_as_the_configuration_does(site: Site) -> None:
    """Else as the spot market names them: that is no symbol."""
    user = site.world.wallets["hedged"]
    name = site.account(user, LARGEST_ID).positions[1]
    assert isinstance(name, Supply)
    assert name.asset.symbol == "Synthetic ETH"
    listed = ListedToken(
        site.deployment.chain, None, replace(name.asset, symbol="sETH"), Classification("ETH", "base")
    )
    adapter = build(Deployments((site.deployment,), (listed,)))
    found = read_accounts(site.world.node.url, adapter, user).accounts[1].positions[1]
    assert isinstance(found, Supply)
    assert found.asset.symbol == "sETH"


def test_what_the_next_day_brings(site: Site) -> None:
    """Funding and interest at the block's rates; after a day they are near it, less what the rates moved."""
    user = site.world.wallets["hedged"]
    [before] = [one for one in site.account(user, 17).positions if isinstance(one, Perp)]
    site.world.node.warp(86_400)
    [after] = [one for one in site.account(user, 17).positions if isinstance(one, Perp)]
    assert before.funding_24h_raw is not None
    assert before.borrowing_24h_raw is not None
    assert after.funding_raw - before.funding_raw == pytest.approx(before.funding_24h_raw, rel=0.05)
    assert after.borrowing_raw - before.borrowing_raw == pytest.approx(before.borrowing_24h_raw, rel=1e-4)


def test_three_rounds_and_one_for_nobody(site: Site) -> None:
    """Rounds, counted by the batches that a read yields."""
    block = pin(site.world.node.url)

    def rounds(user: str) -> int:
        found: list[int] = []
        read = site.adapter.read(site.deployment, parse_address(user), block)
        run_read(site.world.node.url, site.deployment.chain, altered(read, rounds=found))
        return len(found)

    assert rounds(site.world.wallets["hedged"]) == 3
    assert rounds(site.world.wallets["empty"]) == 1


def test_more_accounts_than_are_asked_for_at_first(site: Site) -> None:
    """All are found; those that hold nothing are no accounts."""
    user = site.world.spare[4]
    for number in range(1_000, 1_000 + FIRST + 3):
        site.perps.create(user, number)
    for number in (1_000, 1_000 + FIRST + 2):
        site.perps.deposit(user, number, SNX_USD, 100)
    accounts = site.read(user).accounts
    assert [one.id.rpartition(":")[2] for one in accounts] == ["1000", str(1_000 + FIRST + 2)]
    assert [one.rule for one in accounts] == [None, None]
    assert [one.reported for one in accounts] == [None, None]


def test_an_order_is_told_while_it_waits_and_when_it_expired(site: Site) -> None:
    """An expired order stays in `getOrder`."""
    user = site.world.wallets["hedged"]
    site.perps.commit(user, 17, BTC, "0.25")
    [pending] = site.read(user).warnings
    assert "an order of 0.25 in market 200 is pending" in pending
    site.world.node.warp(120)
    [expired] = site.read(user).warnings
    assert "has expired" in expired


def test_funding_that_no_event_explains_is_said(site: Site) -> None:
    """With too short a look back the accrued funding counts as it stands; the block's figures are right."""
    user = site.world.wallets["hedged"]
    # A block that is no event, so that one block's events are none.
    site.world.node.warp(1)
    site.perps.set_prices(2_100 * WAD, 40_000 * WAD)
    short = replace(site.deployment, options={"event_blocks": 1})
    adapter = build(Deployments((short,), ()))
    block = pin(site.world.node.url)
    reading = run_read(site.world.node.url, short.chain, adapter.read(short, parse_address(user), block))
    assert len(reading.warnings) == 2
    assert "no event tells" in reading.warnings[0]
    rule = reading.accounts[0].rule
    assert isinstance(rule, SynthetixV3Rule)
    assert rule.health(prices_of(rule), block.timestamp).power == site.perps.margins(17).available
    # What is known exactly of the funding makes another liquidation price.
    exact = site.rule(user, 17)
    asset = exact.feeds[0].asset
    prices = prices_of(exact)
    assert exact.liquidation_prices(prices, block.timestamp, asset) != rule.liquidation_prices(
        prices, block.timestamp, asset
    )


def test_a_committed_order_recomputes_funding(site: Site) -> None:
    """No trade follows it, and the rule's funding still follows the contract at another price and time."""
    user = site.world.wallets["hedged"]
    site.perps.set_prices(2_300 * WAD, 40_000 * WAD)
    site.perps.commit(user, LARGEST_ID, ETH, "0.1")
    site.world.node.warp(5_000)
    rule = site.rule(user, 17)
    site.perps.set_prices(2_600 * WAD, 40_000 * WAD)
    health = rule.health({rule.feeds[0].asset: 2_600 * WAD}, site.now())
    assert abs(health.power - site.perps.margins(17).available) < 10**6


def test_probe(site: Site) -> None:
    """Markets are counted; another NFT than the perps market's is an error."""
    block = pin(site.world.node.url)
    url, chain = site.world.node.url, site.deployment.chain
    assert run_read(url, chain, site.adapter.probe(site.deployment, block)) == (
        f"2 markets at block {block.number}",
    )
    wrong = replace(
        site.deployment, addresses={**site.deployment.addresses, "account": site.deployment.addresses["usd"]}
    )
    with pytest.raises(Unsupported, match="account NFT"):
        run_read(url, chain, site.adapter.probe(wrong, block))


def test_custom_addresses_and_chains() -> None:
    """Any entry with the five roles is a deployment; one without is refused by name."""
    roles = ("perps_market", "account", "spot_market", "oracle_manager", "usd")
    addresses = dict.fromkeys(roles, ANYWHERE)
    entry = Deployment("synthetix_v3", ChainId(424_242), "mine", addresses, "my own")
    [found] = build(Deployments((entry,), ())).deployments
    assert found.chain == 424_242
    del addresses["usd"]
    with pytest.raises(BadConfiguration, match="usd"):
        build(Deployments((replace(entry, addresses=addresses),), ()))
    nothing = replace(entry, addresses=dict.fromkeys(roles, ANYWHERE), options={"event_blocks": 0})
    with pytest.raises(BadConfiguration, match="event_blocks"):
        build(Deployments((nothing,), ()))


def test_a_flagged_account_is_told(site: Site) -> None:
    """While it waits for the next window."""
    user = site.world.wallets["hedged"]
    reading = site.tampered(user, answer(calls.FLAGGED, (17,)))
    assert "flagged" in reading.warnings[0]
    rule = reading.accounts[0].rule
    assert rule is not None
    assert rule.health(prices_of(rule), site.now()).liquidatable


def test_two_wallets_share_what_is_not_theirs(site: Site) -> None:
    """Reading the second wallet beside the first takes no more requests."""
    world, perps = site.world, site.perps
    perps.create(world.spare[5], 50)
    perps.deposit(world.spare[5], 50, S_ETH, 1)
    jobs = [
        Job(site.adapter, site.deployment, parse_address(user))
        for user in (world.wallets["hedged"], world.spare[5])
    ]
    both, requests = run_jobs(world.node.url, jobs)
    _, alone = run_jobs(world.node.url, jobs[:1])
    assert requests == alone
    assert all(isinstance(one.result, Reading) and one.result.accounts for one in both.outcomes)
