"""What could be opened, fed by hand: in as many rounds as with a position; what is not known is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.synthetix_perps_v2.acting import TradablePerpsV2Rule
from aggregator.model.actions import Applied, Deposit, Trade, Traded
from aggregator.model.errors import TransportError
from aggregator.model.readings import Reading
from aggregator.model.rules import WAD, Refused, prices_of
from tests.adapters.synthetix_perps_v2.replies import (
    ADAPTER,
    BLOCK,
    DEPLOYMENT,
    ETH_MARKET,
    SETTINGS,
    SOL_MARKET,
    STATUS,
    SUSD,
    WALLET,
    system,
    with_short,
)
from tests.adapters.synthetix_perps_v2.scripted import Key, play, reverted
from tests.adapters.synthetix_perps_v2.strategies import DAY, ETH, NOW


def priced(market: str, price: int) -> dict[Key, Any]:
    """What a market without a position of the wallet is asked."""
    return {
        ("assetPrice", market): (price, 0),
        ("marketSkew", market): (0,),
        ("marketSize", market): (20 * WAD,),
        ("fundingRateLastRecomputed", market): (0,),
        ("fundingLastRecomputed", market): (NOW - DAY,),
    }


def both() -> dict[Key, Any]:
    """Two markets in which nothing is open, and both could be."""
    return system() | priced(ETH_MARKET, 2000 * WAD) | priced(SOL_MARKET, 30 * WAD)


def read(table: dict[Key, Any]) -> tuple[Reading, int]:
    """With what could be opened."""
    return play(ADAPTER.read_with_openings(DEPLOYMENT, WALLET, BLOCK), table)


def test_every_market_is_asked_in_the_third_round() -> None:
    """Nothing is there; an account in each market could be, and has prices that nobody else has to quote."""
    reading, rounds = read(both())
    assert rounds == 3
    assert reading.accounts == ()
    assert reading.quotes[0].asset.endswith(SUSD.lower())
    assert [one.label for one in reading.openable] == ["Synthetix sETHPERP", "Synthetix sSOLPERP"]
    [first, _] = reading.openable
    assert not first.positions
    [opening] = first.openings
    assert (opening.perp.market, opening.perp.size_raw, opening.step_raw) == ("sETHPERP", 0, 1)
    assert opening.most_raw == 1000 * WAD
    assert [quote.asset for quote in opening.quotes] == [ETH, opening.perp.settlement.id]
    assert reading.warnings == ()


def test_margin_comes_before_the_trade() -> None:
    """The venue's own refusal, then a deposit, then a short with the fees of a keeper and of the market."""
    [first, _] = read(both())[0].openable
    rule = first.rule
    assert isinstance(rule, TradablePerpsV2Rule)
    prices, short = prices_of(rule), Trade("sETHPERP", -WAD)
    assert rule.health(prices, NOW).requirement == 0
    assert isinstance(rule.apply(prices, NOW, short), Refused)
    posted = rule.apply(prices, NOW, Deposit(rule.closing.settlement, 100 * WAD))
    assert isinstance(posted, Applied)
    assert isinstance(posted.successor, TradablePerpsV2Rule)
    done = posted.successor.apply(prices, NOW, short)
    assert isinstance(done, Traded)
    # Filled at 2000*(1 - 0.5e-6); 0.1% and the dynamic 0.01% of that, and 2 for the keeper.
    assert done.price_raw == 2000 * WAD - WAD // 1000
    assert done.fee is not None
    assert done.fee.raw == pytest.approx(1999.999 * 0.0011 * WAD + 2 * WAD, rel=1e-12)
    assert isinstance(done.successor, TradablePerpsV2Rule)
    assert done.successor.size == -WAD
    # Longs pay 0.1% a day to the short of one at 2000.
    paying = replace(
        posted.successor, market=replace(rule.market, funding_rate=WAD // 1000, funding_time=NOW)
    )
    paid = paying.apply(prices, NOW, short)
    assert isinstance(paid, Traded)
    assert paid.funding_24h_raw == 2 * WAD


def test_margin_alone_is_judged_only_where_openings_were_asked() -> None:
    """The account is the same, with a rule and what could be opened; a position elsewhere stays as it is."""
    table = both() | with_short() | priced(SOL_MARKET, 30 * WAD)
    table |= {("positions", SOL_MARKET): (4, 2, 500 * WAD, 30 * WAD, 0)}
    plain, _ = play(ADAPTER.read(DEPLOYMENT, WALLET, BLOCK), table)
    asked, rounds = read(table)
    assert rounds == 3
    assert asked.openable == ()
    assert plain.accounts[0] == asked.accounts[0]
    assert (plain.accounts[1].rule, plain.accounts[1].openings) == (None, ())
    assert plain.accounts[1].positions == asked.accounts[1].positions
    assert isinstance(asked.accounts[1].rule, TradablePerpsV2Rule)
    [opening] = asked.accounts[1].openings
    assert opening.perp.market == "sSOLPERP"
    assert plain.quotes == asked.quotes


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {("requireFuturesMarketActive", STATUS): reverted("requireFuturesMarketActive", STATUS)},
            "suspended",
        ),
        ({("assetPrice", ETH_MARKET): (0, 1)}, "invalid"),
        ({("maxMarketValue", SETTINGS): reverted("maxMarketValue", SETTINGS)}, "maxMarketValue"),
        ({("marketSkew", ETH_MARKET): reverted("marketSkew", ETH_MARKET)}, "marketSkew"),
        ({("skewScale", SETTINGS): (0,)}, "skew scale"),
    ],
)
def test_what_is_not_told_is_a_warning(change: dict[Key, Any], why: str) -> None:
    """And costs no account: the position in the other market is read as ever."""
    table = both() | change
    reading, _ = read(table)
    assert "Synthetix sETHPERP" not in [one.label for one in reading.openable]
    [told] = reading.warnings
    assert "nothing can be opened" in told
    assert why in told


def test_what_nobody_answered_is_no_opening_either() -> None:
    """An endpoint that fails is named."""
    table = both() | {("marketSkew", ETH_MARKET): TransportError("node", "no answer")}
    reading, _ = read(table)
    assert [one.label for one in reading.openable] == ["Synthetix sSOLPERP"]
    assert "no answer" in reading.warnings[0]


def test_margin_whose_market_fails_is_an_account_all_the_same() -> None:
    """Only what could be opened there is not known, which is said."""
    table = both() | {("positions", ETH_MARKET): (4, 2, 500 * WAD, 2000 * WAD, 0)}
    table |= {("marketSkew", ETH_MARKET): TransportError("node", "no answer")}
    reading, _ = read(table)
    [account] = reading.accounts
    assert (account.rule, account.openings, reading.failures) == (None, (), ())
    assert "no answer" in reading.warnings[0]
