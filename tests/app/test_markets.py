"""Spot markets read after a wallet: live, recorded and replayed, and what is said where they fail."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from aggregator import app, settings
from aggregator.model.assets import AssetId, native_id
from aggregator.model.errors import CallReverted, NotRecorded
from aggregator.model.rules import Amount
from aggregator.model.spot_markets import SpotMarket, Swapped
from aggregator.model.units import ChainId, parse_address
from aggregator.reading.recording import Recording
from aggregator.settings import Settings
from tests.devnet.world import World


def config(world: World) -> Settings:
    """The settings of the local chain alone."""
    given = tomllib.loads(world.config())
    return settings.exactly({**given, "default_chains": list(given["chains"])}, "local chain")


def selection(world: World, name: str = "hedged") -> app.Selection:
    return app.Selection((parse_address(world.wallets[name]),))


def pairs(world: World, markets: app.Markets) -> set[frozenset[str]]:
    """The symbols of each market's sides."""
    tokens = {world.uniswap.token(one).address.lower(): one for one in world.uniswap.traded}
    tokens[native_id(ChainId(world.node.chain_id)).rpartition(":")[2]] = "the coin"
    [found] = markets.by_chain.values()
    return {frozenset(tokens[asset.rpartition(":")[2]] for asset in one.assets) for one in found}


def test_the_markets_between_what_a_wallet_has_and_owes(world: World) -> None:
    """Of the wallet's own assets, at the block of the wallet; its native coin is wrapped."""
    reader = app.MarketReader(config(world))
    answer = app.read(selection(world), config(world), afterwards=reader.read)
    assert answer.portfolios[0].coverage.complete
    assert reader.found.failures == ()
    assert [one.name for one in reader.found.asked] == [world.uniswap.title]
    assert {frozenset(("WETH", "USDC")), frozenset(("WETH", "the coin"))} <= pairs(world, reader.found)
    held = {
        position.asset.id
        for account in answer.portfolios[0].accounts
        for position in account.positions
        if hasattr(position, "asset")
    }
    assert native_id(ChainId(world.node.chain_id)) in held
    [markets] = reader.found.by_chain.values()
    assert all(set(one.assets) <= held for one in markets)


def test_a_recording_keeps_them(devnet: World, tmp_path: Path) -> None:
    """A replay gives equal markets, which go on swapping; without them it says what was not recorded."""
    chosen, path = config(devnet), tmp_path / "with.cmrec"
    reader = app.MarketReader(chosen)
    app.read(selection(devnet), chosen, record_to=path, afterwards=reader.read, exchanges=reader.exchanges)
    devnet.prices.set(ETH=1_500)
    devnet.uniswap.arbitrage()  # no longer as recorded
    recording = Recording.load(path)
    again = app.MarketReader(settings.exactly(recording.configuration, "recording"))
    app.replay(recording, afterwards=again.read)
    assert again.found == reader.found
    [markets] = again.found.by_chain.values()
    assert all(isinstance(one, SpotMarket) for one in markets)
    assert any(isinstance(one.swap(Amount(one.assets[0], 10**9)), Swapped) for one in markets)
    for exchange in again.exchanges:
        assert [exchange.load(one.to_json()) for one in markets] == list(markets)
    app.replay(recording)

    [tape] = recording.tapes.values()
    factory = devnet.uniswap.factory.address.lower()
    tape.calls = {key: reply for key, reply in tape.calls.items() if f":{factory}:" not in key}
    app.replay(recording, afterwards=again.read)
    [unread] = again.found.failures
    assert isinstance(unread.error, NotRecorded)


def test_a_recording_without_markets_asks_no_exchange(world: World, tmp_path: Path) -> None:
    path = tmp_path / "without.cmrec"
    app.read(selection(world), config(world), record_to=path)
    recording = Recording.load(path)
    assert "uniswap_v3" not in recording.configuration["deployments"]
    reader = app.MarketReader(settings.exactly(recording.configuration, "recording"))
    app.replay(recording, afterwards=reader.read)
    assert reader.found == app.Markets({}, (), ())


def test_an_exchange_that_fails_is_a_failure_and_the_wallet_stands(devnet: World) -> None:
    devnet.node.set_code(devnet.uniswap.factory.address, bytes.fromhex("60006000fd"))
    reader = app.MarketReader(config(devnet))
    answer = app.read(selection(devnet), config(devnet), afterwards=reader.read)
    assert answer.portfolios[0].coverage.complete
    [unread] = reader.found.failures
    assert isinstance(unread.error, CallReverted)
    assert unread.deployment.name == devnet.uniswap.title
    assert list(reader.found.by_chain.values()) == [()]


@pytest.mark.parametrize("more", ["WBTC", "wstETH"])
def test_further_assets_can_be_chosen(world: World, more: str) -> None:
    """As a planner does that may buy what the wallet has not."""
    chosen = config(world)
    listed = {
        AssetId(token.asset.id): token.asset
        for token in app.read(selection(world, "empty"), chosen).tokens
        if token.asset.symbol in {"WETH", more}
    }
    reader = app.MarketReader(chosen, lambda _: tuple(listed.values()))
    app.read(selection(world, "empty"), chosen, afterwards=reader.read)
    assert pairs(world, reader.found) == {frozenset(("WETH", more))}
