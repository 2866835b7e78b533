"""Closed-form Greeks against bumps of the whole book, and on base units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.accounts import Account
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Option, Perp
from aggregator.model.results import Greeks
from aggregator.risk.book import book
from aggregator.risk.greeks import position_greeks, total_greeks
from tests.risk.books import silos
from tests.risk.builders import (
    COINS,
    INDEXES,
    TIME,
    account,
    holding,
    option,
    perp,
    portfolio,
    scenarios,
    wallet,
)


def of(*accounts: Account) -> dict[str, Greeks]:
    return {entry.underlying: entry for entry in greeks(portfolio(*accounts))}


def greeks(ours: Portfolio) -> tuple[Greeks, ...]:
    one = book([ours], scenarios())
    return total_greeks(position_greeks(one, 0), one.axes.bases)


def bumped(ours: Portfolio, factor: float, underlying: str) -> float:
    """Equity with an underlying, and all that is pegged to it, multiplied; perps gain size * (P' - P)."""
    prices = {s: coin.usd * factor for s, coin in COINS.items() if coin.underlying == underlying}
    index = {f"index:{underlying}": INDEXES[underlying] * factor}
    moved = portfolio(*ours.accounts, prices=prices | index)
    perps = sum(
        p.size_raw / 10**18 * p.mark_price_raw / 10**18 * (factor - 1.0)
        for a in ours.accounts
        for p in a.positions
        if isinstance(p, Perp) and p.underlying == underlying
    )
    return float(book([moved], scenarios()).equity_usd().sum()) + perps


def with_options(ours: Portfolio, changes: Mapping[str, float]) -> float:
    """Equity with IV, rate or expiry of every option moved."""

    def moved(o: Option) -> Option:
        return replace(
            o,
            iv=None if o.iv is None else o.iv + changes.get("iv", 0.0),
            rate=o.rate + changes.get("rate", 0.0),
            expiry=None if o.expiry is None else o.expiry - round(changes.get("days", 0.0) * 86_400),
        )

    accounts = [
        account(a.id, *(moved(p) if isinstance(p, Option) else p for p in a.positions), protocol=a.protocol)
        for a in ours.accounts
    ]
    return float(book([portfolio(*accounts)], scenarios()).equity_usd().sum())


@given(silos("a"), st.sampled_from(["ETH", "BTC"]))
@settings(max_examples=50)
def test_delta_and_gamma_are_what_bumps_say(accounts: tuple[Account, ...], underlying: str) -> None:
    """Central differences of the equity of the whole book, expired options left out (theirs are kinks)."""
    kept = [
        account(a.id, *(p for p in a.positions if not (isinstance(p, Option) and p.is_expired(TIME))))
        for a in accounts
    ]
    ours = portfolio(*kept)
    entry = of(*kept).get(underlying)
    h = 1e-3
    up, mid, down = (bumped(ours, 1.0 + k * h, underlying) for k in (1, 0, -1))
    gross = float(book([ours], scenarios()).gross_usd().sum())
    assert (entry.delta_usd if entry else 0.0) == pytest.approx(
        (up - down) / (2 * h) * 0.01, abs=2e-6 * gross, rel=2e-3
    )
    gamma = (up - 2 * mid + down) / h**2 * 1e-4
    assert (entry.gamma_usd if entry else 0.0) == pytest.approx(gamma, abs=1e-6 * gross, rel=2e-2)


def test_vega_theta_rho() -> None:
    """Per volatility point, per day, per basis point."""
    legs = (
        option("ETH", -10.0, "call", 4_400.0, years=0.2, iv=0.7, rate=0.03),
        option("ETH", 6.0, "put", 3_600.0, years=0.4, iv=0.9, rate=0.03),
    )
    ours = portfolio(account("o", *legs))
    [entry] = of(*ours.accounts).values()
    vega = (with_options(ours, {"iv": 1e-4}) - with_options(ours, {"iv": -1e-4})) / 2e-4 * 0.01
    assert entry.vega_usd == pytest.approx(vega, rel=1e-6)
    theta = (with_options(ours, {"days": 0.01}) - with_options(ours, {"days": -0.01})) / 0.02
    assert entry.theta_usd == pytest.approx(theta, rel=1e-5)
    rho = (with_options(ours, {"rate": 1e-5}) - with_options(ours, {"rate": -1e-5})) / 2e-5 * 1e-4
    assert entry.rho_usd == pytest.approx(rho, rel=1e-6)
    assert entry.gamma_units == pytest.approx(entry.gamma_usd / 40.0)


def test_base_units() -> None:
    """wstETH counts what it is worth in ETH, a perp its size, a debt less; stablecoins have no Greeks."""
    ours = of(
        wallet(holding("wstETH", 10.0), holding("USDC", 1_000.0), holding("WBTC", 1.0)),
        account("p", perp("ETH", -7.0), kind="perp"),
    )
    assert set(ours) == {"ETH", "BTC"}
    assert ours["ETH"].delta_units == pytest.approx(12.0 - 7.0)
    assert ours["ETH"].delta_usd == pytest.approx(5.0 * 40.0)
    assert ours["BTC"].delta_units == pytest.approx(0.999)
    assert ours["BTC"].gamma_units == ours["BTC"].vega_usd == ours["BTC"].theta_usd == 0.0


def test_hedged_has_none() -> None:
    """What cancels exactly is not listed."""
    assert of(wallet(holding("ETH", 25.0)), account("p", perp("ETH", -25.0), kind="perp")) == {}


def test_options_settled_in_a_cheap_stablecoin() -> None:
    """Sensitivities are in the settlement asset's dollars: at 98 cents they are 2% smaller."""
    legs = account("o", option("ETH", 5.0, "call", 4_200.0, years=0.2, iv=0.7, settlement="sUSD"))
    [par] = of(legs).values()
    [cheap] = greeks(portfolio(legs, prices={"sUSD": 0.98}))
    for name in ("delta_units", "gamma_units", "vega_usd", "theta_usd", "rho_usd"):
        assert getattr(cheap, name) == pytest.approx(0.98 * getattr(par, name))


def test_an_index_apart_from_the_spot() -> None:
    """Where a protocol's index is k spots, a call is worth k deltas and k squared gammas of the spot."""
    legs = account("o", option("ETH", 5.0, "call", 4_200.0, years=0.2, iv=0.7))
    [at_index] = of(legs).values()
    apart = replace(portfolio(legs), spots={"USD": 1.0, "ETH": 3_200.0})
    [got] = greeks(apart)
    assert got.delta_units == pytest.approx(1.25 * at_index.delta_units)
    assert got.delta_usd == pytest.approx(at_index.delta_usd)
    assert got.gamma_usd == pytest.approx(at_index.gamma_usd)


def test_options_paid_in_coins() -> None:
    """What an option settled in BTC is worth moves with BTC as well."""
    [btc, eth] = of(
        account("o", option("ETH", 5.0, "call", 4_200.0, years=0.2, iv=0.7, settlement="BTC"))
    ).values()
    assert (btc.underlying, eth.underlying) == ("BTC", "ETH")
    ours = book(
        [portfolio(account("o", option("ETH", 5.0, "call", 4_200.0, years=0.2, iv=0.7, settlement="BTC")))],
        scenarios(),
    )
    assert btc.delta_usd == pytest.approx(0.01 * float(ours.equity_usd()[0]))
    assert btc.vega_usd == 0.0


@given(silos("a"), silos("b"))
@settings(max_examples=30)
def test_positions_add_up_to_the_portfolio(mine: tuple[Account, ...], other: tuple[Account, ...]) -> None:
    """Each position's part is what that position has alone, whoever is evaluated beside it."""
    together = book([portfolio(*other), portfolio(*mine)], scenarios())
    for part in position_greeks(together, 1):
        [owner] = [a for a in mine if a.id == part.account_id]
        alone = of(replace(owner, positions=(owner.positions[part.ordinal],)))[part.greeks.underlying]
        # An option without a known IV takes the highest known one of the whole portfolio.
        if all(not isinstance(p, Option) or p.iv is not None for p in owner.positions):
            assert alone == pytest.approx(part.greeks)
