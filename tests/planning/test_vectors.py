"""The cases of plans.json as programs; their optima are closed forms that scipy's linprog agrees with."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from aggregator.planning.program import Constraint, Program, Segment, Solution, Variable
from aggregator.planning.solver import Solver

CASES: dict[str, Any] = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "plans.json").read_text(encoding="utf-8"))["cases"]
}


def move(name: str, slope: float, most: float, fixed: float = 0.0) -> Variable:
    """A move in USD that costs the same all the way."""
    return Variable(name, most, (Segment(inf, slope),), fixed)


def lending(given: dict[str, Any], weight: float | None = None, **effects: float) -> Constraint:
    """The health factor reaches its target: moves make up for what LT*collateral lacks to HF*debt."""
    need = given["target_HF"] * given["debt"] - given["LT"] * given["collateral_usd"]
    return Constraint("health factor", effects, need, weight)


def sold(given: dict[str, Any], kept: float) -> float:
    """What one USD of collateral does that is withdrawn, and of which `kept` repays debt."""
    return float(given["target_HF"] * kept - given["LT"])


def check(solution: Solution, expected: dict[str, float], cost: float) -> None:
    """Amounts and cost, to what the vectors are written with."""
    assert solution.status == "optimal"
    assert solution.cost == pytest.approx(cost, rel=1e-9, abs=1e-9)
    for name, amount in expected.items():
        assert solution.amounts[name] == pytest.approx(amount, rel=1e-9)


def test_p1_repay_from_wallet() -> None:
    """Cash that costs nothing."""
    case = CASES["P1_repay_from_wallet"]
    given, optimum = case["given"], case["optimum"]
    repay = move("repay", 0.0, given["wallet"])
    solution = Solver(Program((repay,), (lending(given, repay=given["target_HF"]),))).solve()
    check(solution, {"repay": optimum["repay"]}, optimum["cost"])
    assert solution.binding == ("health factor",)


def test_p2_loop() -> None:
    """Collateral is withdrawn, sold, and repays: the total; its steps are for whoever orders them."""
    case = CASES["P2_loop_no_cash"]
    given, optimum = case["given"], case["optimum"]
    fee = given["swap_cost"]
    loop = move("loop", fee, given["collateral_usd"])
    solution = Solver(Program((loop,), (lending(given, loop=sold(given, 1 - fee)),))).solve()
    check(solution, {"loop": optimum["total_withdrawn"]}, optimum["cost"])


def test_p3_flash_or_loop() -> None:
    """What is cheaper depends on gas; never both."""
    given, case = CASES["P2_loop_no_cash"]["given"], CASES["P3_flash_vs_loop"]
    fees, optimum = case["given"], case["optimum"]
    fee = given["swap_cost"]
    kept = (1 - fee) / (1 + fees["flash_fee"])
    health = lending(given, loop=sold(given, 1 - fee), flash=sold(given, kept))

    def solved(gas: float) -> Solution:
        moves = (
            move("loop", fee, given["collateral_usd"], gas * fees["loop_txs"]),
            move("flash", 1 - kept, given["collateral_usd"], gas * fees["flash_txs"]),
        )
        return Solver(Program(moves, (health,), exclusive=(("flash", "loop"),))).solve()

    dear, cheap = solved(fees["gas_per_tx"]), solved(0.5)
    assert optimum["choice"] == "flash"
    check(dear, {"flash": optimum["withdrawn"], "loop": 0.0}, optimum["flash_total"])
    assert dear.amounts["flash"] * kept == pytest.approx(optimum["repaid"], rel=1e-9)
    assert optimum["choice_if_gas_0_5"] == "loop"
    check(cheap, {"flash": 0.0}, optimum["loop_total_g"])


def test_p4_cheapest_source_first() -> None:
    """From the other venue up to what may leave it, then collateral; and without that bound."""
    given, case = CASES["P2_loop_no_cash"]["given"], CASES["P4_cross_protocol_source"]
    sources, optimum = case["given"], case["optimum"]
    bridge, swap = sources["bridge_cost"], sources["swap_cost"]
    moves = (
        move("perps", bridge, sources["perp_withdrawable"]),
        move("collateral", swap, given["collateral_usd"]),
    )
    health = lending(given, perps=given["target_HF"] * (1 - bridge), collateral=sold(given, 1 - swap))
    solver = Solver(Program(moves, (health,)))
    amounts = {"perps": optimum["from_perps"], "collateral": optimum["collateral_withdrawn"]}
    check(solver.solve(), amounts, optimum["cost"])
    solver.bound("perps", inf)
    uncapped = optimum["uncapped"]
    check(solver.solve(), {"perps": uncapped["from_perps"], "collateral": 0.0}, uncapped["cost"])


def test_p5_reduce_or_top_up() -> None:
    """A perpetual is reduced for what the wallet can't deposit."""
    case = CASES["P5_perp_reduce_or_topup"]
    given, optimum = case["given"], case["optimum"]
    asked = given["target_health"] * given["mm_rate"]
    health = Constraint(
        "margin",
        {"close": asked - given["close_fee"], "deposit": 1.0},
        asked * given["notional"] - given["equity"],
    )
    moves = (move("close", given["close_fee"], given["notional"]), move("deposit", 0.0, 0.0))
    solver = Solver(Program(moves, (health,)))
    check(solver.solve(), {"close": optimum["close_notional"]}, optimum["cost"])
    solver.bound("deposit", 1000.0)
    more = optimum["with_1000_wallet"]
    check(solver.solve(), {"deposit": more["deposit"], "close": more["close_notional"]}, more["cost"])


def test_p6_is_a_bound() -> None:
    """All collateral is not enough: the least shortfall where that may be, impossible where it may not."""
    case = CASES["P6_infeasible"]
    given, optimum = case["given"], case["optimum"]
    fee = given["swap_cost"]
    effect = sold(given, 1 - fee)
    moves = (move("loop", fee, given["collateral_usd"]),)
    solution = Solver(Program(moves, (lending(given, 1.0, loop=effect),))).solve()
    assert solution.status == "short"
    assert solution.amounts["loop"] * (1 - fee) == pytest.approx(optimum["max_repay"], rel=1e-9)
    missing = given["target_HF"] * optimum["residual_debt"]
    assert solution.shortfalls == {"health factor": pytest.approx(missing, rel=1e-9)}
    assert solution.binding == ("health factor",)
    assert Solver(Program(moves, (lending(given, loop=effect),))).solve().status == "impossible"
