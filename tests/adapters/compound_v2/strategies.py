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


# Made once: Hypothesis takes longer to make a strategy than to draw from it.
_DECIMALS, _CENTS, _SEIZED = (
    st.sampled_from([6, 8, 18]),
    st.integers(10, 10**7),
    st.sampled_from([0, 28 * 10**15]),
)
_BORROWS, _CASH, _SUPPLY = st.integers(0, 10**6), st.integers(10**3, 10**7), st.integers(10**4, 10**9)
_RATES, _AGES, _INCENTIVES = st.integers(0, 10**6), st.integers(0, 7_200), st.integers(100, 125)
_WHOLE, _RESTS = (
    st.integers(10, 10**5),
    {10**decimals: st.integers(0, 10**decimals) for decimals in (6, 8, 18)},
)


def _totals(draw: st.DrawFn, unit: int) -> Totals:
    """A market of 1,000 to 10 million tokens, last accrued up to a day ago."""
    borrows = draw(_BORROWS) * unit + draw(_RESTS[unit])
    cash = draw(_CASH) * unit + draw(_RESTS[unit])
    return Totals(
        rate=draw(_RATES) * 10**6,
        index=WAD + draw(shares),
        accrued_at=BLOCK - draw(_AGES),
        borrows=borrows,
        reserves=cash // 100,
        cash=cash,
        supply=draw(_SUPPLY) * 10**8,
        initial=2 * 10**16,
        reserve_factor=draw(shares),
    )


def _leg(draw: st.DrawFn, number: int) -> Leg:
    """One leg, worth at least some dollars a side, or nothing."""
    decimals = draw(_DECIMALS)
    unit = 10**decimals
    cents = draw(_CENTS)
    asset = token_id(CHAIN, Address(f"0x{number:040x}"))
    market = _totals(draw, unit)

    def amount() -> int:
        return draw(_WHOLE) * unit + draw(_RESTS[unit]) if draw(flags) else 0

    return Leg(
        c_token=token_id(CHAIN, Address(f"0x{number + 1000:040x}")),
        feed=Feed(asset, Oracle.MARKET, cents * 10 ** (34 - decimals), 36 - decimals, "a test"),
        decimals=decimals,
        tokens=amount() * WAD // market.exchange_rate,
        factor=draw(shares),
        owed=amount(),
        totals=market,
        incentive=draw(_INCENTIVES) * 10**16,
        vai_incentive=110 * 10**16,
        seize_share=draw(_SEIZED),
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


_BLOCK_TIMES, _VAI = st.sampled_from([450, 1_000, 12_000]), st.one_of(st.none(), debts_in_vai())


@st.composite
def rules(draw: st.DrawFn, *, most_legs: int = 5) -> CompoundRule:
    """A rule with up to so many legs."""
    count = draw(st.integers(0, most_legs))
    return CompoundRule(
        clock=Clock(START, BLOCK, draw(_BLOCK_TIMES)),
        terms=draw(terms),
        legs=tuple(_leg(draw, number + 1) for number in range(count)),
        vai=draw(_VAI),
    )
