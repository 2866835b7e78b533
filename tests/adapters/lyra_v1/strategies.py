"""Random short options, as Hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from adapters.lyra_v1.collateral import CollateralParameters, OptionType
from adapters.lyra_v1.margin import ShortOptionRule
from aggregator.model.assets import index_id
from aggregator.model.rules import Feed, Oracle

WAD = 10**18
DAY = 86_400
NOW = 1_796_000_000
SHORTS = [kind for kind in OptionType if kind.is_short]


def parameters() -> st.SearchStrategy[CollateralParameters]:
    """Parameters that the contract's own checks accept; the slope of the volatility may have no length."""
    return st.builds(
        lambda a, fall, point, length, call, put, rate: CollateralParameters(
            static_quote=200 * WAD,
            static_base=WAD // 5,
            vol_a=a,
            point_a=point,
            vol_b=a - a * fall // 100,
            point_b=point + length,
            call_spot_shock=call,
            put_spot_shock=put,
            rate=rate,
        ),
        a=st.integers(WAD // 5, 4 * WAD),
        fall=st.integers(0, 80),
        point=st.integers(0, 30 * DAY),
        length=st.one_of(st.just(0), st.integers(1, 60 * DAY)),
        call=st.integers(WAD, 2 * WAD),
        put=st.integers(WAD // 2, WAD),
        rate=st.integers(-WAD // 5, WAD // 5),
    )


def rules() -> st.SearchStrategy[ShortOptionRule]:
    """Shorts of at least a hundredth of an option, up to a year from their expiry or a week past it."""
    return st.builds(
        ShortOptionRule,
        kind=st.sampled_from(SHORTS),
        amount=st.integers(WAD // 100, 1_000 * WAD),
        collateral=st.integers(0, 1_000_000 * WAD),
        strike=st.integers(10 * WAD, 100_000 * WAD),
        expiry=st.integers(NOW - 7 * DAY, NOW + 365 * DAY),
        parameters=parameters(),
        spot=st.builds(
            lambda price: Feed(index_id("ETH"), Oracle.MARKET, price, 18, "rateAndInvalid(bytes32)@0x0"),
            st.integers(10 * WAD, 100_000 * WAD),
        ),
    )
