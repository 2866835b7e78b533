"""Random rules: markets with any skew and settings, positions on both sides, solvent or not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from adapters.synthetix_perps_v2.acting import TradablePerpsV2Rule
from adapters.synthetix_perps_v2.closing import ClosablePerpsV2Rule, Closing
from adapters.synthetix_perps_v2.margin import MarketState, PerpsV2Rule
from adapters.synthetix_perps_v2.terms import Terms
from aggregator.model.assets import index_id, token_id
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address, ChainId

NOW = 1_790_000_000
DAY = 86_400
ETH = index_id("ETH")
SUSD = token_id(ChainId(10), Address("0x" + "6" * 40))


def ratios(largest: int = WAD) -> st.SearchStrategy[int]:
    """A share with 18 decimals."""
    return st.integers(0, largest)


def prices() -> st.SearchStrategy[int]:
    """From a tenth of a cent to a million dollars."""
    return st.integers(10**15, 10**24)


def signed(smallest: int, largest: int) -> st.SearchStrategy[int]:
    """A magnitude with either sign."""
    return st.builds(lambda sign, size: sign * size, st.sampled_from([-1, 1]), st.integers(smallest, largest))


# Made once: Hypothesis takes longer to make a strategy than to draw from it.
_MARKETS = st.builds(
    MarketState,
    skew=signed(0, 10**25),
    skew_scale=st.integers(10**20, 10**25),
    max_funding_velocity=ratios(9 * WAD),
    funding_rate=signed(0, WAD),
    funding_time=st.integers(0, 30 * DAY).map(lambda ago: NOW - ago),
    premium_multiplier=ratios(3 * WAD),
    buffer_ratio=ratios(WAD // 10),
    fee_ratio=ratios(WAD // 10),
    min_keeper_fee=st.integers(0, 100 * WAD),
    max_keeper_fee=st.integers(0, 10_000 * WAD),
    keeper_liquidation_fee=st.integers(0, 10 * WAD),
)
_RULES = st.builds(
    PerpsV2Rule,
    feed=prices().map(lambda price: Feed(ETH, Oracle.MARKET, price, 18, "assetPrice()@0xaa")),
    market=_MARKETS,
    size=signed(10**14, 10**23),
    margin=st.integers(0, 10**25),
    last_price=prices(),
    settled_funding=signed(0, 10**20),
    flagged=st.booleans(),
)
_CLOSINGS = st.builds(
    Closing,
    market=st.just("sETHPERP"),
    settlement=st.just(SUSD),
    max_delta=st.sampled_from([0, WAD // 1000, 10**30]),
    max_skew=st.sampled_from([0, WAD // 500, 10**30]),
    endorsed=st.booleans(),
    suspension=st.sampled_from([None, None, "Market suspended"]),
    commit_deposit=st.integers(0, 10 * WAD),
    keeper_deposit=st.integers(0, 10 * WAD),
)
_TERMS = st.builds(
    Terms,
    market=st.just(Address("0x" + "7" * 40)),
    market_size=st.just(0),
    max_market_size=st.sampled_from([10**22, 10**30]),
    taker_fee=ratios(WAD // 50),
    maker_fee=ratios(WAD // 50),
    max_leverage=st.integers(1, 100).map(lambda times: times * WAD),
    min_initial_margin=st.integers(0, 100).map(lambda usd: usd * WAD),
    dynamic_fee=ratios(WAD // 100),
    volatile=st.just(value=False),
    pending=st.just(value=False),
)


def markets() -> st.SearchStrategy[MarketState]:
    """A market that was last recomputed within the month before NOW."""
    return _MARKETS


def rules() -> st.SearchStrategy[PerpsV2Rule]:
    """An account with a position, read at NOW."""
    return _RULES


def closable_rules() -> st.SearchStrategy[ClosablePerpsV2Rule]:
    """The same with what a liquidation needs, in a market with limits that some positions exceed."""
    return _CLOSABLE


@st.composite
def tradable_rules(draw: st.DrawFn) -> TradablePerpsV2Rule:
    """The same with what withdrawals and trades take, in a market whose skew is within its scale."""
    rule = draw(_CLOSABLE)
    scale = rule.market.skew_scale
    market = replace(rule.market, skew=draw(st.integers(-scale // 2, scale // 2)))
    size = draw(st.integers(abs(market.skew) + abs(rule.size), 10**27))
    terms = replace(draw(_TERMS), market_size=size)
    return TradablePerpsV2Rule.of(replace(rule, market=market, flagged=False), terms)


def closable(rule: PerpsV2Rule, closing: Closing) -> ClosablePerpsV2Rule:
    """A rule with the terms of a liquidation."""
    return ClosablePerpsV2Rule(
        rule.feed,
        rule.market,
        rule.size,
        rule.margin,
        rule.last_price,
        rule.settled_funding,
        rule.flagged,
        closing,
    )


_CLOSABLE = st.builds(closable, _RULES, _CLOSINGS)
