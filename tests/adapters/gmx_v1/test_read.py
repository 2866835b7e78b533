"""Reads of unusual wallets and vaults; rounds; deployments of one's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.gmx_v1 import calls
from adapters.gmx_v1.adapter import build
from adapters.gmx_v1.vault import FIRST, MOST
from aggregator.contract import Deployments
from aggregator.model.errors import BadConfiguration, MalformedReply
from aggregator.model.positions import Perp
from tests.adapters.gmx_v1.live import Site, rule_of
from tests.adapters.gmx_v1.scripted import instead, read_with
from tests.reading_kit import pin, run_read


def test_three_rounds_for_positions_and_two_for_none(site: Site) -> None:
    hedged, rounds = read_with(site)
    assert rounds == 3
    assert [one.label for one in hedged.accounts] == [
        "GMX V1 ETH long",
        "GMX V1 BTC short on USDC",
        "GMX V1 GLP",
    ]
    assert all(one.id.startswith(f"gmx_v1:{site.deployment.chain}:0x") for one in hedged.accounts)
    empty, rounds = read_with(site, user=site.world.wallets["empty"])
    assert rounds == 2
    assert (empty.accounts, empty.failures, empty.warnings) == ((), (), ())


def test_all_orders_requests_and_positions_take_three_rounds(site: Site) -> None:
    user = str(site.world.spare[0])
    site.gmx.order_increase(user, "WETH", "WETH", 1, size=5_000, price=1_850)
    site.gmx.request_increase(user, "WETH", "WETH", 2, size=4_000)
    site.gmx.open(user, "WETH", size=3_000, collateral=("WETH", 1))
    reading, rounds = read_with(site, user=user)
    assert rounds == 3
    assert len(reading.accounts) == 3


def test_a_vault_of_many_tokens_takes_a_round_more(site: Site) -> None:
    """Beyond the tokens that are asked for at once, and up to the most that are read."""
    vault, feed = site.gmx.vault, site.gmx.feeds["WETH"].address
    for i in range(FIRST):
        token = "0x" + f"{i + 1:040x}"
        site.gmx.price_feed.send("setTokenConfig", token, feed, 8, False)  # noqa: FBT003
        vault.send("setTokenConfig", token, 18, 0, 0, 0, False, True)  # noqa: FBT003
    reading, rounds = read_with(site)
    assert rounds == 4
    assert len(reading.accounts) == 3
    with pytest.raises(MalformedReply, match=r"allWhitelistedTokensLength.*not between"):
        read_with(site, instead(calls.TOKENS_LENGTH, MOST + 1))


def test_an_unlisted_index_is_its_own_underlying(site: Site) -> None:
    """Its symbol, which may be anybody's, is what it is called in a short's collateral, and nothing more."""
    bare = replace(site, adapter=build(Deployments((site.deployment,), ())))
    accounts = bare.read(site.world.wallets["hedged"]).accounts
    weth = site.gmx.tokens["WETH"].address.lower()
    [perp] = [one for one in accounts[0].positions if isinstance(one, Perp)]
    assert perp.index == perp.underlying == f"eip155:{site.deployment.chain}/erc20:{weth}"
    assert accounts[1].label.endswith("short on USDC")


def test_a_wide_spread_is_told(site: Site) -> None:
    """Half a percent to either side, the most that the feed allows by itself."""
    for token in ("WETH", "WBTC"):
        site.gmx.price_feed.send("setSpreadBasisPoints", site.gmx.tokens[token].address, 50)
    reading = site.read(site.world.wallets["hedged"])
    told = [one for one in reading.warnings if "apart" in one]
    assert len(told) == 2
    assert "1.0% apart" in told[0]


def test_probe_tells_tokens_leverage_and_the_pool(site: Site) -> None:
    node = site.world.node
    read = site.adapter.probe(site.deployment, pin(node.url, node.chain_id))
    tokens, pool = run_read(node.url, node.chain_id, read)
    assert tokens.startswith("4 tokens at block ")
    assert tokens.endswith("leverage up to 100")
    assert pool.startswith("a pool of 7,")


@pytest.mark.parametrize("role", ["vault", "reader", "glp_manager", "order_book", "fee_glp"])
def test_a_missing_address_is_named(site: Site, role: str) -> None:
    addresses = {name: one for name, one in site.deployment.addresses.items() if name != role}
    with pytest.raises(BadConfiguration, match=r"addresses"):
        build(Deployments((replace(site.deployment, addresses=addresses),), ()))


def test_a_reported_health_is_the_rules(site: Site) -> None:
    for account in site.read(site.world.wallets["hedged"]).accounts[:2]:
        assert account.reported is not None
        now = site.world.node.timestamp
        rule = rule_of(account)
        assert rule.health({rule.feed.asset: rule.feed.price}, now).health == account.reported.health
