"""Rules of all sizes for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from adapters.synthetix_v3.margin import Collateral, PositionState, SynthetixV3Rule
from adapters.synthetix_v3.market import Market
from adapters.synthetix_v3.rewards import Rewards
from aggregator.model.assets import AssetId, index_id, token_id
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import ChainId, parse_address

NOW = 1_800_000_000
USD = token_id(ChainId(8453), parse_address("0x" + "11" * 20))


def whole(least: float, most: float) -> st.SearchStrategy[int]:
    """Numbers with 18 decimals."""
    return st.integers(int(least * WAD), int(most * WAD))


def feed(asset: AssetId) -> st.SearchStrategy[Feed]:
    return st.builds(
        Feed, st.just(asset), st.just(Oracle.MARKET), whole(0.5, 50_000), st.just(18), st.just("a price")
    )


markets = st.builds(
    Market,
    skew=whole(-20_000, 20_000),
    skew_scale=st.one_of(st.just(0), whole(1_000, 1_000_000)),
    max_funding_velocity=whole(0, 9),
    funding_rate=whole(-0.2, 0.2),
    funding_time=st.integers(NOW - 90_000, NOW),
    impact_ratio=whole(0, 2),
    minimum_ratio=whole(0.005, 0.1),
    maintenance_scalar=whole(0.2, 1),
    flag_reward_ratio=whole(0, 0.001),
    minimum_position_margin=whole(0, 100),
    locked_oi_ratio=whole(0, 1),
    window_limit=st.one_of(st.just(0), whole(0.5, 1_000)),
    window_seconds=st.integers(1, 600),
    max_liquidation_pd=whole(0, 0.01),
    liquidated=st.lists(st.tuples(st.integers(NOW - 700, NOW), whole(0, 10)), max_size=2).map(tuple),
)


def position(name: str) -> st.SearchStrategy[PositionState]:
    return st.builds(
        PositionState,
        name=st.just(name),
        feed=feed(index_id(name)),
        market=markets,
        size=st.one_of(whole(-100, -0.01), whole(0.01, 100)),
        entry_price=whole(0.5, 50_000),
        settled_funding=whole(-5, 5),
        interest=whole(0, 0.01),
    )


rewards = st.builds(
    Rewards,
    minimum=whole(0, 10),
    profit_ratio=whole(0, 1),
    maximum=whole(10, 1_000),
    scaling_ratio=whole(0.01, 1),
    collateral_ratio=whole(0, 0.01),
    flag_costs=st.lists(whole(0, 5), min_size=6, max_size=6).map(lambda costs: tuple(sorted(costs))),
    liquidate_cost=whole(0, 5),
)
# Made once: Hypothesis takes longer to make a strategy than to draw from it.
_COLLATERALS = [
    st.builds(
        Collateral,
        feed=feed(token_id(ChainId(8453), parse_address(f"0x{40 + i:040x}"))),
        amount=whole(0.001, 1_000),
        discount=whole(0, 0.3),
    )
    for i in range(2)
]
_POSITIONS = {name: position(name) for name in ("ETH", "BTC", "SOL")}
collaterals = st.one_of(*(st.tuples(*_COLLATERALS[:count]) for count in range(3)))
positions = st.one_of(
    *(
        st.tuples(*(_POSITIONS[name] for name in names))
        for names in ((), ("ETH",), ("ETH", "BTC"), ("SOL", "BTC", "ETH"))
    )
)
rules = st.builds(
    SynthetixV3Rule,
    usd=st.just(USD),
    usd_amount=whole(0, 100_000),
    debt=st.one_of(st.just(0), whole(0, 50_000)),
    collaterals=collaterals,
    positions=positions,
    rewards=rewards,
    interest_rate=whole(0, 1),
    interest_time=st.just(NOW),
    flagged=st.booleans(),
)
