"""Forwards and perpetuals move against their spot: dated ones by their time, and no protocol sees it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aggregator.pricing import black76
from aggregator.risk.assess import assess
from aggregator.risk.book import Book, book
from aggregator.risk.revaluation import Revaluation
from tests.risk.builders import account, holding, option, portfolio, scenarios, wallet
from tests.risk.linear import FAMILIES, margined

ONE = np.array([1.0])


def along(ours: Book, name: str, level: float = 1.0) -> list[float]:
    """What each account gains on the ray of this name."""
    rays = ours.scenarios.rays(ours.axes, options=len(ours.contracts) > 0)
    values = Revaluation.of(ours, rays).values(np.array([level]))
    gains = values[:, 0, rays.names.index(name)] - ours.equity_usd()
    return [float(gain) for gain in gains]


def test_perpetuals_have_a_basis() -> None:
    """1% of the notional, while coins stand still; at half a stress the square root of 1.01."""
    ours = book([portfolio(wallet(holding("ETH", 3.0)), margined("p", "ETH", -3.0, 2_000.0))], scenarios())
    assert along(ours, "FWD all up") == pytest.approx([0.0, -0.01 * 3.0 * 4_000.0], abs=1e-9)
    assert along(ours, "FWD all down") == pytest.approx([0.0, 0.01 * 3.0 * 4_000.0], abs=1e-9)
    half = (math.sqrt(1.01) - 1.0) * -3.0 * 4_000.0
    assert along(ours, "FWD all up", 0.5) == pytest.approx([0.0, half], abs=1e-9)


@pytest.mark.parametrize(("years", "move"), [(1.0, 0.02), (0.25, 0.02), (0.05, 0.004), (0.0, 0.0)])
def test_forwards_of_options_move_by_their_time(years: float, move: float) -> None:
    """2% from a quarter of a year on, in proportion before, at the strike's own volatility."""
    ours = book(
        [portfolio(account("o", option("ETH", 2.0, "call", 4_200.0, years=years, iv=0.7)))], scenarios()
    )

    def value(forward: float) -> float:
        return 2.0 * float(
            black76.price(forward=forward, strike=4_200.0, years=years, iv=0.7, rate=0.0, sign=1.0)
        )

    assert along(ours, "FWD all up") == pytest.approx(
        [value(4_000.0 * (1.0 + move)) - value(4_000.0)], abs=1e-9
    )


def test_each_underlying_alone_and_all_together() -> None:
    """A pair is hit where one moves and the other does not."""
    pair = (margined("a", "ETH", 10.0, 5_000.0), margined("b", "BTC", -0.4, 5_000.0))
    ours = book([portfolio(*pair)], scenarios())
    assert sum(along(ours, "FWD all down")) == pytest.approx(0.0, abs=1e-9)
    assert along(ours, "FWD ETH down") == pytest.approx([-400.0, 0.0], abs=1e-9)
    assert along(ours, "FWD BTC up") == pytest.approx([0.0, -400.0], abs=1e-9)


def test_the_basis_counts_in_the_requirement_and_not_in_a_protocols_test() -> None:
    """A coin against its perpetual is at risk of the basis; no account is called blind for it."""
    hedged = (wallet(holding("ETH", 10.0)), margined("p", "ETH", -10.0, 38_000.0, settlement="USD"))
    found = assess(portfolio(*hedged), families=FAMILIES, scenarios=scenarios())
    assert [loss.name for loss in found.worst_scenarios if loss.name.startswith("FWD")] == ["FWD all up"]
    assert not any(one.oracle_blind for one in found.accounts)
    assert found.multiples.native <= found.multiples.operational <= found.multiples.solvency


def test_nobody_without_a_perpetual_or_an_option_sees_them() -> None:
    """Coins alone have the rays that they had."""
    ours = book([portfolio(wallet(holding("ETH", 3.0)))], scenarios())
    assert not any(name.startswith("FWD") for name in ours.scenarios.rays(ours.axes, options=False).names)


def test_a_forward_alone_moves_the_european_part_of_an_american_option() -> None:
    """What early exercise adds stays, and the option is worth no less than exercising it."""
    put = option("ETH", 1.0, "put", 5_000.0, years=1.0, iv=0.5)
    american = replace(put, style="american", rate=0.06)
    ours = book([portfolio(account("o", american))], scenarios())
    [gain] = along(ours, "FWD all up")
    terms: dict[str, Any] = {"strike": 5_000.0, "years": 1.0, "iv": 0.5, "rate": 0.06, "sign": -1.0}
    forward = 4_000.0 * math.exp(0.06)
    moved = black76.price(forward=1.02 * forward, **terms) - black76.price(forward=forward, **terms)
    assert gain == pytest.approx(float(moved), abs=1e-9)
    deep = replace(put, style="american", rate=0.5, strike_raw=put.strike_raw * 4)
    ours = book([portfolio(account("o", deep))], scenarios())
    assert along(ours, "FWD all up") == pytest.approx([0.0], abs=1e-9)
