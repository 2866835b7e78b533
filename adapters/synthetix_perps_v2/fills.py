"""At what price a trade is filled, what it costs, and whether it is too large: of a market alone.

Source: `_fillPrice`, `_orderFee`, `_orderSizeTooLarge` in PerpsV2MarketBase.sol of npm `synthetix` 2.102.1.
"""

from __future__ import annotations

from adapters.synthetix_perps_v2.margin import MarketState
from adapters.synthetix_perps_v2.terms import Terms
from aggregator.model.fixed_point import divide, multiply, truncated
from aggregator.model.rules import WAD


def fill_price(market: MarketState, size_delta: int, price: int) -> int:
    """The oracle's price moved by the mean of the skew before and after, as shares of the skew scale."""
    before, after = (
        price + multiply(price, divide(skew, market.skew_scale))
        for skew in (market.skew, market.skew + size_delta)
    )
    return divide(before + after, 2 * WAD)


def order_fee(market: MarketState, terms: Terms, size_delta: int, fill: int) -> int:
    """The fee of a trade in sUSD: the maker's rate for what reduces the skew, the taker's for the rest.

    The dynamic fee comes on top. `size_delta` is not 0.
    """
    notional = multiply(size_delta, fill)
    surcharge = multiply(abs(notional), terms.dynamic_fee)
    after = market.skew + size_delta
    if same_side(after, market.skew):
        rate = terms.taker_fee if same_side(notional, market.skew) else terms.maker_fee
        return surcharge + multiply(abs(notional), rate)
    taking = divide(abs(after), abs(size_delta))
    taker = multiply(multiply(abs(notional), taking), terms.taker_fee)
    maker = multiply(multiply(abs(notional), WAD - taking), terms.maker_fee)
    return surcharge + taker + maker


def too_large(market: MarketState, terms: Terms, old: int, new: int) -> bool:
    """Whether a position of this size would make its side of the market larger than it may be."""
    if same_side(old, new) and abs(new) <= abs(old):
        return False
    skew = market.skew - old + new
    size = terms.market_size - abs(old) + abs(new)
    # Both sides together, more or less the skew, are twice the one side.
    side = size + skew if new > 0 else size - skew
    return terms.max_market_size < abs(truncated(side, 2))


def same_side(one: int, other: int) -> bool:
    """Whether two sizes have the same sign, or one of them is zero."""
    return one == 0 or other == 0 or (one > 0) == (other > 0)


def decreasing(old: int, new: int) -> bool:
    """Whether a trade makes a position smaller without turning it around."""
    return same_side(old, new) and abs(new) < abs(old)
