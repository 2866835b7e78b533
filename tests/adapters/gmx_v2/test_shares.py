"""Shares of pools and vaults: looked through to tokens and what traders have open."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.gmx_v2.reading import ZERO
from aggregator.model.positions import Perp, Supply
from tests.adapters.gmx_v2.live import Site
from tests.devnet.gmx_v2 import ETH, SINGLE


def test_a_share_of_a_pool_is_looked_through(site: Site) -> None:
    """To its part of the tokens, and to the other side of what traders have open."""
    gmx, user = site.gmx, site.world.spare[2]
    share = gmx.shares[ETH]
    supply = share.call("totalSupply")
    share.send("mint", user, supply // 3)  # a quarter of all then
    reading = site.read(user)
    [account] = reading.accounts
    assert account.rule is None
    tokens = {one.asset.symbol: one.raw for one in account.positions if isinstance(one, Supply)}
    pool = {one: gmx.store.call("getUint", _pool(site, ETH, one)) for one in ("WETH", "USDC")}
    quarter = Decimal(supply // 3) / (supply + supply // 3)
    for symbol, amount in tokens.items():
        assert amount == pytest.approx(float(pool[symbol] * quarter), rel=1e-9)
    [perp] = [one for one in account.positions if isinstance(one, Perp)]
    longs, shorts = (_interest(site, ETH, side) for side in (True, False))
    assert perp.size_raw == pytest.approx(float(shorts - longs) / 4, rel=1e-9)
    assert perp.size_raw < 0
    assert perp.borrowing_raw > 0
    assert share.address.lower() in {one.rsplit(":", 1)[1] for one in reading.receipts}


def test_a_vaults_share_is_looked_through_to_all_pools(site: Site) -> None:
    """Half a percent of the vault, which has 2% of each of two pools."""
    user = site.world.wallets["hedged"]
    reading = site.read(user)
    [account] = [one for one in reading.accounts if " GLV " in one.label]
    symbols = [one.asset.symbol for one in account.positions if isinstance(one, Supply)]
    assert sorted(symbols) == ["USDC", "WBTC", "WETH"]
    assert sum(isinstance(one, Perp) for one in account.positions) == 2
    usdc = next(
        one.raw for one in account.positions if isinstance(one, Supply) and one.asset.symbol == "USDC"
    )
    part = Decimal(2_000) / 402_000 * 200_000 / (200_000 + 10_000_000)
    assert usdc == pytest.approx(float(part * 2 * 5_000_000 * 10**6), rel=1e-8)


def test_a_pools_share_of_one_token_has_it_once(site: Site) -> None:
    """Where the long and the short token are one."""
    user = site.world.wallets["hedged"]
    [account] = [one for one in site.read(user).accounts if one.label.endswith("[WETH-WETH] pool")]
    supplies = [one for one in account.positions if isinstance(one, Supply)]
    assert [one.asset.symbol for one in supplies] == ["WETH"]
    pool = site.gmx.store.call("getUint", _pool(site, SINGLE, "WETH"))
    assert supplies[0].raw == pool * 1_000 // 10_001_000


def test_a_pool_that_only_swaps_is_its_tokens(site: Site) -> None:
    """It has no index: neither a position nor a price of one follows from its tokens."""
    gmx, user = site.gmx, site.world.spare[2]
    tokens = [gmx.token(one) for one in ("USDC", "WETH")]
    gmx.store.send("setMarket", (gmx.market(ETH), ZERO, *tokens))
    gmx.shares[ETH].send("mint", user, 10**18)
    reading = site.read(user)
    [account] = reading.accounts
    assert account.label == "GMX V2 local SWAP-ONLY [USDC-WETH] pool"
    assert all(isinstance(one, Supply) for one in account.positions)
    assert not [one.asset for one in reading.quotes if one.asset == "index:USDC"]


def _pool(site: Site, market: str, token: str) -> bytes:
    return site.gmx.key("POOL_AMOUNT", market, ("address", site.gmx.token(token)))


def _interest(site: Site, market: str, is_long: bool) -> int:
    about = [(("address", site.gmx.token(one)), ("bool", is_long)) for one in ("WETH", "USDC")]
    keys = [site.gmx.key("OPEN_INTEREST_IN_TOKENS", market, *one) for one in about]
    return sum(site.gmx.store.call("getUint", key) for key in keys)
