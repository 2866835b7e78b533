"""How an adapter is tested on the local chain: the example of docs/adapters.md."""

from __future__ import annotations

from adapters.aave_v3.adapter import build
from aggregator.contract import Deployment, Deployments
from aggregator.model.rules import WAD, prices_of
from aggregator.model.units import ChainId, parse_address
from tests.devnet.world import World
from tests.reading_kit import pin, read_accounts


def test_health_is_the_pools_own_until_it_can_be_liquidated(devnet: World) -> None:
    """A position is opened, time passes, the price falls: our health is the pool's to the wei each time."""
    market, user = devnet.aave_v36, devnet.spare[0]
    entry = market.deployment_entry()
    addresses = {role: parse_address(text) for role, text in entry.addresses.items()}
    here = Deployment(entry.adapter, ChainId(devnet.node.chain_id), entry.name, addresses, "local chain")
    adapter = build(Deployments(entries=(here,), tokens=()))

    market.supply(user, "WETH", 10)
    market.borrow(user, "USDC", 15_000)
    found = []
    for eth in (2_000, 1_850, 1_700):
        devnet.node.warp(86_400)
        devnet.prices.set(ETH=eth)
        [account] = read_accounts(devnet.node.url, adapter, user).accounts
        assert account.rule is not None
        assert account.reported is not None
        ours = account.rule.health(prices_of(account.rule), pin(devnet.node.url).timestamp)
        assert ours.health == account.reported.health == market.account_data(user).health_factor
        assert ours.health is not None
        assert ours.liquidatable == (ours.health < WAD)
        found.append(ours.liquidatable)
    assert found == [False, False, True]
