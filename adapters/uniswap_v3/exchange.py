"""Reads the pools between tokens: four rounds, whatever the number of tokens.

1. the pools of every pair and fee; how far apart their usable ticks are,
2. price and liquidity of each pool,
3. the words of its bitmap around the price,
4. the ticks that these words say are initialised.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from adapters.uniswap_v3.calls import BITMAP, FACTORY, LIQUIDITY, NET, POOL, SLOT, SPACING, TICK, WETH9
from adapters.uniswap_v3.market import WORD, UniswapMarket
from adapters.uniswap_v3.stored import checked, load_market
from adapters.uniswap_v3.wrapping import WrappedCoin
from aggregator.contract import Deployment, Deployments, Exchange, Read, ask, both, token_address
from aggregator.model.assets import Asset, native_id, token_id
from aggregator.model.errors import BadConfiguration, MalformedReply
from aggregator.model.readings import Block
from aggregator.model.rules import JsonValue
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import Address
from aggregator.pricing.concentrated import MAX_TICK

NAME = "uniswap_v3"
FEES = (100, 500, 3_000, 10_000)
"""In millionths: those that the factories enable for everybody."""
REACH = 4_000
"""Ticks that are read to either side at least: a price of 49% more and 33% less."""
NOBODY = Address("0x" + "0" * 40)


@dataclass(frozen=True, slots=True)
class _Pool:
    """A pool between two assets, in the order of its tokens."""

    address: Address
    assets: tuple[Asset, Asset]
    fee: int
    spacing: int


class UniswapV3:
    """Pools of a factory, with the router that sells into them."""

    name = NAME

    def __init__(self, deployments: Deployments) -> None:
        self.deployments: Collection[Deployment] = deployments.entries

    def read_markets(
        self,
        deployment: Deployment,
        assets: Collection[Asset],
        block: Block,  # noqa: ARG002
    ) -> Read[tuple[SpotMarket, ...]]:
        """The pools between any two of these tokens in which there is liquidity within what is read.

        Pools trade the wrapped token of a native coin; where both are among the assets, there is a market of
        them as well.
        """
        tokens = _tokens(deployment, assets)
        pools, wrapped = yield from both(
            _read_pools(deployment, tokens), _read_wrapping(deployment, assets, tokens)
        )
        if not pools:
            return wrapped
        at = [pool.address for pool in pools]
        slots, depths = yield from ask([SLOT.each(at), LIQUIDITY.each(at)])
        states = zip(pools, slots.values(0), slots.values(1), depths.values(), strict=True)
        # The root price is 0 where nobody has given the pool one yet.
        live = [(*state, _words(state[2], state[0].spacing)) for state in states if state[1]]
        ticks = yield from _read_ticks([(pool, words) for pool, *_, words in live])
        markets: list[SpotMarket] = [*wrapped]
        for pool, root, tick, liquidity, words in live:
            low, high = pool.assets
            market = UniswapMarket(
                chain=deployment.chain,
                pool=pool.address,
                router=deployment.addresses.get("router"),
                assets=(low.id, high.id),
                label=f"{deployment.name} {low.symbol}/{high.symbol} {_percent(pool.fee)}",
                fee=pool.fee,
                spacing=pool.spacing,
                root=root,
                tick=tick,
                liquidity=liquidity,
                words=words,
                ticks=tuple(ticks[pool.address]),
            )
            if liquidity or market.ticks:
                markets.append(_possible(market))
        return tuple(markets)

    def load(self, data: Mapping[str, JsonValue]) -> SpotMarket:
        """See Exchange."""
        return load_market(data)

    def probe(self, deployment: Deployment, block: Block) -> Read[tuple[str, ...]]:  # noqa: ARG002
        """Which fees the factory has; raises where the router is another factory's."""
        factory, router = deployment.addresses["factory"], deployment.addresses.get("router")
        asked = [FACTORY.at(router)] if router else []
        spacings, answers = yield from both(ask([SPACING.at(factory, fee) for fee in FEES]), ask(asked))
        for call, found in zip(asked, answers, strict=True):
            if found != factory:
                raise MalformedReply(call.origin, f"the router's factory is {found}, not {factory}")
        fees = [_percent(fee) for fee, spacing in zip(FEES, spacings, strict=True) if spacing]
        without = () if router else ("no router is configured: swaps there have no calls",)
        return (f"pools with fees of {', '.join(fees) or 'nothing that is known'}", *without)


def _percent(fee: int) -> str:
    return f"{fee / 10_000:g}%"


def _tokens(deployment: Deployment, assets: Collection[Asset]) -> list[tuple[Address, Asset]]:
    """The tokens of the deployment's chain, once each, in the order in which pools have them."""
    found: dict[Address, Asset] = {}
    for asset in assets:
        address = token_address(asset.id)
        if address is not None and asset.id == token_id(deployment.chain, address):
            found[address] = asset
    return sorted(found.items(), key=lambda pair: int(pair[0], 16))


def _read_pools(deployment: Deployment, tokens: Sequence[tuple[Address, Asset]]) -> Read[list[_Pool]]:
    factory = deployment.addresses["factory"]
    wanted = [(low, high, fee) for low, high in combinations(tokens, 2) for fee in FEES]
    if not wanted:
        return []
    lows, highs, fees = ([low for (low, _), _, _ in wanted], [high for _, (high, _), _ in wanted], [*FEES])
    [found], spacings = yield from both(
        ask([POOL.each(factory, lows, highs, [fee for *_, fee in wanted])]),
        ask([SPACING.at(factory, fee) for fee in fees]),
    )
    spacing = dict(zip(fees, spacings, strict=True))
    pools = [
        _Pool(address, (low, high), fee, spacing[fee])
        for ((_, low), (_, high), fee), address in zip(wanted, found.values(), strict=True)
        if address != NOBODY
    ]
    for pool in pools:
        if pool.spacing <= 0:
            origin = SPACING.at(factory, pool.fee).origin
            raise MalformedReply(origin, f"{pool.spacing}, and there is a pool {pool.address} of this fee")
    return pools


def _read_wrapping(
    deployment: Deployment, assets: Collection[Asset], tokens: Sequence[tuple[Address, Asset]]
) -> Read[tuple[SpotMarket, ...]]:
    """The market of the native coin and its wrapped token, where both are asked for and a router names it."""
    router = deployment.addresses.get("router")
    coins = [one for one in assets if one.id == native_id(deployment.chain)]
    if router is None or not coins or not tokens:
        return ()
    [address] = yield from ask([WETH9.at(router)])
    for token, asset in tokens:
        if token == address:
            return (WrappedCoin(deployment.chain, token, f"{coins[0].symbol}/{asset.symbol} 1:1"),)
    return ()


def _words(tick: int, spacing: int) -> tuple[int, int]:
    """The first and the last word of the bitmap that are read around a tick."""
    lower, upper = max(-MAX_TICK, tick - REACH), min(MAX_TICK, tick + REACH)
    return lower // spacing // WORD, upper // spacing // WORD


def _read_ticks(
    spans: Sequence[tuple[_Pool, tuple[int, int]]],
) -> Read[dict[Address, list[tuple[int, int]]]]:
    """Each pool's initialised ticks of these words, in order, with the liquidity that comes in at each."""
    ticks: dict[Address, list[tuple[int, int]]] = {pool.address: [] for pool, _ in spans}
    places = [(pool, word) for pool, (first, last) in spans for word in range(first, last + 1)]
    if not places:
        return ticks
    [bitmaps] = yield from ask(
        [BITMAP.each([pool.address for pool, _ in places], [word for _, word in places])]
    )
    initialised = [
        (pool.address, (word * WORD + bit) * pool.spacing)
        for (pool, word), bitmap in zip(places, bitmaps.values(), strict=True)
        for bit in range(WORD)
        if bitmap >> bit & 1
    ]
    if initialised:
        [nets] = yield from ask([TICK.each([pool for pool, _ in initialised], [at for _, at in initialised])])
        for (pool, at), net in zip(initialised, nets.values(NET), strict=True):
            ticks[pool].append((at, net))
    return ticks


def _possible(market: UniswapMarket) -> UniswapMarket:
    try:
        return checked(market)
    except ValueError as error:
        raise MalformedReply(f"pool {market.pool}", str(error)) from error


def build(deployments: Deployments) -> Exchange:
    """The exchange; raises BadConfiguration where an entry lacks its factory."""
    for entry in deployments.entries:
        if "factory" not in entry.addresses:
            raise BadConfiguration(entry.key, "addresses.factory is missing")
    return UniswapV3(deployments)
