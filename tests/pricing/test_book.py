"""The price book: which quote becomes the mark, and what is said about the others."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from aggregator.model.accounts import Account, Observation
from aggregator.model.assets import (
    Asset,
    AssetId,
    Classification,
    ListedToken,
    TokenList,
    index_id,
    native_id,
    token_id,
)
from aggregator.model.errors import UnusablePrice
from aggregator.model.positions import Holding, Option, Perp, Supply
from aggregator.model.readings import Block, Quote, Reading
from aggregator.model.units import Address, ChainId
from aggregator.pricing.book import assets_of, price_book

CHAIN = ChainId(1)
NOW = 1_700_000_000
WALLET = Address("0x" + "11" * 20)
WETH = token_id(CHAIN, Address("0x" + "aa" * 20))
WSTETH = token_id(CHAIN, Address("0x" + "bb" * 20))
UNKNOWN = token_id(CHAIN, Address("0x" + "cc" * 20))
USDC = token_id(CHAIN, Address("0x" + "dd" * 20))


def listed(asset: AssetId, underlying: str, risk_class: str) -> ListedToken:
    return ListedToken(CHAIN, None, Asset(asset, underlying, 18), Classification(underlying, risk_class))


TOKENS = TokenList(
    [listed(WETH, "ETH", "base"), listed(WSTETH, "ETH", "lst"), listed(USDC, "USD", "stable")],
)


def quote(asset: AssetId, usd: float, origin: str, *, age_s: int | None = None) -> Quote:
    updated_at = None if age_s is None else NOW - age_s
    return Quote(asset, round(usd * 10**8), 8, origin, updated_at, 3_600 if age_s is not None else None)


def holding(*assets: AssetId) -> Account:
    positions = tuple(Holding(Asset(asset, "X", 18), 1, "o") for asset in assets)
    return Account("wallet:1:x", "wallet", "wallet", CHAIN, "wallet", (WALLET,), positions, None, None)


def reading(*quotes: Quote, held: tuple[AssetId, ...] = ()) -> Reading:
    return Reading((holding(*held),), quotes, Block(CHAIN, 1, "0x1", "0x0", NOW))


def test_lower_median_in_any_order() -> None:
    """Three sources: the middle one, whatever the order of reading; two: the lower."""
    three = [quote(WETH, 2000, "b"), quote(WETH, 2001, "a"), quote(WETH, 9000, "c")]
    for order in permutations(three):
        assert price_book([reading(*order)], tokens=TOKENS).marks[WETH].origin == "a"
    assert price_book([reading(*three[:2])], tokens=TOKENS).marks[WETH].origin == "b"


def test_the_same_source_counts_once() -> None:
    """Wallets share quotes: a source that many readings repeat has one vote."""
    repeated = [reading(quote(WETH, 1, "low"))] * 3
    others = reading(quote(WETH, 2000, "b"), quote(WETH, 2001, "a"))
    assert price_book([*repeated, others], tokens=TOKENS).marks[WETH].origin == "b"


def test_a_mark_knows_its_chain_and_a_source_of_another_chain_is_another_one() -> None:
    """Contracts of two chains may share an address: neither hides the other."""
    there = Block(ChainId(10), 1, "0x2", "0x1", NOW)
    on_ten = replace(reading(quote(WETH, 2001, "a")), source=there)
    for order in permutations([reading(quote(WETH, 2000, "a")), on_ten, reading(quote(WETH, 2002, "b"))]):
        mark = price_book(order, tokens=TOKENS).marks[WETH]
        assert (mark.price, mark.chain) == (quote(WETH, 2001, "a").price, 10)


def test_stale_gives_way_to_fresh() -> None:
    """A quote past its heartbeat is only used where there is no other."""
    stale, fresh = quote(WETH, 1900, "stale", age_s=90_000), quote(WETH, 2000, "fresh", age_s=3_600)
    both = price_book([reading(stale, fresh)], tokens=TOKENS)
    assert both.marks[WETH].origin == "fresh"
    assert both.staleness_days == {"ETH": pytest.approx((90_000 - 3_600) / 86_400)}
    assert price_book([reading(stale)], tokens=TOKENS).marks[WETH].origin == "stale"
    assert price_book([reading(fresh)], tokens=TOKENS).staleness_days == {}


def test_a_venue_gives_way_to_contracts() -> None:
    """However low it is, beside a chain or by itself; it counts where no contract is fresh."""
    told = quote(WETH, 100.0, "/watch@venue desk")
    chain = Block(CHAIN, 5, "0x" + "ab" * 32, "0x" + "aa" * 32, NOW)
    desk = Observation(NOW, "desk", "0x" + "00" * 32)
    for age_s, mark in ((60, "feed"), (90_000, told.origin)):
        feed = quote(WETH, 2_000.0, "feed", age_s=age_s)
        beside = [Reading((holding(WETH),), (feed,), chain, told=(told,))]
        apart = [Reading((), (told,), desk), Reading((holding(WETH),), (feed,), chain)]
        for readings in (beside, apart):
            book = price_book(readings, tokens=TOKENS)
            assert book.marks[WETH].origin == mark
            assert any("differ by" in warning for warning in book.warnings)


def test_late_prices_are_said_of_held_assets() -> None:
    """A held asset priced late gives a warning; a pegged token's feed says nothing of its base."""
    late = quote(WSTETH, 2400, "late", age_s=3_600 + 7_200)
    book = price_book([reading(late, quote(WETH, 2000, "a"), held=(WSTETH,))], tokens=TOKENS)
    assert book.warnings == (f"the price of {WSTETH} is 2.0 hours past its heartbeat (late)",)
    assert book.staleness_days == {}
    assert price_book([reading(late)], tokens=TOKENS).warnings == ()


def test_a_time_that_has_not_come_is_no_age() -> None:
    """A clock may be a little ahead; what is far ahead, as a contract may claim, is said and left out."""
    near, far = quote(WETH, 4_000.0, "near", age_s=-5), quote(USDC, 1.0, "far", age_s=-(2**128))
    book = price_book([reading(near, far, held=(WETH, USDC))], tokens=TOKENS)
    assert {o.origin: o.age_s for o in book.oracles} == {"near": -5, "far": None}
    [said] = [warning for warning in book.warnings if "its age is not known" in warning]
    assert said.startswith(f"the price of {USDC} claims a time")


def test_disagreement_is_said_of_held_assets() -> None:
    """More than 1% apart: a warning that names both sources, for what is held only."""
    apart = (quote(WETH, 2000, "a"), quote(WETH, 2021, "b"))
    [sentence] = price_book([reading(*apart, held=(WETH,))], tokens=TOKENS).warnings
    assert "a says 2,000" in sentence
    assert "b says 2,021" in sentence
    assert price_book([reading(*apart)], tokens=TOKENS).warnings == ()
    near = (quote(WETH, 2000, "a"), quote(WETH, 2019, "b"))
    assert price_book([reading(*near, held=(WETH,))], tokens=TOKENS).warnings == ()


def test_spots() -> None:
    """The index first, then a token that is the underlying itself; a dollar is 1 by definition."""
    index, weth = quote(index_id("ETH"), 2000, "i"), quote(WETH, 1990, "w")
    wsteth, usdc = quote(WSTETH, 2400, "l"), quote(USDC, 0.97, "u")
    assert price_book([reading(index, weth, wsteth, usdc)], tokens=TOKENS).spots == {
        "USD": 1.0,
        "ETH": 2000.0,
    }
    assert price_book([reading(weth, wsteth)], tokens=TOKENS).spots == {"USD": 1.0, "ETH": 1990.0}
    alone = price_book([reading(wsteth, held=(WSTETH,))], tokens=TOKENS)
    assert alone.spots["ETH"] == 2400.0
    assert "stands for it" in alone.warnings[0]
    unknown = price_book([reading(quote(UNKNOWN, 3, "x"), held=(UNKNOWN,))], tokens=TOKENS)
    assert unknown.spots[UNKNOWN] == 3.0
    assert unknown.warnings == ()


def test_missing_prices_are_named() -> None:
    """An asset that nobody quotes is reported for the account that holds it."""
    book = price_book([reading(quote(WETH, 2000, "a"))], tokens=TOKENS)
    assert book.missing(holding(WETH, UNKNOWN, native_id(CHAIN))) == (UNKNOWN, native_id(CHAIN))


def test_zero_price_is_an_error() -> None:
    """A price of nothing values nothing."""
    with pytest.raises(UnusablePrice):
        price_book([reading(quote(WETH, 0, "a"))], tokens=TOKENS)


def test_assets_of_derivatives() -> None:
    """A derivative's value depends on its index and on what it settles in."""
    susd = Asset(USDC, "sUSD", 18)
    perp = Perp("ETH", index_id("ETH"), "ETH", 1, 18, 1, 1, 18, 0, 0, susd, "o")
    option = Option(
        "C", index_id("BTC"), "BTC", "call", "european", 1, 18, 1, 18, NOW, susd, None, 0.5, "x", 0.0, "o"
    )
    positions = (Supply(susd, 1, is_collateral=True, origin="o"), perp, option)
    account = Account("a", "p", "perp", CHAIN, "a", (WALLET,), positions, None, None)
    assert assets_of(account) == (USDC, index_id("ETH"), index_id("BTC"))
