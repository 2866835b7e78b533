"""The coin and its wrapped token on WETH9 itself: as much of the one as of the other, to the wei."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.uniswap_v3.wrapping import WrappedCoin
from aggregator.model.actions import Untold
from aggregator.model.assets import Asset, native_id
from aggregator.model.rules import Amount, Refused
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address, ChainId
from tests.adapters.uniswap_v3.live import DEADLINE, asset, deployment, exchange
from tests.devnet.world import World
from tests.reading_kit import pin, run_read


def wrapping(world: World) -> WrappedCoin:
    """The market, as it is read beside the pools."""
    at = deployment(world)
    coin = Asset(native_id(ChainId(at.chain)), "ETH", 18)
    read = exchange(world).read_markets(
        at, [coin, asset(world, "USDC"), asset(world, "WETH")], pin(world.node.url)
    )
    found, *pools = run_read(world.node.url, at.chain, read)
    assert isinstance(found, WrappedCoin)
    assert len(pools) == 2
    return found


def test_what_is_wrapped_comes_back(devnet: World) -> None:
    """Exact both ways, with the market's own calls; its label tells what it is."""
    market, user = wrapping(devnet), devnet.spare[0]
    coin, token = market.assets
    assert (market.label, token) == ("ETH/WETH 1:1", asset(devnet, "WETH").id)
    for sold, bought in ((Amount(coin, 123_456_789_012_345_678), token), (Amount(token, 23_456_789), coin)):
        swapped = market.swap(sold)
        assert swapped == Swapped(Amount(bought, sold.raw), market)
        before = devnet.node.balance(user), devnet.tokens.balance("WETH", user)
        calls = market.calls(sold, swapped.received, Address(user.lower()), DEADLINE)
        assert not isinstance(calls, Untold)
        for call in calls:
            devnet.chain.transact(call.to, call.data, sender=user, value=call.value)
        wrapped = sold.raw if sold.asset == coin else -sold.raw
        after = devnet.node.balance(user), devnet.tokens.balance("WETH", user)
        assert after == (before[0] - wrapped, before[1] + wrapped)  # gas is free here


def test_what_it_does_not_trade(world: World) -> None:
    """Nothing, another token, and more than is sold."""
    market = wrapping(world)
    coin, token = market.assets
    for amount in (Amount(coin, 0), Amount(asset(world, "USDC").id, 1)):
        assert isinstance(market.swap(amount), Refused)
    with pytest.raises(ValueError, match="does not give"):
        market.calls(Amount(coin, 1), Amount(token, 2), Address("0x" + "11" * 20), DEADLINE)


def test_a_round_trip(world: World) -> None:
    """Stored and loaded it is the same; other data is none."""
    market = wrapping(world)
    assert exchange(world).load(market.to_json()) == market
    with pytest.raises(ValueError, match="stored"):
        exchange(world).load({**market.to_json(), "token": None})


def test_none_without_a_router_or_the_token(world: World) -> None:
    """Nobody says then which token wraps the coin."""
    at, coin = deployment(world), Asset(native_id(ChainId(world.node.chain_id)), "ETH", 18)
    alone = replace(at, addresses={"factory": at.addresses["factory"]})
    for place, symbols in ((alone, ("WETH",)), (at, ("USDC",)), (at, ())):
        assets = [coin, *(asset(world, symbol) for symbol in symbols)]
        read = exchange(world).read_markets(place, assets, pin(world.node.url))
        assert run_read(world.node.url, at.chain, read) == ()
