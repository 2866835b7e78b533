"""The cost of closing: by net deltas and depth, as the square of the size, and in no requirement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aggregator.model.accounts import Account
from aggregator.model.results import RiskResult
from aggregator.risk.assess import assess
from tests.risk.builders import defaults, holding, portfolio, scenarios, wallet
from tests.risk.linear import FAMILIES, margined


def judged(*accounts: Account) -> RiskResult:
    return assess(portfolio(*accounts), families=FAMILIES, scenarios=scenarios())


def test_by_hand() -> None:
    """1% on average of what is sold, where as much is sold as moves the price by 2%."""
    depth = defaults().assets["ETH"].depth_usd
    found = judged(wallet(holding("ETH", depth / 4_000.0)))
    assert found.closing_cost_usd == pytest.approx(0.01 * depth)
    assert found.liquidity_adjusted_loss_usd == pytest.approx(
        max(found.scan_requirement_usd, found.tails.requirement_usd if found.tails else 0.0) + 0.01 * depth
    )


def test_hedges_need_no_selling() -> None:
    """What a short in another account offsets is not sold; underlyings do not offset each other."""
    hedged = judged(wallet(holding("ETH", 100.0)), margined("p", "ETH", -100.0, 50_000.0))
    assert hedged.closing_cost_usd == pytest.approx(0.0, abs=1e-6)
    pair = judged(wallet(holding("ETH", 100.0)), margined("p", "BTC", -4.0, 50_000.0))
    depths = (defaults().assets[u].depth_usd for u in ("ETH", "BTC"))
    assert pair.closing_cost_usd == pytest.approx(sum(0.02 * 400_000.0**2 / (2.0 * d) for d in depths))


def test_the_square_of_the_size() -> None:
    """Twice the book costs four times as much to close, while kappa stays."""
    small, large = judged(wallet(holding("LINK", 1_000.0))), judged(wallet(holding("LINK", 2_000.0)))
    assert small.closing_cost_usd is not None
    assert large.closing_cost_usd == pytest.approx(4.0 * small.closing_cost_usd)
    assert large.kappa == small.kappa


def test_unknown_of_an_earlier_release() -> None:
    """Nothing is made up for a stored result that lacks it."""
    assert (
        replace(judged(wallet(holding("ETH", 1.0))), closing_cost_usd=None).liquidity_adjusted_loss_usd
        is None
    )
