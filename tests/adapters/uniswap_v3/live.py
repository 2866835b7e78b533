"""The exchange on the local chain: its markets read, swaps predicted and made."""

from __future__ import annotations

from adapters.uniswap_v3.exchange import build
from adapters.uniswap_v3.market import UniswapMarket
from aggregator.contract import Deployment, Deployments, Exchange
from aggregator.model.actions import Untold
from aggregator.model.assets import Asset, AssetId, token_id
from aggregator.model.rules import Amount
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address, ChainId, parse_address
from tests.devnet.uniswap import core
from tests.devnet.world import World
from tests.reading_kit import altered, pin, run_read

DEADLINE = 2**40


def deployment(world: World) -> Deployment:
    """The exchange as an adapter is given it."""
    entry = world.uniswap.deployment_entry()
    addresses = {role: parse_address(text) for role, text in entry.addresses.items()}
    return Deployment(entry.adapter, ChainId(world.node.chain_id), entry.name, addresses, "local chain")


def exchange(world: World) -> Exchange:
    """The exchange over the local chain's deployment alone."""
    return build(Deployments(entries=(deployment(world),), tokens=()))


def asset(world: World, symbol: str) -> Asset:
    """A token that is traded there."""
    token = world.uniswap.token(symbol)
    address = parse_address(token.address)
    return Asset(token_id(ChainId(world.node.chain_id), address), symbol, int(token.call("decimals")))


def markets(world: World, *symbols: str, rounds: list[int] | None = None) -> list[UniswapMarket]:
    """All markets between tokens at the newest block."""
    assets = [asset(world, symbol) for symbol in symbols]
    read = exchange(world).read_markets(deployment(world), assets, pin(world.node.url))
    found = run_read(world.node.url, world.node.chain_id, altered(read, rounds=rounds))
    assert all(isinstance(one, UniswapMarket) for one in found)
    return [one for one in found if isinstance(one, UniswapMarket)]


def market(world: World, a: str, b: str, fee: int) -> UniswapMarket:
    """One market."""
    [found] = [one for one in markets(world, a, b) if one.fee == fee]
    return found


def other(market: UniswapMarket, sold: AssetId) -> AssetId:
    """What a market gives for one of its sides."""
    [found] = set(market.assets) - {sold}
    return found


def largest(market: UniswapMarket, sold: AssetId, places: int = 256) -> int:
    """The most that can be sold at once within what was read, found by trying, to so many binary places."""

    def fits(raw: int) -> bool:
        found = market.swap(Amount(sold, raw))
        return isinstance(found, Swapped) or "nothing" in found.reason

    step, most = 1, 0
    while fits(2 * step):
        step *= 2
    last = step >> places
    while step > last:
        if fits(most + step):
            most += step
        step //= 2
    return most


def sell(world: World, market: UniswapMarket, user: str, sold: Amount) -> Swapped:
    """Swap by real transactions; what is received and the pool afterwards are as predicted, to the unit."""
    predicted = market.swap(sold)
    assert isinstance(predicted, Swapped), predicted
    received = predicted.received
    make(world, market, user, sold, received)
    after = predicted.successor
    assert isinstance(after, UniswapMarket)
    pool = world.chain.at(core("UniswapV3Pool"), market.pool)
    root, tick, *_ = pool.call("slot0")
    assert (after.root, after.tick, after.liquidity) == (root, tick, pool.call("liquidity"))
    return predicted


def make(
    world: World, market: UniswapMarket, user: str, sold: Amount, least: Amount, deadline: int = DEADLINE
) -> None:
    """Mint what is sold and send the market's own calls; exactly `least` is received."""
    tokens = {asset(world, symbol).id: symbol for symbol in world.uniswap.traded}
    given, bought = (world.uniswap.token(tokens[one.asset]) for one in (sold, least))
    world.uniswap.mint(tokens[sold.asset], user, sold.raw)
    before = given.call("balanceOf", user), bought.call("balanceOf", user)
    calls = market.calls(sold, least, Address(user.lower()), deadline)
    assert not isinstance(calls, Untold)
    for call in calls:
        world.chain.transact(call.to, call.data, sender=user, value=call.value)
    assert before[0] - given.call("balanceOf", user) == sold.raw
    assert bought.call("balanceOf", user) - before[1] == least.raw
    assert given.call("allowance", user, market.router) == 0
