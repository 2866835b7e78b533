"""What is read of the pools between tokens: rounds, what is left out, what fails, how it is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.uniswap_v3.calls import FACTORY, SPACING
from adapters.uniswap_v3.exchange import REACH, build
from adapters.uniswap_v3.market import UniswapMarket
from aggregator.contract import Deployments
from aggregator.model.actions import Untold
from aggregator.model.assets import Asset, AssetId, native_id, token_id
from aggregator.model.errors import BadConfiguration, MalformedReply, NoContract
from aggregator.model.rules import Amount
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import Address, ChainId
from aggregator.pricing.concentrated import root_at_tick
from tests.adapters.uniswap_v3.live import asset, deployment, exchange, market, markets
from tests.devnet.world import World
from tests.reading_kit import altered, instead, pin, run_read


def read(world: World, assets: list[Asset], **more: Any) -> tuple[SpotMarket, ...]:
    at = deployment(world)
    asked = exchange(world).read_markets(at, assets, pin(world.node.url))
    return run_read(world.node.url, at.chain, altered(asked, **more))


def test_all_pairs_take_four_rounds(world: World) -> None:
    """However many: each seeded pool is there once, with its fee and its tokens in their order."""
    rounds: list[int] = []
    found = markets(world, *world.uniswap.traded, rounds=rounds)
    assert len(rounds) == 4
    assert len(found) == len(world.uniswap.seeded())
    for one in found:
        assert isinstance(one, SpotMarket)
        assert one.chain == world.node.chain_id
        low, high = (int(side.rpartition(":")[2], 16) for side in one.assets)
        assert low < high
    labels = {one.label for one in found}
    assert {"Uniswap V3 local USDC/WETH 0.05%", "Uniswap V3 local WBTC/WETH 0.3%"} <= labels


def test_what_is_read_reaches_far_enough_and_no_further(world: World) -> None:
    for one in markets(world, *world.uniswap.traded):
        width = 256 * one.spacing
        assert one.words[0] * width <= one.tick - REACH < (one.words[0] + 1) * width
        assert one.words[1] * width <= one.tick + REACH < (one.words[1] + 1) * width
        assert all(one.words[0] <= tick // width <= one.words[1] for tick, _ in one.ticks)
        pool = world.chain.at(world.uniswap.pool("WETH", "USDC", 500).abi.items, one.pool)
        for tick, net in one.ticks:
            assert pool.call("ticks", tick)[1] == net


def test_only_tokens_of_the_chain_are_asked_for(world: World) -> None:
    """An index and another chain's token make no pair; neither does one token twice, nor a coin."""
    here, weth = ChainId(world.node.chain_id), asset(world, "WETH")
    elsewhere = asset(world, "USDC").id.replace(f"eip155:{here}/", "eip155:1/")
    others = [
        Asset(native_id(here), "ETH", 18),
        Asset(AssetId("index:ETH"), "ETH", 18),
        Asset(AssetId(elsewhere), "USDC", 6),
        replace(weth, symbol="again"),
    ]
    rounds: list[int] = []
    assert read(world, [weth, *others[1:]], rounds=rounds) == ()
    assert rounds == []
    [coin] = read(world, [weth, *others], rounds=rounds)
    assert (coin.assets, len(rounds)) == ((others[0].id, weth.id), 1)


def test_pools_that_can_give_nothing_are_left_out(devnet: World) -> None:
    """One without a price, and one with a price and no liquidity."""
    uniswap = devnet.uniswap
    tokens = [uniswap.token(one).address for one in ("WETH", "WBTC")]
    uniswap.factory.send("createPool", *tokens, 10_000)
    uniswap.open_pool("WETH", "WBTC", 500)
    assert [one.fee for one in markets(devnet, "WETH", "WBTC")] == [3_000]


def test_what_no_pool_can_answer_is_refused(world: World) -> None:
    tokens = [asset(world, one) for one in ("WETH", "USDC")]

    def another_tick(request: Any, reply: Any) -> Any:
        if getattr(request, "function", None) is None or not request.function.signature.startswith("slot0"):
            return reply
        raw = bytearray(reply.raw)
        raw[63] ^= 1  # the last bit of the tick: it no longer is the root price's
        return replace(reply, raw=bytes(raw))

    with pytest.raises(MalformedReply, match="a tick of"):
        read(world, tokens, change=another_tick)
    for said in (0, -10):
        with pytest.raises(MalformedReply, match="there is a pool"):
            read(world, tokens, change=instead(SPACING.signature, said))


def test_the_probe_names_fees_and_a_foreign_router(world: World) -> None:
    at = deployment(world)
    chain, url, block = at.chain, world.node.url, pin(world.node.url)
    used = exchange(world)
    [said] = run_read(url, chain, used.probe(at, block))
    assert said == "pools with fees of 0.01%, 0.05%, 0.3%, 1%"
    without = replace(at, addresses={"factory": at.addresses["factory"]})
    assert "no router" in run_read(url, chain, used.probe(without, block))[1]
    foreign = instead(FACTORY.signature, Address("0x" + "1" * 40))
    with pytest.raises(MalformedReply, match="the router's factory is 0x1111"):
        run_read(url, chain, altered(used.probe(at, block), foreign))
    nowhere = replace(at, addresses={"factory": Address("0x" + "2" * 40)})
    with pytest.raises(NoContract):
        run_read(url, chain, used.probe(nowhere, block))


def test_a_deployment_needs_a_factory(world: World) -> None:
    at = deployment(world)
    with pytest.raises(BadConfiguration, match="factory is missing"):
        build(Deployments((replace(at, addresses={"router": at.addresses["router"]}),), ()))


def test_without_a_router_there_are_no_calls(world: World) -> None:
    here = replace(market(world, "WETH", "USDC", 500), router=None)
    low, high = here.assets
    told = here.calls(Amount(low, 10**9), Amount(high, 1), Address("0x" + "1" * 40), 2**40)
    assert isinstance(told, Untold)
    assert "`router`" in told.reason
    foreign = token_id(here.chain, Address("0x" + "3" * 40))
    with pytest.raises(ValueError, match="does not give"):
        here.calls(Amount(low, 10**9), Amount(foreign, 1), Address("0x" + "1" * 40), 2**40)


def test_markets_come_back_from_json(world: World) -> None:
    for one in markets(world, *world.uniswap.traded):
        text = json.dumps(one.to_json())
        assert exchange(world).load(json.loads(text)) == one


HERE = UniswapMarket(
    chain=ChainId(1),
    pool=Address("0x" + "a" * 40),
    router=None,
    assets=(token_id(ChainId(1), Address("0x" + "1" * 40)), token_id(ChainId(1), Address("0x" + "2" * 40))),
    label="A/B",
    fee=3_000,
    spacing=60,
    root=2**96,
    tick=0,
    liquidity=10**20,
    words=(-1, 0),
    ticks=((-600, 10**20), (600, -(10**20))),
)


@pytest.mark.parametrize(
    "change",
    [
        {"family": "uniswap_v2"},
        {"fee": 1_000_000},
        {"fee": True},
        {"spacing": 0},
        {"root": "0"},
        {"root": 2**96},
        {"tick": 1},
        {"tick": -1, "root": str(root_at_tick(0) + 1)},
        {"liquidity": "-1"},
        {"liquidity": str(10**20 - 1)},
        {"words": [0, -1]},
        {"words": [0]},
        {"words": [0, 0]},
        {"words": [-1, True]},
        {"ticks": [[600, str(-(10**20))], [-600, str(10**20)]]},
        {"ticks": [[-601, str(10**20)]]},
        {"ticks": [[-600]]},
        {"ticks": [-600]},
        {"ticks": [[-600, 10**20]]},
        {"assets": ["eip155:1/native", HERE.assets[1]]},
        {"assets": [HERE.assets[1]]},
        {"router": "0x12"},
        {"router": 12},
        {"pool": None},
    ],
    ids=str,
)
def test_data_that_is_no_market_is_refused(change: dict[str, Any]) -> None:
    used = build(Deployments((), ()))
    assert used.load(HERE.to_json()) == HERE
    with pytest.raises(ValueError, match=r".+"):
        used.load({**HERE.to_json(), **change})
    sold_down: dict[str, Any] = {"tick": -1, "root": str(root_at_tick(0))}
    assert used.load({**HERE.to_json(), **sold_down}) == replace(HERE, tick=-1)
