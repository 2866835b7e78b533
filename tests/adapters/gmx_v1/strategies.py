"""Positions and settings at random, in the ranges that vaults have."""

from __future__ import annotations

from hypothesis import strategies as st

from adapters.gmx_v1.closing import ClosableGmxRule, Closing
from adapters.gmx_v1.margin import Funding, Terms
from aggregator.model.assets import AssetId, index_id, token_id
from aggregator.model.rules import Feed, Oracle
from aggregator.model.units import Address, ChainId

NOW = 1_700_000_000
DOLLAR = 10**30
INDEX = index_id("ETH")
USDC: AssetId = token_id(ChainId(1), Address("0x" + "5" * 40))
cents = st.integers(1, 10**9).map(lambda one: one * 10**28)

terms = st.builds(
    Terms,
    max_leverage=st.sampled_from([110_000, 500_000, 1_000_000]),
    liquidation_fee=st.sampled_from([0, 2 * DOLLAR, 5 * DOLLAR]),
    margin_fee_bps=st.sampled_from([0, 5, 10, 500]),
    min_profit_time=st.sampled_from([0, 3 * 3_600]),
    min_profit_bps=st.sampled_from([0, 150]),
)
fundings = st.builds(
    Funding,
    cumulative=st.integers(10**5, 10**6),
    last_time=st.one_of(st.just(0), st.integers(NOW - 10**6, NOW)),
    interval=st.sampled_from([3_600, 8 * 3_600]),
    factor=st.integers(0, 10_000),
    reserved=st.integers(0, 10**24),
    pool=st.one_of(st.just(0), st.integers(10**24, 10**25)),
)


@st.composite
def rules(draw: st.DrawFn) -> ClosableGmxRule:
    """A position up to a hundred times its collateral, at a price within a third of its entry."""
    collateral = draw(cents)
    average = draw(st.integers(10**3, 10**7)) * 10**28
    price = average * draw(st.integers(700, 1_300)) // 1_000
    is_long = draw(st.booleans())
    closing_price = price * 10_002 // 10_000 if is_long else DOLLAR
    return ClosableGmxRule(
        feed=Feed(INDEX, Oracle.MARKET, price, 30, "a test"),
        terms=draw(terms),
        funding=draw(fundings),
        is_long=is_long,
        size=collateral * draw(st.integers(100, 10_000)) // 100,
        collateral=collateral,
        average_price=average,
        entry_funding_rate=draw(st.integers(9 * 10**4, 10**5)),
        last_increased_time=draw(st.integers(NOW - 10**5, NOW)),
        closing=Closing("ETH long" if is_long else "ETH short on USDC", USDC, 6, closing_price),
    )
