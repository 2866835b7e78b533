"""Accounts at random: tokens of any decimals, markets with range orders and pools."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from adapters.perp_curie.access import Access
from adapters.perp_curie.margin import CurieRule
from adapters.perp_curie.market import MILLION, Collateral, MarketState, RangeOrder
from adapters.perp_curie.pool import Pool
from adapters.perp_curie.sale import SaleTerms
from adapters.perp_curie.swap import Depth
from aggregator.model.assets import AssetId, index_id
from aggregator.model.calls import Hands
from aggregator.model.rules import (
    WAD,
    Feed,
    Oracle,
)
from aggregator.model.units import Address
from aggregator.pricing.concentrated import Q96, tick_at_root

CASH = AssetId("eip155:1/erc20:0x1")
HANDS = Hands(Address("0x" + "1" * 40), Address("0x" + "1" * 40))
ratios = st.integers(0, MILLION)


@cache
def signed(least: int, most: int) -> st.SearchStrategy[int]:
    return st.tuples(st.integers(least, most), st.sampled_from((-1, 1))).map(lambda one: one[0] * one[1])


def _either(draw: st.DrawFn, most: int) -> int:
    """A number up to so much with either sign."""
    return draw(st.integers(0, most)) * draw(_SIGNS)


# Made once: Hypothesis takes longer to make a strategy than to draw from it.
_LIQUIDITY, _FEES, _TICKS = st.integers(10**20, 10**24), st.integers(0, 20_000), st.integers(1, 900)
_SIGNS, _TIERS = st.sampled_from((-1, 1)), st.sampled_from((500, 3_000, 10_000))
_LINES = st.sets(st.integers(0, 32), max_size=4)


def _pool(draw: st.DrawFn, root: int, price: int) -> Pool:
    """Some liquidity that begins and ends within 1,000 ticks either way."""
    tick, liquidity = tick_at_root(root), draw(_LIQUIDITY)
    first = -(-(tick - 1_000) // 60)
    at = sorted(first + one for one in draw(_LINES))
    lines = [(60 * one, _either(draw, liquidity // 5)) for one in at]
    return Pool(
        depth=Depth(tick, liquidity, 60, tick - 1_000, tick + 1_000, tuple(lines)),
        exchange_fee=draw(_FEES),
        uniswap_fee=draw(_TIERS),
        insurance_share=draw(ratios),
        most_ticks=draw(_TICKS),
        most_spread=100_000,
        index=price,
        recent=draw(st.sampled_from((None, (), ((tick - 7, 995),)))),
    )


pools = st.composite(_pool)
_BASE_PRICES, _PERCENT = st.integers(WAD, 10_000 * WAD), st.integers(80, 120)
_STEPS, _WIDTHS = st.integers(0, 1_500), st.integers(1, 200)
_ORDERS, _DEBTS = st.integers(10**15, 10**20), st.integers(0, 10**18)


def _market(draw: st.DrawFn, name: str, most_orders: int, traded: bool) -> MarketState:
    price = draw(_BASE_PRICES)
    size = draw(signed(10**15, 10**19))
    root = round((price / WAD) ** 0.5 * 2**48) * 2**48
    price, orders = max(1, root * root * WAD // Q96**2), []
    for _ in range(draw(st.integers(0, most_orders))):
        tick = draw(_STEPS) * 60
        width = draw(_WIDTHS) * 60
        liquidity, debt = draw(_ORDERS), draw(_DEBTS)
        orders.append(RangeOrder(tick, tick + width, liquidity, debt, debt))
    return MarketState(
        base=f"0x{name}",
        name=name,
        feed=Feed(index_id(name), Oracle.MARKET, price, 18, "a test"),
        is_open=True,
        size=size,
        notional=-size * price // WAD * draw(_PERCENT) // 100,
        orders=tuple(orders),
        root=root,
        funding=draw(signed(0, WAD)),
        premium=draw(signed(0, Q96)),
        pool=_pool(draw, root, price) if traded else None,
    )


_OF_TOKENS, _OF_PRICES = st.sampled_from((6, 8, 18, 24)), st.sampled_from((8, 18))
_ROOMS = st.none() | st.integers(-(10**30), 10**30)
_RATIOS, _DISCOUNTS = st.integers(MILLION // 2, MILLION), st.integers(0, MILLION // 5)


def _collateral(draw: st.DrawFn, name: str) -> Collateral:
    decimals, of_price = draw(_OF_TOKENS), draw(_OF_PRICES)
    price = draw(st.integers(10 ** (of_price - 1), 10 ** (of_price + 4)))
    balance = draw(st.integers(1, 10**4)) * 10**decimals // 1_000
    feed = Feed(AssetId(f"eip155:1/erc20:0x{name}"), Oracle.MARKET, price, of_price, "a test")
    return Collateral(feed, name, decimals, balance, draw(_RATIOS), draw(_DISCOUNTS), room=draw(_ROOMS))


terms = st.builds(
    SaleTerms,
    margin_ratio=ratios,
    initial_ratio=ratios,
    debt_share=ratios,
    most_debt=st.integers(0, 10**24),
    part=st.integers(1, MILLION),
    small_debt=st.integers(0, 10**12),
    fee_ratio=st.integers(0, MILLION // 2),
    paused=st.just(value=False),
)


@st.composite
def rules(draw: st.DrawFn, most_orders: int = 2, traded: bool = False) -> CurieRule:
    decimals = draw(st.sampled_from((6, 8, 18)))
    held = [_collateral(draw, name) for name in ("2", "3")[: draw(st.integers(0, 2))]]
    return CurieRule(
        time=1_000,
        settlement=CASH,
        settlement_decimals=decimals,
        balance=draw(signed(0, 3_000 * 10**decimals)),
        owed_pnl=draw(signed(0, 100 * WAD)),
        pending_fee=draw(st.integers(0, WAD)),
        markets=tuple(
            _market(draw, name, most_orders, traded) for name in ("A", "B")[: draw(st.integers(1, 2))]
        ),
        collaterals=tuple(held),
        maintenance_ratio=62_500,
        penalty_ratio=25_000,
        insurance=draw(st.integers(0, 10**24)),
        paused=False,
        terms=draw(terms) if held else None,
        access=Access(
            Address("0x" + "a" * 40), Address("0x" + "b" * 40), 100_000, vault_paused=False, room=draw(_ROOMS)
        ),
    )
