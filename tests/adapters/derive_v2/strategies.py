"""Rules of all three kinds of book, of any shape."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from adapters.derive_v2.auction import Auction, Terms
from adapters.derive_v2.holdings import Expiry, Holdings, OptionHeld, PerpHeld
from adapters.derive_v2.margin import DeriveRule
from adapters.derive_v2.portfolio import Portfolio, PortfolioParameters
from adapters.derive_v2.portfolio_2 import Collateral, Portfolio2, Portfolio2Parameters
from adapters.derive_v2.shocks import BasisParameters, Scenario, VolParameters, VolShock
from adapters.derive_v2.skew import SkewParameters
from adapters.derive_v2.standard import Standard, StandardMarket, StandardParameters
from aggregator.model.assets import index_id
from aggregator.model.rules import WAD, Feed, Oracle

NOW = 1_700_000_000
DAY = 86_400


def wad(value: float) -> int:
    """The decimal that is written, with 18 decimals."""
    return int(Decimal(repr(value)).scaleb(18))


def feed(underlying: str, price: int) -> Feed:
    """A price in USD."""
    return Feed(index_id(underlying), Oracle.MARKET, price, 18, "getSpot()@0x1")


STABLE = feed("USDC", WAD)
SPOTS = {"ETH": 2_000 * WAD, "BTC": 60_000 * WAD}


def shares(least: float, most: float) -> st.SearchStrategy[int]:
    """A number with 18 decimals, of which six are told."""
    return st.integers(round(least * 10**6), round(most * 10**6)).map(lambda micro: micro * 10**12)


def options(spot: int) -> st.SearchStrategy[tuple[OptionHeld, ...]]:
    """Up to four, of different strikes and rights; longs and shorts."""
    one = st.builds(
        OptionHeld,
        strike=shares(0.5, 2).map(lambda share: spot * share // WAD // 10**10 * 10**10),
        is_call=st.booleans(),
        amount=shares(-20, 20).filter(bool),
        vol=shares(0.2, 2),
    )
    return st.lists(one, min_size=1, max_size=4, unique_by=lambda o: (o.strike, o.is_call)).map(tuple)


def expiries(spot: int) -> st.SearchStrategy[tuple[Expiry, ...]]:
    """Up to two, one of which may be over; forwards up to 5% off, or partly fixed."""
    one = st.builds(
        Expiry,
        time=st.integers(-2, 200).map(lambda days: NOW + days * DAY + 3_600),
        fixed=st.sampled_from([0, 0, spot // 3]),
        variable=shares(0.95, 1.05).map(lambda share: spot * share // WAD),
        rate=shares(0, 0.2),
        confidence=shares(0.2, 1),
        options=options(spot),
    )
    return st.lists(one, max_size=2, unique_by=lambda e: e.time).map(tuple)


def perps(spot: int) -> st.SearchStrategy[PerpHeld | None]:
    """A perp near the spot price, or none."""
    one = st.builds(
        PerpHeld,
        size=shares(-30, 30).filter(bool),
        price=st.just(spot + spot // 1_000),
        gap=st.just(spot // 1_000),
        frozen=st.booleans(),
        confidence=shares(0.2, 1),
        last_mark=shares(0.8, 1.2).map(lambda share: spot * share // WAD),
        realised=shares(-500, 500),
        applied=shares(-50, 50),
        aggregated=shares(-100, 100),
        had=shares(-100, 100),
        funding_rate=shares(-0.004, 0.004),
        funding_time=st.integers(NOW - DAY, NOW),
    )
    return st.none() | one


def holdings(name: str, *, base: bool) -> st.SearchStrategy[Holdings]:
    """What is held of a market."""
    spot = SPOTS[name]
    return st.builds(
        Holdings,
        name=st.just(name),
        spot=st.just(feed(name, spot)),
        confidence=shares(0.2, 1),
        perp=perps(spot),
        base=shares(0, 20) if base else st.just(0),
        expiries=expiries(spot),
    )


STANDARD = StandardParameters(
    *map(wad, (0.15, 0.13, 0.09, 0.08, 0.07, 1.2, 1.1, 1.05)),
    *map(wad, (0.065, 0.1, 0.8, 0.9375)),
    *map(wad, (0.55, 0.55, 0.55, 1.0)),
)
BASIS = BasisParameters(*map(wad, (1.05, 0.95, 1.0, 1.2)))
VOLS = VolParameters(*(*map(wad, (0.6, 0.3, 0.3, 0.13)), DAY))
PORTFOLIO = PortfolioParameters(
    BASIS,
    VOLS,
    *map(wad, (0.99, 4.0, 0.55, 1.0, 0.03, 0.02, 0.01)),
    *map(wad, (1.25, 1.0, 0.12, 0.95)),
)
SKEW = SkewParameters(*map(wad, (0.25, 0.2, -0.1, -0.05, 0.01, 4.0, 0.6, 0.1)))
PORTFOLIO_2 = Portfolio2Parameters(
    BASIS,
    VOLS,
    wad(0.4),
    SKEW,
    *map(wad, (0.99, 4.0, 0.55, 1.0, 0.03, 0.01, 0.003, 0.002)),
    *map(wad, (1.0, 0.8, 0.1, 0.2, 0.16, 0.12, 0.95, 1.05)),
)
SCENARIOS = tuple(
    Scenario(wad(spot), vol)
    for spot, vol in (
        (1.2, VolShock.UP),
        (1.0, VolShock.DOWN),
        (1.0, VolShock.NONE),
        (0.85, VolShock.UP),
        (0.9, VolShock.NONE),
    )
)
FURTHER = (
    Scenario(WAD, VolShock.LINEAR),
    Scenario(WAD, VolShock.ABSOLUTE),
    Scenario(wad(0.3), VolShock.UP, wad(0.2)),
)
TERMS = Terms(wad(0.95), wad(0.7), 900, 43_200, 3_600, wad(0.1), wad(0.15), 0)

collaterals = st.lists(
    st.builds(
        Collateral,
        feed=st.just(feed("WSTETH", 2_300 * WAD)),
        amount=shares(0, 20),
        confidence=shares(0.2, 1),
        is_risk_cancelling=st.booleans(),
        mm_haircut=shares(0, 0.3),
        im_haircut=shares(0, 0.2),
    ),
    max_size=1,
).map(tuple)
markets = st.tuples(holdings("ETH", base=True), holdings("BTC", base=True)).map(
    lambda both: tuple(StandardMarket(held, STANDARD) for held in both)
)
books = st.one_of(
    st.builds(Standard, markets, st.just(wad(0.99)), st.just(wad(2.0))),
    st.builds(Portfolio, holdings("ETH", base=True), st.just(PORTFOLIO), st.just(SCENARIOS)),
    st.builds(
        Portfolio2,
        holdings("ETH", base=False),
        collaterals,
        st.just(PORTFOLIO_2),
        st.just(SCENARIOS + FURTHER),
    ),
)
auctions = st.none() | st.builds(
    Auction, insolvent=st.booleans(), start=st.integers(NOW - DAY, NOW), reserved=shares(0, 100)
)
rules = st.builds(
    DeriveRule,
    cash=shares(-50_000, 50_000),
    stable=st.just(STABLE),
    stable_decimals=st.just(6),
    book=books,
    terms=st.just(TERMS),
    auction=auctions,
)
