"""Contradicting volatilities of the options that an account holds are told; those that agree say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.assets import Asset, TokenList, index_id, token_id
from aggregator.model.positions import Option
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.units import Address, ChainId
from aggregator.pricing import black76
from aggregator.pricing.arbitrage import Quotes, check_board
from aggregator.pricing.assembly import assemble
from aggregator.pricing.surfaces import contradictions
from aggregator.pricing.svi import Svi, volatility

CHAIN = ChainId(10)
WALLET = Address("0x" + "11" * 20)
BLOCK = Block(CHAIN, 1, "0x1", "0x0", 1_700_000_000)
USDC = Asset(token_id(CHAIN, Address("0x" + "cc" * 20)), "USDC", 6)
ETH = index_id("ETH")
DAY = 86_400
SMILE = Svi(0.04, 0.1, -0.3, 0.0, 0.2)
QUOTES = (Quote(ETH, 2_000, 0, "spot"), Quote(USDC.id, 1, 0, "one"))


def option(strike: float, days: float, iv: float | None, *, size: int = 1, rate: float = 0.0) -> Option:
    return Option(
        instrument=f"ETH {strike:g} {days:g}",
        index=ETH,
        underlying="ETH",
        right="call",
        style="european",
        size_raw=size,
        size_decimals=0,
        strike_raw=round(strike * 10**6),
        price_decimals=6,
        expiry=BLOCK.timestamp + round(days * DAY),
        settlement=USDC,
        mark_raw=None,
        iv=iv,
        iv_source=None,
        rate=rate,
        origin="o",
    )


def reading(*options: Option, quotes: Sequence[Quote] = QUOTES) -> Reading:
    account = Account("1", "lyra_v1", "option", CHAIN, "short", (WALLET,), options, None, None)
    return Reading((account,), tuple(quotes), BLOCK)


def told(*options: Option) -> tuple[str, ...]:
    return contradictions(reading(*options), {})


def test_a_butterfly_below_nothing() -> None:
    """The middle strike too dear for its neighbours; of any size, sign and right."""
    first, _, last = smile = [option(1_900.0, 30, 0.5), option(2_000.0, 30, 0.5), option(2_100.0, 30, 0.5)]
    assert told(*smile) == ()
    dear = replace(option(2_000.0, 30, 0.9, size=-5), right="put")
    (sentence,) = told(first, dear, last)
    assert sentence.startswith(
        "lyra_v1 on chain 10: volatilities of ETH options contradict each other: a butterfly"
    )
    (same,) = told(option(2_000.0, 30, 0.5), option(2_000.0, 30, 0.6))
    assert "butterfly" in same


def test_a_calendar_below_nothing() -> None:
    """A later call of the same moneyness that is cheaper, told where no smile could reconcile the two."""
    assert told(option(2_000.0, 30, 0.8), option(2_000.0, 60, 0.57)) == ()
    (sentence,) = told(option(2_000.0, 30, 0.8), option(2_000.0, 60, 0.55))
    assert "later expiry" in sentence
    assert told(option(1_500.0, 30, 0.8), option(2_500.0, 60, 0.55)) == ()


def test_at_the_forward() -> None:
    """The rate leads to the forward: at another one, the same volatilities contradict each other."""
    drift = 2.0
    late = 2_000.0 * float(np.exp(drift * 60 / 365))
    early = 2_000.0 * float(np.exp(drift * 30 / 365))
    pair = option(early, 30, 0.8, rate=drift), option(late, 60, 0.55, rate=drift)
    assert len(told(*pair)) == 1
    assert told(*(replace(one, rate=0.0) for one in pair)) == ()


def test_what_says_nothing() -> None:
    """Without a volatility, a price or time left, of another market, or in another protocol's hands."""
    low, high = option(2_000.0, 30, 0.5), option(2_000.0, 30, 0.6)
    assert told(low, replace(high, iv=None)) == ()
    assert told(low, option(2_000.0, -1, 0.6), option(2_000.0, -1, 0.5)) == ()
    assert told(low, replace(high, style="perpetual", expiry=None)) == ()
    assert contradictions(reading(low, high, quotes=()), {}) == ()
    assert len(contradictions(reading(low, high, quotes=()), {ETH: QUOTES[0]})) == 1
    assert told(low, replace(high, settlement=replace(USDC, id=ETH))) == ()


@pytest.mark.parametrize(("iv", "rate"), [(-0.5, 0.0), (float("nan"), 0.0), (0.5, 1e9), (0.5, -1e9)])
def test_not_a_volatility(iv: float, rate: float) -> None:
    """Nor a forward: said, and in nobody's way."""
    (sentence,) = told(option(2_000.0, 30, iv, rate=rate))
    assert "a volatility, strike or time that is none" in sentence


def test_in_the_portfolio() -> None:
    """The sentence is among the warnings, once; two deployments are not compared with each other."""
    low, high = option(2_000.0, 30, 0.5), option(2_000.0, 30, 0.6)

    def warnings(*readings: Reading) -> tuple[str, ...]:
        found = assemble(WALLET, readings, (), blocks={CHAIN: BLOCK}, tokens=TokenList(()))
        return tuple(text for text in found.warnings if "contradict" in text)

    assert len(warnings(reading(low, high))) == 1
    assert warnings(reading(low), reading(high)) == ()


@settings(max_examples=60)
@given(
    st.lists(st.floats(-0.8, 0.8), min_size=1, max_size=12),
    st.lists(st.floats(0.02, 2.0), min_size=1, max_size=4, unique=True),
    st.floats(0.5, 2.0),
)
def test_one_smile_scaled_by_time_says_nothing(ks: list[float], times: list[float], level: float) -> None:
    """Total variance that grows with time, along a smile free of butterflies: whatever is quoted of it."""

    def quotes(years: float, at: list[float]) -> Quotes:
        smile = Svi(SMILE.a * level * years, SMILE.b * level * years, SMILE.rho, SMILE.m, SMILE.sigma)
        strikes = 1_000.0 * np.exp(np.array(at))
        return Quotes(
            1_000.0, years, strikes, volatility(smile, strike=strikes, forward=1_000.0, years=years)
        )

    board = [quotes(years, ks[i:] or ks) for i, years in enumerate(times)]
    assert check_board(board) == ()


@pytest.mark.parametrize("order", [1, -1])
def test_board_in_any_order(order: int) -> None:
    """The same finding, of the later expiry, by what the earlier call is worth more, in forwards."""
    early = Quotes(1_000.0, 0.25, np.array([1_000.0]), np.array([1.0]))
    late = Quotes(2_000.0, 0.5, np.array([1_900.0, 2_100.0]), np.array([0.2, 0.2]))
    (finding,) = check_board([early, late][::order])
    assert (finding.kind, finding.years, finding.k) == ("calendar", 0.5, 0.0)
    at = [0.95, 1.05]
    chord = float(black76.price(forward=1.0, strike=at, years=0.5, iv=0.2, rate=0.0, sign=1.0).mean())
    call = float(black76.price(forward=1.0, strike=1.0, years=0.25, iv=1.0, rate=0.0, sign=1.0))
    assert finding.by == pytest.approx(call - chord)
