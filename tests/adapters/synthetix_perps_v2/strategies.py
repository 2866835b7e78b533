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


@st.composite
def markets(draw: st.DrawFn) -> MarketState:
    """A market that was last recomputed within the month before NOW."""
    return MarketState(
        skew=draw(signed(0, 10**25)),
        skew_scale=draw(st.integers(10**20, 10**25)),
        max_funding_velocity=draw(ratios(9 * WAD)),
        funding_rate=draw(signed(0, WAD)),
        funding_time=NOW - draw(st.integers(0, 30 * DAY)),
        premium_multiplier=draw(ratios(3 * WAD)),
        buffer_ratio=draw(ratios(WAD // 10)),
        fee_ratio=draw(ratios(WAD // 10)),
        min_keeper_fee=draw(st.integers(0, 100 * WAD)),
        max_keeper_fee=draw(st.integers(0, 10_000 * WAD)),
        keeper_liquidation_fee=draw(st.integers(0, 10 * WAD)),
    )


@st.composite
def rules(draw: st.DrawFn) -> PerpsV2Rule:
    """An account with a position, read at NOW."""
    return PerpsV2Rule(
        feed=Feed(ETH, Oracle.MARKET, draw(prices()), 18, "assetPrice()@0xaa"),
        market=draw(markets()),
        size=draw(signed(10**14, 10**23)),
        margin=draw(st.integers(0, 10**25)),
        last_price=draw(prices()),
        settled_funding=draw(signed(0, 10**20)),
        flagged=draw(st.booleans()),
    )


@st.composite
def closable_rules(draw: st.DrawFn) -> ClosablePerpsV2Rule:
    """The same with what a liquidation needs, in a market with limits that some positions exceed."""
    rule = draw(rules())
    closing = Closing(
        market="sETHPERP",
        settlement=SUSD,
        max_delta=draw(st.sampled_from([0, WAD // 1000, 10**30])),
        max_skew=draw(st.sampled_from([0, WAD // 500, 10**30])),
        endorsed=draw(st.booleans()),
        suspension=draw(st.sampled_from([None, None, "Market suspended"])),
        commit_deposit=draw(st.integers(0, 10 * WAD)),
        keeper_deposit=draw(st.integers(0, 10 * WAD)),
    )
    return closable(rule, closing)


@st.composite
def tradable_rules(draw: st.DrawFn) -> TradablePerpsV2Rule:
    """The same with what withdrawals and trades take, in a market whose skew is within its scale."""
    rule = draw(closable_rules())
    scale = rule.market.skew_scale
    market = replace(rule.market, skew=draw(st.integers(-scale // 2, scale // 2)))
    terms = Terms(
        market=Address("0x" + "7" * 40),
        market_size=draw(st.integers(abs(market.skew) + abs(rule.size), 10**27)),
        max_market_size=draw(st.sampled_from([10**22, 10**30])),
        taker_fee=draw(ratios(WAD // 50)),
        maker_fee=draw(ratios(WAD // 50)),
        max_leverage=draw(st.integers(1, 100)) * WAD,
        min_initial_margin=draw(st.integers(0, 100)) * WAD,
        dynamic_fee=draw(ratios(WAD // 100)),
        volatile=False,
        pending=False,
    )
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
