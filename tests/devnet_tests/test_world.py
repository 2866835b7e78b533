"""The built and loaded world: determinism, isolation, prices, seeded wallets, configuration."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from eth_utils.address import is_checksum_address

from tests.devnet.config import render
from tests.devnet.deployment import DeploymentEntry, TokenEntry
from tests.devnet.errors import DevnetError
from tests.devnet.multicall3 import MULTICALL3
from tests.devnet.prices import Prices, Quotes
from tests.devnet.tokens import KINDS
from tests.devnet.world import PROTOCOLS, World, _build

if TYPE_CHECKING:
    from pathlib import Path


def test_building_again_gives_the_same_chain(tmp_path: Path) -> None:
    """Same accounts, code and storage, and the same last block, whose hash covers all before it."""
    states = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        _build(PROTOCOLS, folder)
        state = json.loads((folder / "state.json").read_text())
        headers = {int(block["header"]["number"], 16): block["header"] for block in state["blocks"]}
        states.append((state["accounts"], headers[max(headers)]))
    assert states[0] == states[1]


def test_addresses_that_recordings_rely_on_do_not_change(world: World) -> None:
    assert world.wallets["hedged"] == "0x02484cb50AAC86Eae85610D6f4Bf026f30f6627D"
    assert world.tokens["WETH"].address == "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
    assert world.aave_v36.pool.address == "0x8398bCD4f633C72939F9043dB78c574A91C99c0A"
    assert world.aave_v301.pool.address == "0x5cb2E20d3B308b65Cee97b87177f09DC7B750682"


def test_what_a_test_does_is_undone(world: World) -> None:
    def state() -> tuple[object, ...]:
        data = world.aave_v36.account_data(world.wallets["hedged"])
        return data, world.node.block_number, world.node.timestamp, world.prices.quotes

    before = state()
    with world.isolated():
        world.prices.set(ETH=1234)
        world.node.warp(86_400)
        assert state() != before
    assert state() == before


def test_one_price_moves_every_protocol(devnet: World) -> None:
    devnet.prices.set(ETH="1500.25", BTC=30_000, wstETH="1.2", DAI="0.99")
    expected = {"WETH": 150_025_000_000, "WBTC": 30_000 * 10**8, "DAI": 99_000_000, "wstETH": 180_030_000_000}
    for market in (devnet.aave_v36, devnet.aave_v301):
        for symbol, price in expected.items():
            assert market.oracle.call("getAssetPrice", market.asset(symbol)) == price
    assert devnet.feeds["ETH"].call("latestAnswer") == 150_025_000_000


def test_refreshing_keeps_the_price_and_renews_its_time(devnet: World) -> None:
    feed = devnet.feeds["ETH"]
    devnet.node.warp(50_000)
    _, before, _, updated, _ = feed.call("latestRoundData")
    assert updated <= devnet.node.timestamp - 50_000
    devnet.prices.refresh()
    _, after, _, renewed, _ = feed.call("latestRoundData")
    assert after == before
    assert renewed > devnet.node.timestamp - 60


def test_unknown_and_inexact_prices_are_refused() -> None:
    prices = Prices()
    with pytest.raises(DevnetError, match="there is no price of DOGE"):
        prices.set(DOGE=1)
    with pytest.raises(DevnetError, match="not as the float"):
        prices.set(ETH=1.5)  # type: ignore[arg-type]  # the mistake is the point
    with pytest.raises(DevnetError, match="there is no price of DOGE"):
        prices.quotes.usd("DOGE")
    assert prices.quotes == Quotes()


def test_amounts_are_exact_or_refused(world: World) -> None:
    assert world.tokens.units("USDC", "1.000001") == 1_000_001
    assert world.tokens.units("WBTC", Decimal("0.00000001")) == 1
    with pytest.raises(DevnetError, match="too few for"):
        world.tokens.units("USDC", "1.0000001")


def test_the_empty_wallet_is_empty(world: World) -> None:
    empty = world.wallets["empty"]
    assert world.node.balance(empty) == 0
    assert [world.tokens.balance(symbol, empty) for symbol in ("WETH", "WBTC", "USDC", "DAI", "wstETH")] == [
        0
    ] * 5
    for market in (world.aave_v36, world.aave_v301):
        assert (market.account_data(empty).collateral_base, market.account_data(empty).debt_base) == (0, 0)


def test_seeded_borrowers_are_where_their_names_say(world: World) -> None:
    health = {
        name: world.aave_v36.account_data(world.wallets[name]).health_factor / 10**18
        for name in ("unhedged", "hedged", "edge")
    }
    assert 1.3 < health["unhedged"] < 1.5
    assert 1.3 < health["hedged"] < 1.4
    assert 1.0 < health["edge"] < 1.02
    legacy, market = world.wallets["legacy"], world.aave_v301
    assert all(market.supplied(legacy, symbol) > 0 for symbol in ("WETH", "WBTC"))
    assert all(market.owed(legacy, symbol) > 0 for symbol in ("USDC", "DAI"))


def test_the_configuration_names_every_deployment_and_token(world: World) -> None:
    config = tomllib.loads(world.config())
    chain = config["chains"][str(world.node.chain_id)]
    assert chain["endpoints"] == [{"name": "local", "url": world.node.url}]
    aave = config["deployments"]["aave_v3"]
    assert [entry["name"] for entry in aave] == ["Aave V3.6 local", "Aave V3.0.1 local"]
    roles = {"addresses_provider", "pool", "oracle", "data_provider", "ui_pool_data_provider"}
    for entry in aave:
        assert set(entry["addresses"]) == roles
        assert all(is_checksum_address(one) and world.node.code(one) for one in entry["addresses"].values())
    # Protocols may add tokens of their own after these.
    native, *tokens = config["tokens"][: 1 + len(KINDS)]
    assert (native["symbol"], "address" in native, native["decimals"]) == ("ETH", False, 18)
    assert all(world.node.code(token["feed"]) for token in (native, *tokens))
    found = {token["symbol"]: (token["decimals"], token["underlying"], token["class"]) for token in tokens}
    assert found == {
        "WETH": (18, "ETH", "base"),
        "WBTC": (8, "BTC", "wrapped_btc"),
        "USDC": (6, "USD", "stable"),
        "DAI": (18, "USD", "stable"),
        "wstETH": (18, "ETH", "lst"),
    }


def test_options_and_awkward_names_survive_the_configuration() -> None:
    text = render(
        chain_id=5,
        url="http://localhost:1",
        deployments=[DeploymentEntry("x", 'a "quoted" \\ name', {"pool": "0x1"}, {"version": "avalon"})],
        tokens=[TokenEntry("0x2", "T", 6, "USD", "stable")],
    )
    [entry] = tomllib.loads(text)["deployments"]["x"]
    assert entry == {
        "chain": 5,
        "name": 'a "quoted" \\ name',
        "verified": True,
        "addresses": {"pool": "0x1"},
        "options": {"version": "avalon"},
    }


def test_multicall3_is_where_it_is_everywhere(world: World) -> None:
    assert world.multicall.address == MULTICALL3
    assert world.multicall.call("getBlockNumber") == world.node.block_number
