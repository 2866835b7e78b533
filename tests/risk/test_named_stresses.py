"""Named stresses, grids, and names that nothing has."""

from __future__ import annotations

import pytest

from aggregator.model.errors import BadConfiguration
from aggregator.model.stresses import GridPoint
from aggregator.risk.rays import Vol
from aggregator.risk.scenarios import CustomScenario
from aggregator.risk.stress import grid_points, named_stress
from tests.risk.builders import account, option, portfolio, scenarios
from tests.risk.linear import lending, margined
from tests.risk.stressed import equity, outcome, report


@pytest.mark.parametrize("move", [-0.6, -0.45, -0.3, 0.0, 0.25])
def test_a_grid_says_what_outcomes_say(move: float) -> None:
    """Worth, loss, survival and own tests of a point are those of the same scenario assessed in full."""
    plan = CustomScenario("plan", {"ETH": move})
    accounts = (
        lending("a", {"ETH": 10.0, "USDC": -20_000.0}),
        margined("p", "BTC", -0.1, 2_000.0),
        account("o", option("ETH", -2.0, "call", 4_000, years=0.1, iv=0.6)),
    )
    found = report(portfolio(*accounts), plan, grid=(plan,))
    [one], [point] = found.outcomes, found.grid
    assert point == GridPoint(
        moves=(("ETH", move),),
        equity_usd=one.after.risk.equity_usd,
        loss_usd=one.loss_usd,
        survives=one.after.survives,
        liquidatable=one.after.liquidatable,
        unknown=(),
    )


def test_points_of_a_grid() -> None:
    """The last axis is the fastest; what is moved already can't be an axis; too many are refused."""
    base = CustomScenario("base", {"BTC": -0.1}, Vol.UP, iv_points=0.1)
    points = grid_points({"ETH": [-0.1, 0.1], "USDC": [0.0, -0.05]}, base)
    assert [list(point.moves.values()) for point in points] == [
        [-0.1, -0.1, 0.0],
        [-0.1, -0.1, -0.05],
        [-0.1, 0.1, 0.0],
        [-0.1, 0.1, -0.05],
    ]
    assert {(point.vol, point.iv_points) for point in points} == {(Vol.UP, 0.1)}
    with pytest.raises(BadConfiguration, match="moved by --shock already"):
        grid_points({"BTC": [0.1]}, base)
    with pytest.raises(BadConfiguration, match="2,601 points"):
        grid_points({"ETH": [0.1] * 51, "USDC": [0.1] * 51})


def test_named_stresses() -> None:
    """2022-06 by hand: wstETH falls with ETH and its peg, LINK by 1.2 times ETH; FRAX is not listed."""
    known = {one.name: one for one in scenarios().parameters.stress.stresses}
    assert len(known) == 9
    june = named_stress(known["2022-06-11"], scenarios())
    assert june.scenario.vol is Vol.UP
    one = outcome(june.scenario, lending("a", {"wstETH": 1.0}), lending("b", {"LINK": 100.0}))
    assert equity(one, "a") == pytest.approx(4_800 * (1 - 0.414) * (1 - 0.08))
    assert equity(one, "b") == pytest.approx(2_000 * (1 - 1.2 * 0.414))
    march = named_stress(known["2023-03-08"], scenarios())
    assert "FRAX" in march.told[0]
    assert march.scenario.moves["USDC"] == -0.123


def test_names_that_nothing_has() -> None:
    """The error offers what is near."""
    ours = portfolio(lending("a", {"ETH": 1.0}))
    with pytest.raises(BadConfiguration, match=r"'ETHH', which nothing is: did you mean .*ETH"):
        report(ours, CustomScenario("typo", {"ETHH": -0.1}))
    with pytest.raises(BadConfiguration, match="'qqq', which nothing is: there are BNB, BTC"):
        report(ours, CustomScenario("typo", {"qqq": -0.1}))
