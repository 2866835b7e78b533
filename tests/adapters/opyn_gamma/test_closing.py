"""What liquidating a naked vault does: the auction, what is left, and each refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.opyn_gamma.closing import (
    AUCTION_SECONDS,
    EXPIRED,
    HEALTHY,
    NO_COLLATERAL,
    NO_ROUND,
    TOO_EARLY,
    ClosableNakedVaultRule,
)
from adapters.opyn_gamma.requirement import NO_LEG
from aggregator.model.close_outs import Closed, CloseOut, Fee, LossBearer
from aggregator.model.errors import UnusablePrice
from aggregator.model.rules import Amount, Refused, prices_of
from tests.adapters.opyn_gamma.strategies import NOW, STRIKE, UNDERLYING, vault, vaults

AT_1500 = {UNDERLYING: 1_500 * 10**8, STRIKE: 10**8}


def closed(rule: ClosableNakedVaultRule, time: int = NOW) -> CloseOut | Refused:
    """At the round that was read, with the underlying at 1,500."""
    feed = replace(rule.underlying_feed, price=AT_1500[UNDERLYING])
    return replace(rule, underlying_feed=feed).close_out(AT_1500, time)


def test_the_auction_begins_below_the_cash_value_and_ends_at_all_there_is() -> None:
    """300 less 5% of 1,500 at first, 600 of 3,000 for 5 options at last; a third of the way at 20 minutes."""
    rule = vault()
    began = NOW - 600
    for elapsed, price in (
        (0, 225_000_000),
        (1_200, 350_000_000),
        (3_600, 600_000_000),
        (9_999, 600_000_000),
    ):
        out = closed(rule, began + elapsed)
        assert isinstance(out, CloseOut)
        assert out.fees == (Fee("liquidator", Amount(STRIKE, 5 * price)),)
        assert out.closed == (Closed("option", -5 * 10**8, price * 100),)
        left = 3_000_000_000 - 5 * price
        if left:
            assert isinstance(out.successor, ClosableNakedVaultRule)
            assert (out.successor.leg, out.successor.collateral) == (NO_LEG, left)
            assert out.successor.close_out(AT_1500, NOW) == Refused(HEALTHY)
        else:
            assert out.successor is None
        assert (out.bad_debt, out.returned, out.forfeited, out.borne_by) == ((), (), (), ())
    assert rule.loss_bearers == (LossBearer.POOL,)


def test_at_another_price_the_auction_begins_anew() -> None:
    """A round of that price would be a new one."""
    out = vault().close_out(AT_1500, NOW)
    assert isinstance(out, CloseOut)
    assert out.fees == (Fee("liquidator", Amount(STRIKE, 5 * 225_000_000)),)


@given(vaults(), st.integers(0, AUCTION_SECONDS), st.integers(0, AUCTION_SECONDS))
def test_the_auction_never_takes_more_than_the_vault_has(
    rule: ClosableNakedVaultRule, first: int, second: int
) -> None:
    """And it never falls while it runs, where it begins below its end."""
    at = rule.prices_at(prices_of(rule))
    early, late = sorted((first, second))
    most = rule.collateral * 10**8 // rule.leg.size
    assert rule.debt_price(at, early) <= rule.debt_price(at, late) <= most
    assert rule.leg.size * rule.debt_price(at, late) // 10**8 <= rule.collateral


def test_each_refusal_has_the_contracts_words() -> None:
    """In the order in which the contracts check."""
    rule = vault()
    auction = rule.auction
    assert closed(replace(rule, auction=replace(auction, paused="C5: paused"))) == Refused("C5: paused")
    assert closed(replace(rule, leg=NO_LEG)) == Refused(HEALTHY)
    assert closed(rule, rule.expiry) == Refused(EXPIRED)
    assert closed(replace(rule, auction=replace(auction, round_time=None))) == Refused(NO_ROUND)
    same = replace(auction, latest_update=NOW - 600)
    assert closed(replace(rule, auction=same)) == Refused(TOO_EARLY)
    assert closed(replace(rule, collateral=10**10)) == Refused(HEALTHY)
    assert closed(replace(rule, collateral=0)) == Refused(NO_COLLATERAL)
    assert rule.close_out(AT_1500, NOW, "another") == Refused("no option another")
    assert isinstance(rule.close_out(AT_1500, NOW, "option"), CloseOut)
    with pytest.raises(UnusablePrice):
        rule.close_out({**AT_1500, STRIKE: 0}, NOW)


def test_a_call_is_counted_in_the_underlying() -> None:
    """2,400 of cash value less 5% of 4,200 is 0.52 of the underlying."""
    rule = vault(is_put=False, collateral=3 * 10**18)
    out = rule.close_out({UNDERLYING: 4_200 * 10**8, STRIKE: 10**8}, NOW)
    assert isinstance(out, CloseOut)
    starting = (2_400 - 210) * 10**18 // 4_200
    assert out.fees == (Fee("liquidator", Amount(UNDERLYING, 5 * starting)),)
    assert out.closed[0].price == starting * 4_200 * 10**8 // 10**18
