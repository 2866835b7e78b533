"""Naked vaults of any shape for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from adapters.opyn_gamma.closing import Auction, ClosableNakedVaultRule
from adapters.opyn_gamma.fixed_point import ONE
from adapters.opyn_gamma.margin import Bound
from adapters.opyn_gamma.requirement import Leg
from aggregator.model.assets import AssetId
from aggregator.model.rules import Feed, Oracle

NOW = 1_800_000_000
DAY = 86_400
UNDERLYING, STRIKE, OTHER = AssetId("underlying"), AssetId("strike"), AssetId("other")


def feeds(asset: AssetId, most: int) -> st.SearchStrategy[Feed]:
    """A price in USD, from a cent on."""
    return st.builds(
        Feed,
        st.just(asset),
        st.sampled_from(Oracle),
        st.integers(10**6, most * 10**8),
        st.just(8),
        st.just("a test"),
    )


# Made once: Hypothesis takes longer to make a strategy than to draw from it.
_UNDERLYINGS, _STRIKES, _OTHERS = feeds(UNDERLYING, 100_000), feeds(STRIKE, 2), feeds(OTHER, 1_000)
_FOURTHS, _PLACES = st.integers(0, 3), st.sampled_from([6, 8, 18])
_TIMES = st.sets(st.integers(1, 60 * DAY), min_size=1, max_size=5)
_BOUNDS = st.integers(10**24, ONE)
_LEGS = st.builds(Leg, st.integers(10**4, 10**13), st.integers(10**8, 10**13))
_AUCTIONS = st.builds(
    Auction,
    market=st.just("option"),
    round_time=st.none() | st.integers(NOW - 7_200, NOW),
    latest_update=st.integers(NOW - 7_200, NOW),
    deviation=st.integers(0, 10**26),
    paused=st.none() | st.just("C4"),
)


@st.composite
def vaults(draw: st.DrawFn) -> ClosableNakedVaultRule:
    """Collateral in the strike asset, the underlying, or a third token."""
    is_put = draw(st.booleans())
    underlying, strike, fourth = draw(_UNDERLYINGS), draw(_STRIKES), draw(_FOURTHS)
    collateral = (underlying, strike)[fourth] if fourth < 2 else draw(_OTHERS)
    seconds = sorted(draw(_TIMES))
    bounds = tuple(Bound(time, draw(_BOUNDS)) for time in seconds)
    places = draw(_PLACES)
    return ClosableNakedVaultRule(
        is_put=is_put,
        leg=draw(_LEGS),
        expiry=NOW + draw(st.integers(1, seconds[-1])),
        collateral=draw(st.integers(0, 10**7)) * 10**places // 1_000,
        collateral_decimals=places,
        shock=draw(st.integers(10**26, 2 * ONE)),
        bounds=bounds,
        underlying_feed=underlying,
        strike_feed=strike,
        collateral_feed=collateral,
        auction=draw(_AUCTIONS),
    )


def vault(*, is_put: bool = True, collateral: int = 3_000 * 10**6) -> ClosableNakedVaultRule:
    """5 options at 1,800 with ETH at 2,000, a month before expiry; bound 0.2, shock 0.75."""
    underlying = Feed(UNDERLYING, Oracle.MARKET, 2_000 * 10**8, 8, "a test")
    dollar = Feed(STRIKE, Oracle.FIXED, 10**8, 8, "a test")
    return ClosableNakedVaultRule(
        is_put=is_put,
        leg=Leg(5 * 10**8, 1_800 * 10**8),
        expiry=NOW + 30 * DAY,
        collateral=collateral,
        collateral_decimals=6 if is_put else 18,
        shock=75 * 10**25,
        bounds=(Bound(31 * DAY, 2 * 10**26),),
        underlying_feed=underlying,
        strike_feed=dollar,
        collateral_feed=dollar if is_put else underlying,
        auction=Auction("option", NOW - 600, NOW - 700, 5 * 10**25, None),
    )
