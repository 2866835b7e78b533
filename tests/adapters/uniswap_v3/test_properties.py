"""What holds of every pool's swaps, whatever its positions; that they are the contract's is tested live."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.uniswap_v3.market import UniswapMarket
from adapters.uniswap_v3.stored import checked, load_market
from aggregator.model.assets import token_id
from aggregator.model.rules import Amount, Refused
from aggregator.model.spot_markets import Swapped
from aggregator.model.units import Address
from aggregator.pricing.concentrated import MAX_TICK, root_at_tick
from tests.adapters.uniswap_v3.test_read import HERE

SPACINGS = {100: 1, 500: 10, 3_000: 60, 10_000: 200}


@st.composite
def pools(draw: st.DrawFn) -> UniswapMarket:
    """Positions around any price, with the words within which they are."""
    fee = draw(st.sampled_from(sorted(SPACINGS)))
    spacing = SPACINGS[fee]
    tick = draw(st.integers(-700_000, 700_000))
    root = root_at_tick(tick) + draw(st.integers(0, root_at_tick(tick + 1) - root_at_tick(tick) - 1))
    places = st.integers(-40, 40).map(lambda n: (tick // spacing + n) * spacing)
    nets: dict[int, int] = {}
    liquidity = 0
    for _ in range(draw(st.integers(1, 8))):
        ends = draw(st.tuples(places, places))
        lower, upper = min(ends), max(ends) + spacing
        size = draw(st.integers(1, 10**24))
        nets[lower], nets[upper] = nets.get(lower, 0) + size, nets.get(upper, 0) - size
        liquidity += size if lower <= tick < upper else 0
    ticks = tuple(sorted(nets.items()))
    words = tuple(at // spacing // 256 for at in (min(ticks[0][0], tick), max(ticks[-1][0], tick)))
    found = replace(
        HERE,
        fee=fee,
        spacing=spacing,
        root=root,
        tick=tick,
        liquidity=liquidity,
        words=(words[0], words[1]),
        ticks=ticks,
    )
    return checked(found)


amounts = st.integers(1, 10**26) | st.integers(1, 10**12)


def swapped(market: UniswapMarket, side: int, raw: int) -> tuple[int, UniswapMarket] | None:
    found = market.swap(Amount(market.assets[side], raw))
    if isinstance(found, Refused):
        return None
    assert found.received.asset == market.assets[1 - side]
    assert isinstance(found.successor, UniswapMarket)
    return found.received.raw, checked(found.successor)


@given(pools(), st.sampled_from([0, 1]), amounts, amounts)
def test_selling_more_brings_more_and_parts_bring_no_more(
    pool: UniswapMarket, side: int, a: int, b: int
) -> None:
    """The price moves against who sells, and the pool rounds each part its way."""
    first, whole = swapped(pool, side, a), swapped(pool, side, a + b)
    assume(whole is not None)
    assert whole is not None
    received, after = whole
    assert after.root <= pool.root if side == 0 else after.root >= pool.root
    if first is None:
        assert isinstance(refused := pool.swap(Amount(pool.assets[side], a)), Refused)
        assert "nothing" in refused.reason
        return
    assert first[0] <= received
    second = swapped(first[1], side, b)
    assert first[0] + (0 if second is None else second[0]) <= received


@given(pools(), st.sampled_from([0, 1]), amounts)
def test_there_and_back_is_no_profit(pool: UniswapMarket, side: int, raw: int) -> None:
    there = swapped(pool, side, raw)
    assume(there is not None)
    assert there is not None
    back = swapped(there[1], 1 - side, there[0])
    assert back is None or back[0] < raw


@given(pools(), st.sampled_from([0, 1]), amounts)
def test_successors_come_back_from_json(pool: UniswapMarket, side: int, raw: int) -> None:
    found = pool.swap(Amount(pool.assets[side], raw))
    after = found.successor if isinstance(found, Swapped) else pool
    assert isinstance(after, UniswapMarket)
    assert load_market(after.to_json()) == after


@given(pools(), st.sampled_from([0, 1]))
def test_a_pool_that_is_read_to_its_ends_lacks_depth(pool: UniswapMarket, side: int) -> None:
    """Where all its words are known, the price runs to the end and something stays unsold."""
    ends = (-MAX_TICK // pool.spacing // 256, MAX_TICK // pool.spacing // 256)
    refused = replace(pool, words=ends).swap(Amount(pool.assets[side], 10**70))
    assert isinstance(refused, Refused)
    assert "lacks the depth" in refused.reason
    refused = pool.swap(Amount(pool.assets[side], 10**70))
    assert isinstance(refused, Refused)
    assert "not read beyond" in refused.reason


@given(pools())
def test_what_no_router_takes_is_refused(pool: UniswapMarket) -> None:
    for raw in (0, -1, 2**255):
        assert isinstance(pool.swap(Amount(pool.assets[0], raw)), Refused)
    foreign = token_id(pool.chain, Address("0x" + "9" * 40))
    assert isinstance(pool.swap(Amount(foreign, 10**18)), Refused)
