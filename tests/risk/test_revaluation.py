"""Revaluation against reference figures, scenario by scenario and leg by leg."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregator.model.positions import Position
from aggregator.risk.book import book
from aggregator.risk.rays import Vol
from aggregator.risk.revaluation import Revaluation
from aggregator.risk.scenarios import CustomScenario
from tests.risk.builders import account, option, perp, portfolio, scenarios, spot

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
