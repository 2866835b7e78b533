"""Revaluation against reference figures, scenario by scenario and leg by leg."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregator.model.positions import Position
from aggregator.risk.book import book
from aggregator.risk.moves import Moves
from aggregator.risk.rays import Vol
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import CustomScenario
from tests.risk.builders import account, holding, option, perp, portfolio, raw, scenarios, spot, wallet

# Options by QuantLib 1.44 (BlackCalculator), linear legs by arithmetic.
DATA: dict[str, Any] = json.loads((Path(__file__).parent / "portfolios.json").read_text())
VOLS = {-1: Vol.DOWN, 0: Vol.NONE, 1: Vol.UP}
ONE = np.array([1.0])


def _position(leg: dict[str, Any]) -> Position:
    if leg["type"] == "spot":
        return spot(leg["asset"], leg["qty"])
    if leg["type"] == "perp":
        return perp(leg["underlying"], leg["qty"])
    return option(leg["underlying"], leg["qty"], leg["kind"], leg["K"], years=leg["T"], iv=leg["iv"])


def _custom(scenario: dict[str, Any]) -> CustomScenario:
    moves = {name: move for name, move in scenario.items() if name not in ("name", "v")}
    return CustomScenario(scenario["name"], moves, VOLS[scenario["v"]])


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["id"])
def test_reference_portfolios(case: dict[str, Any]) -> None:
    """Base value and profit of every leg in every custom scenario, to a millionth of a cent per $100,000."""
    legs = [account(str(i), _position(leg)) for i, leg in enumerate(case["legs"])]
    ours = book([portfolio(*legs)], scenarios())
    rays = scenarios().custom([_custom(s) for s in DATA["scenarios"]], ours.axes)
    assert rays.names == tuple(s["scenario"] for s in case["scenarios"])
    revaluation = Revaluation.of(ours, rays)
    assert revaluation.equity_usd == pytest.approx(case["base_value_by_leg"], abs=1e-8)
    profit = revaluation.values(ONE)[:, 0, :] - revaluation.equity_usd[:, None]
    expected = np.array([s["pnl_by_leg"] for s in case["scenarios"]]).T
    assert profit == pytest.approx(expected, abs=1e-7)
    total = profit.sum(axis=0)
    assert -total.min() == pytest.approx(case["worst_loss"], abs=1e-7)


def revalued(position: Position, moves: dict[str, float], level: float = 1.0) -> float:
    """The value of one position after custom moves."""
    ours = book([portfolio(account("a", position))], scenarios())
    rays = scenarios().custom([CustomScenario("s", moves)], ours.axes)
    return float(Revaluation.of(ours, rays).values(np.array([level]))[0, 0, 0])


def test_a_perp_pays_in_its_settlement_asset() -> None:
    """Profit today and size * (P' - P) from there, all of it worth what the settlement asset is."""
    short = perp("ETH", -10.0, pnl=500.0, funding=-20.0, settlement="sUSD")
    assert revalued(short, {}) == pytest.approx(480.0)
    assert revalued(short, {"ETH": -0.1}) == pytest.approx(480.0 + 4_000.0)
    assert revalued(short, {"sUSD": -0.1}) == pytest.approx(0.9 * 480.0)
    assert revalued(short, {"ETH": -0.1, "sUSD": -0.1}) == pytest.approx(0.9 * 4_480.0)


def test_a_perp_settled_in_coins_pays_by_value() -> None:
    """Settled in BTC: the gain on ETH is paid by its value, what has accrued moves with BTC."""
    price_btc = 4_000.0 / 100_000.0
    inverse = replace(
        perp("ETH", 10.0, pnl=0.02, settlement="BTC"),
        mark_price_raw=raw(price_btc),
    )
    assert revalued(inverse, {}) == pytest.approx(2_000.0)
    assert revalued(inverse, {"ETH": 0.1}) == pytest.approx(2_000.0 + 4_000.0)
    # Worth 0.02 BTC and long 10 ETH against 0.4 BTC.
    assert revalued(inverse, {"BTC": 0.1}) == pytest.approx(2_200.0 - 4_000.0)


def test_a_price_may_fall_to_nothing() -> None:
    """A move of -100% leaves nothing at any stress, and everything at none."""
    coins = spot("ETH", 2.0)
    assert revalued(coins, {"ETH": -1.0}) == 0.0
    assert revalued(coins, {"ETH": -1.0}, level=0.0) == pytest.approx(8_000.0)


def test_rays_that_move_an_option_alike_are_priced_once() -> None:
    """Every ray has the value that its own moves give, to the bit, whatever other rays there are."""
    options = account(
        "options",
        option("ETH", 1.0, "call", 4_400.0, years=0.1, iv=0.7),
        option("ETH", -1.0, "put", 3_000.0, years=0.8, iv=0.6, settlement="ETH"),
        option("BTC", 0.1, "put", 90_000.0, years=0.05, iv=0.5, settlement="USDC"),
    )
    ours = book([portfolio(options, wallet(holding("LINK", 1.0)))], scenarios())
    rays, levels = scenarios().rays(ours.axes, options=True), np.array([0.0, 0.5, 3.0])
    moves = Moves.of(ours, rays)
    assert all(len(some.first) < len(rays) for some in moves.alike)
    together = moves.units(moves.factors(levels), levels)
    for ray in range(len(rays)):
        alone = Moves.of(ours, rays.take(np.array([ray])))
        assert np.array_equal(together[:, :, [ray]], alone.units(alone.factors(levels), levels))
