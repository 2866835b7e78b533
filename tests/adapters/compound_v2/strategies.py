"""Hypothesis strategies for rules."""

from __future__ import annotations

from hypothesis import strategies as st

from adapters.compound_v2.interest import Clock, Minted, Totals
from adapters.compound_v2.liquidation import Terms
from adapters.compound_v2.margin import CompoundRule
from adapters.compound_v2.position import Leg, VaiDebt
from aggregator.model.assets import token_id
from aggregator.model.rules import WAD, Feed, Oracle
from aggregator.model.units import Address, ChainId

CHAIN = ChainId(31337)
START = 1_793_491_200
BLOCK = 20_000_000
VAI = token_id(CHAIN, Address("0x" + "f" * 40))

# Wide ranges of integers are drawn small more often than not, so parts are drawn.
shares = st.builds(lambda percent, rest: percent * 10**16 + rest, st.integers(0, 89), st.integers(0, 10**16))
flags = st.booleans()


@st.composite
def totals(draw: st.DrawFn, unit: int) -> Totals:
    """A market of 1,000 to 10 million tokens, last accrued up to a day ago."""
    borrows = draw(st.integers(0, 10**6)) * unit + draw(st.integers(0, unit))
    cash = draw(st.integers(10**3, 10**7)) * unit + draw(st.integers(0, unit))
    return Totals(
        rate=draw(st.integers(0, 10**6)) * 10**6,
        index=WAD + draw(shares),
        accrued_at=BLOCK - draw(st.integers(0, 7_200)),
        borrows=borrows,
        reserves=cash // 100,
        cash=cash,
        supply=draw(st.integers(10**4, 10**9)) * 10**8,
        initial=2 * 10**16,
        reserve_factor=draw(shares),
    )


@st.composite
def legs(draw: st.DrawFn, number: int) -> Leg:
    """One leg, worth at least some dollars a side, or nothing."""
    decimals = draw(st.sampled_from([6, 8, 18]))
    unit = 10**decimals
    cents = draw(st.integers(10, 10**7))
    asset = token_id(CHAIN, Address(f"0x{number:040x}"))
    market = draw(totals(unit))
    whole = st.builds(lambda n, rest: n * unit + rest, st.integers(10, 10**5), st.integers(0, unit))
    return Leg(
        c_token=token_id(CHAIN, Address(f"0x{number + 1000:040x}")),
        feed=Feed(asset, Oracle.MARKET, cents * 10 ** (34 - decimals), 36 - decimals, "a test"),
        decimals=decimals,
        tokens=draw(st.one_of(st.just(0), whole.map(lambda n: n * WAD // market.exchange_rate))),
        factor=draw(shares),
        owed=draw(st.one_of(st.just(0), whole)),
        totals=market,
        incentive=draw(st.integers(100, 125)) * 10**16,
        vai_incentive=110 * 10**16,
        seize_share=draw(st.sampled_from([0, 28 * 10**15])),
        forced=draw(flags),
        native=draw(flags),
        repay_paused=draw(flags),
        seize_paused=draw(flags),
        liquidate_paused=draw(flags),
    )


@st.composite
def debts_in_vai(draw: st.DrawFn) -> VaiDebt:
    """A debt that has been minted once or twice."""
    minted = draw(st.integers(1, 10**5)) * WAD + draw(st.integers(0, WAD))
    past = minted * draw(st.integers(0, 20)) // 100
    index = WAD + draw(shares)
    return VaiDebt(
        feed=Feed(VAI, Oracle.FIXED, WAD, 18, "a test"),
        debt=Minted(minted, past, WAD, index, draw(st.integers(0, 10**10)), BLOCK),
        forced=draw(flags),
        liquidate_paused=draw(flags),
        repay_paused=draw(flags),
    )


terms = st.builds(
    Terms,
    close_factor=st.just(WAD // 2),
    paused=flags,
    treasury_share=shares,
    least_vai=st.one_of(st.none(), st.integers(0, 10**22)),
)


@st.composite
def rules(draw: st.DrawFn, *, most_legs: int = 5) -> CompoundRule:
    """A rule with up to so many legs."""
    count = draw(st.integers(0, most_legs))
    return CompoundRule(
        clock=Clock(START, BLOCK, draw(st.sampled_from([450, 1_000, 12_000]))),
        terms=draw(terms),
        legs=tuple(draw(legs(number + 1)) for number in range(count)),
        vai=draw(st.one_of(st.none(), debts_in_vai())),
    )
