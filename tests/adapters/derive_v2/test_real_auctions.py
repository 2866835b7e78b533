"""Auctions of the real contracts: what starting one costs, what bids take and leave."""

from __future__ import annotations

import pytest

from adapters.derive_v2.margin import DeriveRule
from aggregator.model.close_outs import CloseOut, LossBearer
from aggregator.model.positions import Supply
from aggregator.model.rules import prices_of
from tests.adapters.derive_v2.real import account, block_of, read, rule_of, said

WAD = 10**18
ACCOUNTS = said()["accounts"]
INTEREST = 5e-5
"""What the auction settles first, and a rule does not know: a share of what is sold."""


@pytest.mark.parametrize("name", ["standard", "portfolio", "portfolio_2"])
def test_a_bid_of_a_solvent_auction(name: str) -> None:
    """Share, price and the margin that is left are the auction's own, but for interest of up to 1,800 s."""
    state = f"solvent_{name}_live"
    bid = said()["states"][state]["bid"]
    rule = rule_of(state, bid["account"])
    assert rule.auction is not None
    assert not rule.auction.insolvent
    done = rule.close_out(prices_of(rule), bid["time"])
    assert isinstance(done, CloseOut), done
    share = int(bid["share"])
    [perp] = [one for one in done.closed if one.market == "ETH-PERP"]
    size = rule.book.holdings[0].perp
    assert size is not None
    assert perp.size_raw == pytest.approx(size.size * share // WAD, rel=INTEREST)
    assert isinstance(done.successor, DeriveRule)
    left = done.successor.margin(prices_of(rule), bid["time"], initial=False)[0]
    assert left == pytest.approx(int(bid["left"]), rel=INTEREST)
    assert done.successor.cash == pytest.approx(int(bid["cash"]), rel=INTEREST)
    assert not done.successor.health(prices_of(rule), bid["time"]).liquidatable
    [fee] = done.fees
    assert fee.receiver == "liquidator"
    assert not done.bad_debt


@pytest.mark.parametrize("name", ["solvent_standard", "solvent_portfolio", "solvent_portfolio_2"])
def test_starting_an_auction_costs_the_fee_that_was_charged(name: str) -> None:
    """The model of an auction that begins now: its fee is what the cash lacks once it has begun."""
    number = said()["states"][f"{name}_live"]["bid"]["account"]
    before, live = rule_of(f"{name}_before", number), rule_of(f"{name}_live", number)
    time = block_of(f"{name}_before").timestamp
    done = before.close_out(prices_of(before), time)
    assert isinstance(done, CloseOut), done
    fees = {fee.receiver: fee.amount.raw for fee in done.fees}
    after = block_of(f"{name}_live").timestamp
    worth = [one.margin(prices_of(one), t, initial=False)[1] for one, t in ((before, time), (live, after))]
    assert fees["insurance_fund"] / 10**6 == pytest.approx((worth[0] - worth[1]) / WAD, abs=0.05)
    assert fees["liquidator"] > 0
    assert done.successor is not None
    assert not done.successor.health(prices_of(before), time).liquidatable


def test_an_insolvent_account_is_taken_over_whole() -> None:
    """What the bidder is paid is bad debt, which the security module bears first, then all who have cash."""
    bid = said()["states"]["insolvent_live"]["bid"]
    rule = rule_of("insolvent_live", bid["account"])
    assert rule.auction is not None
    assert rule.auction.insolvent
    done = rule.close_out(prices_of(rule), bid["time"])
    assert isinstance(done, CloseOut), done
    [owed] = done.bad_debt
    assert owed.raw / 10**6 == pytest.approx(int(bid["received"]) / WAD, abs=1e-3)
    assert done.successor is None
    assert done.borne_by == (LossBearer.INSURANCE_FUND, LossBearer.SOCIALISED_LOSS)
    assert {one.market for one in done.closed} >= {"ETH-PERP", "BTC-PERP"}


def test_a_socialised_loss_makes_cash_worth_less() -> None:
    """Held cash counts at the rate that it is withdrawn at; the warning says so."""
    reading = read("insolvent_after")
    assert any("a loss was socialised" in one and "withdrawn at that rate" in one for one in reading.warnings)
    [supply] = account("insolvent_after", ACCOUNTS["cash"]).positions
    assert isinstance(supply, Supply)
    assert 12_499_000 < supply.raw < 12_500_000
