"""Markets are checked as they are read: what `UniswapMarket.to_json` wrote, or what a pool answered."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from adapters.uniswap_v3.market import WORD, UniswapMarket
from adapters.uniswap_v3.wrapping import WrappedCoin
from aggregator.contract import token_address
from aggregator.model.assets import AssetId
from aggregator.model.errors import InvalidAddress
from aggregator.model.rules import JsonValue
from aggregator.model.stored import check_family, entry, exact
from aggregator.model.units import Address, ChainId, parse_address
from aggregator.pricing.concentrated import MAX_TICK, MILLION, root_at_tick, tick_at_root


def load_market(data: Mapping[str, JsonValue]) -> UniswapMarket | WrappedCoin:
    """The market that `to_json` of either wrote; raises ValueError on data of another family or shape."""
    if data.get("family") == WrappedCoin.family:
        chain, token = ChainId(entry(data, "chain", int)), _address(data.get("token"))
        return WrappedCoin(chain, token, entry(data, "label", str))
    check_family(data, UniswapMarket.family)
    low, high = (AssetId(_text(one)) for one in _pair(entry(data, "assets", list)))
    if token_address(low) is None or token_address(high) is None:
        raise ValueError(f"{low} and {high} are no tokens")
    first, last = (_whole(one) for one in _pair(entry(data, "words", list)))
    return checked(
        UniswapMarket(
            chain=ChainId(entry(data, "chain", int)),
            pool=_address(data.get("pool")),
            router=None if data.get("router") is None else _address(data["router"]),
            assets=(low, high),
            label=entry(data, "label", str),
            fee=entry(data, "fee", int),
            spacing=entry(data, "spacing", int),
            root=exact(data, "root"),
            tick=entry(data, "tick", int),
            liquidity=exact(data, "liquidity"),
            words=(first, last),
            ticks=tuple(_net(one) for one in entry(data, "ticks", list)),
        )
    )


def checked(market: UniswapMarket) -> UniswapMarket:
    """The market itself; raises ValueError where no pool can be in its state."""
    if not 0 <= market.fee < MILLION or market.spacing <= 0 or market.words[0] > market.words[1]:
        raise ValueError(f"{market.label}: a fee of {market.fee}, {market.spacing} ticks, {market.words}")
    at = tick_at_root(market.root)
    # Sold down to the border of a tick exactly, the pool is in the tick below.
    if market.tick != at and (market.tick != at - 1 or market.root != root_at_tick(at)):
        raise ValueError(f"{market.label}: a tick of {market.tick} at a root price of {market.root}")
    found = [tick for tick, _ in market.ticks]
    if found != sorted(set(found)) or any(one % market.spacing or abs(one) > MAX_TICK for one in found):
        raise ValueError(f"{market.label}: its initialised ticks are {found}")
    if any(not market.words[0] <= one // market.spacing // WORD <= market.words[1] for one in found):
        raise ValueError(f"{market.label}: a tick beyond the words {market.words}")
    inside = bisect_right(found, market.tick)
    below = [-net for _, net in market.ticks[:inside][::-1]]
    for nets in (below, [net for _, net in market.ticks[inside:]]):
        liquidity = market.liquidity
        for net in (0, *nets):
            liquidity += net
            if liquidity < 0:
                raise ValueError(f"{market.label}: a liquidity below zero")
    return market


def _pair(found: list[JsonValue]) -> tuple[JsonValue, JsonValue]:
    if len(found) != 2:
        raise ValueError(f"a stored market has {found!r} where a pair should be")
    return found[0], found[1]


def _net(one: JsonValue) -> tuple[int, int]:
    tick, net = _pair(one if isinstance(one, list) else [one])
    return _whole(tick), int(_text(net))


def _address(one: JsonValue) -> Address:
    try:
        return parse_address(_text(one))
    except InvalidAddress as error:
        raise ValueError(str(error)) from error


def _text(one: JsonValue) -> str:
    if not isinstance(one, str):
        raise ValueError(f"a stored market has {one!r} where text should be")
    return one


def _whole(one: JsonValue) -> int:
    if not isinstance(one, int) or isinstance(one, bool):
        raise ValueError(f"a stored market has {one!r} where an integer should be")
    return one
