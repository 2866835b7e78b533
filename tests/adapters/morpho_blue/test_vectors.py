"""Figures made elsewhere: liquidations of the real contract, and what Morpho's own SDK computes.

liquidations.json: seven calls of `liquidate` on npm @morpho-org/morpho-blue 1.0.0, compiled with solc 0.8.19,
on anvil 1.7.1. blue_sdk.json: answers of npm @morpho-org/blue-sdk 6.4.0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.morpho_blue.liquidation import Position, Settled, incentive, max_borrow, settle
from adapters.morpho_blue.market_state import MarketState, growth
from aggregator.model.rules import WAD, Refused

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((HERE / "liquidations.json").read_text())["cases"]
SDK: dict[str, Any] = json.loads((HERE / "blue_sdk.json").read_text())


def _market(values: list[str], rate: str) -> MarketState:
    return MarketState(*map(int, [*values, rate]))


def _accrued(case: dict[str, Any]) -> tuple[MarketState, MarketState, Position]:
    market = _market(case["market_before"], case["borrowRatePerSec"])
    _, shares, collateral = map(int, case["position_before"])
    return market, market.accrued(case["timestamp"]), Position(shares, collateral)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["case"]))
def test_liquidations_of_the_real_contract(case: dict[str, Any]) -> None:
    """What is repaid, seized and written off, and the market afterwards; or the revert."""
    _, market, position = _accrued(case)
    arguments = {"seized": int(case["seizedIn"]), "repaid_shares": int(case["sharesIn"])}
    done = settle(market, position, int(case["price"]), int(case["lltv"]), **arguments)
    if case["contract"] == "REVERT":
        assert isinstance(done, Refused)
        return
    assert isinstance(done, Settled)
    said = {name: int(text) for name, text in case["contract"].items()}
    assert said == {
        "repaidAssets": done.repaid_assets,
        "repaidShares": done.repaid_shares,
        "seized": done.seized,
        "badDebtAssets": done.bad_debt,
    }
    assert done.market == _market(case["market_after"], case["borrowRatePerSec"])


@pytest.mark.parametrize(
    ("case", "sdk"), list(zip(CASES, SDK["hf"], strict=True)), ids=lambda case: str(case["case"])
)
def test_health_of_the_sdk(case: dict[str, Any], sdk: dict[str, Any]) -> None:
    """Interest, fee shares, both sides of the test and their quotient."""
    assert case["case"] == sdk["case"]
    before, market, position = _accrued(case)
    owed = market.owed(position.borrow_shares)
    power = max_borrow(position.collateral, int(case["price"]), int(case["lltv"]))
    assert before.interest(case["timestamp"]) == int(sdk["interest"])
    assert before.fee_shares(case["timestamp"]) == int(sdk["feeShares"])
    assert (owed, power) == (int(sdk["borrowAssets"]), int(sdk["maxBorrowAssets"]))
    assert power * WAD // owed == int(sdk["healthFactor"])
    assert (power >= owed) is sdk["isHealthy"]


@pytest.mark.parametrize("row", SDK["lif"], ids=lambda row: str(row["lltv"]))
def test_incentive_of_the_sdk(row: dict[str, str]) -> None:
    """By loan-to-value."""
    assert incentive(int(row["lltv"])) == int(row["lif"])


@pytest.mark.parametrize("row", SDK["taylor"], ids=lambda row: f"{row['rate']} {row['elapsed']}")
def test_growth_of_the_sdk(row: dict[str, str]) -> None:
    """By rate and time."""
    assert growth(int(row["rate"]), int(row["elapsed"])) == int(row["value"])
