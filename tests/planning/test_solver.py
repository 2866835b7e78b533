"""The solver against an enumeration, its properties, and what it does with scales, cuts and bad input."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from math import inf, isnan, nan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.planning.program import TIE_BREAK, Constraint, Program, Segment, Solution, Variable
from aggregator.planning.solver import Solver
from tests.planning.enumeration import Best, best, program
from tests.planning.programs import accounts, price_changes
from tests.volume import volume

SEEDS = st.integers(0, 2**32 - 1)
GAP = 1e-8


def cost(variable: Variable, amount: float) -> float:
    """USD of an amount: the cheapest segments first."""
    total = variable.fixed if amount > 0 else 0.0
    for segment in variable.segments:
        part = min(segment.width, amount)
        total, amount = total + part * segment.slope, amount - part
    return total


def of(given: Program, solution: Solution) -> Best:
    """What a solution reaches, found again from its amounts; asserts that it is allowed and told truly."""
    amounts = solution.amounts
    assert all(0 <= amounts[v.name] <= v.most for v in given.variables)
    assert all(sum(amounts[name] > 0 for name in group) <= 1 for group in given.exclusive)
    usd = sum(cost(v, amounts[v.name]) for v in given.variables)
    assert solution.cost == pytest.approx(usd, rel=1e-9, abs=1e-9)
    assert given.most_cost is None or usd <= given.most_cost + 1e-7
    for row in given.constraints:
        terms = [value * amounts[name] for name, value in row.coefficients.items()]
        missing = row.least - sum(terms)
        near = 1e-7 * (abs(row.least) + sum(map(abs, terms)))
        if row.weight is None:
            assert missing <= near
        else:
            told = solution.shortfalls.get(row.name, 0.0)
            assert told == pytest.approx(max(missing, 0.0), abs=near)
    shortfall = _weighed(given, solution)
    assert solution.shortfall == pytest.approx(shortfall, rel=1e-9)
    assert (solution.status == "short") == bool(solution.shortfalls)
    return Best(shortfall, usd + TIE_BREAK * sum(v.volume * amounts[v.name] for v in given.variables))


def _weighed(given: Program, solution: Solution) -> float:
    """What the shortfalls of a program's own constraints weigh, of each target the largest."""
    found: dict[str, float] = {}
    for row in given.constraints:
        if row.weight is not None:
            target = row.target or f"alone {row.name}"
            missed = row.weight * solution.shortfalls.get(row.name, 0.0)
            found[target] = max(found.get(target, 0.0), missed)
    return sum(found.values())


def agree(given: Program, solution: Solution, expected: Best | None) -> None:
    """Assert that a solution is the optimum."""
    if expected is None:
        assert solution.status == "impossible"
        assert isnan(solution.cost)
        return
    assert solution.status != "impossible"
    found = of(given, solution)
    assert found.shortfall == pytest.approx(expected.shortfall, rel=1e-7, abs=1e-7)
    assert found.objective == pytest.approx(expected.objective, rel=1e-7, abs=1e-7)


def test_the_optimum_is_that_of_an_enumeration() -> None:
    """On 500 made-up programs, of all three outcomes."""
    outcomes: Counter[str] = Counter()
    for seed in range(volume(500, 5_000)):
        asked = program(Random(seed))
        solution = Solver(asked).solve()
        agree(asked, solution, best(asked))
        outcomes[solution.status] += 1
    assert min(outcomes[status] for status in ("optimal", "short", "impossible")) > 50


@given(SEEDS)
@settings(max_examples=volume(25, 500), deadline=None)
def test_units_do_not_matter(seed: int) -> None:
    """Every variable and row in a unit of its own, from a millionth to a million."""
    random = Random(seed)
    asked = program(random)
    units = {v.name: 10 ** random.uniform(-6, 6) for v in asked.variables}
    rows = {row.name: 10 ** random.uniform(-6, 6) for row in asked.constraints}
    variables = tuple(
        replace(
            v,
            most=v.most * (unit := units[v.name]),
            segments=tuple(Segment(s.width * unit, s.slope / unit) for s in v.segments),
            volume=v.volume / unit,
        )
        for v in asked.variables
    )
    constraints = tuple(
        Constraint(
            row.name,
            {name: value / units[name] * rows[row.name] for name, value in row.coefficients.items()},
            row.least * rows[row.name],
            None if row.weight is None else row.weight / rows[row.name],
            row.target,
        )
        for row in asked.constraints
    )
    other = replace(asked, variables=variables, constraints=constraints)
    agree(other, Solver(other).solve(), best(asked))


@given(SEEDS, st.sampled_from([1e3, 1e6, 1e9]))
@settings(max_examples=volume(25, 500), deadline=None)
def test_a_small_account_beside_a_huge_one(seed: int, scale: float) -> None:
    """$10 and $10 bn that share a purse and a target of the whole: each has the optimum that it has alone."""
    random = Random(seed)
    # Which of a group is used is known to a part of everything, of which the small one is none.
    small, huge = (replace(program(random), most_cost=None, exclusive=()) for _ in range(2))
    expected = best(small), best(huge)
    if None in expected:
        return
    variables = tuple(
        replace(
            v,
            name=f"huge {v.name}",
            most=v.most * scale,
            segments=tuple(Segment(s.width * scale, s.slope) for s in v.segments),
            fixed=v.fixed * scale,
        )
        for v in huge.variables
    )
    constraints = tuple(
        Constraint(
            f"huge {row.name}",
            {f"huge {name}": value for name, value in row.coefficients.items()},
            row.least * scale,
            row.weight,
            None if row.target is None else f"huge {row.target}",
        )
        for row in huge.constraints
    )
    everything = dict.fromkeys((v.name for v in (*small.variables, *variables)), 1.0)
    shared = (
        Constraint("whole", everything, -1.0),
        Constraint("purse", dict.fromkeys(everything, -1.0), -1e4 * scale),
    )
    both = Program((*small.variables, *variables), (*small.constraints, *constraints, *shared))
    solution = Solver(both).solve()
    found = of(both, solution)
    assert expected[0] is not None
    assert expected[1] is not None
    of_small = of(
        small,
        replace(
            solution,
            cost=sum(cost(v, solution.amounts[v.name]) for v in small.variables),
            shortfalls={n: s for n, s in solution.shortfalls.items() if not n.startswith("huge")},
            shortfall=_weighed(small, solution),
            status="short" if any(not n.startswith("huge") for n in solution.shortfalls) else "optimal",
        ),
    )
    assert of_small.shortfall == pytest.approx(expected[0].shortfall, rel=1e-6, abs=1e-6)
    near = 1e-6 + 2 * GAP * scale * abs(expected[1].objective)
    assert of_small.objective == pytest.approx(expected[0].objective, rel=1e-6, abs=near)
    assert found.objective == pytest.approx(
        expected[0].objective + scale * expected[1].objective, rel=1e-7, abs=1e-6
    )


@given(SEEDS, st.floats(0.0, 1.0))
@settings(max_examples=volume(40, 500), deadline=None)
def test_a_lower_target_never_costs_more(seed: int, part: float) -> None:
    """To the gap."""
    asked = accounts(3, gas=20.0, scenarios=2, seed=seed)
    solver = Solver(asked)
    full = solver.solve()
    solver.change([replace(row, least=row.least - part * abs(row.least)) for row in asked.constraints])
    assert solver.solve().cost <= full.cost * (1 + GAP) + TIE_BREAK * sum(full.amounts.values())


@given(SEEDS)
@settings(max_examples=volume(40, 500), deadline=None)
def test_another_move_never_raises_the_cost(seed: int) -> None:
    """Nor the shortfall."""
    asked = program(Random(seed))
    fewer = Solver(asked)
    dropped = asked.variables[-1].name
    fewer.bound(dropped, 0.0)
    less, more = fewer.solve(), Solver(asked).solve()
    if less.status == "impossible":
        return
    without, found = of(asked, less), of(asked, more)
    assert found.shortfall <= without.shortfall + 1e-7 * (1 + without.shortfall)
    if found.shortfall > without.shortfall - 1e-7 * (1 + without.shortfall):
        assert found.objective <= without.objective + 1e-7 * (1 + abs(without.objective))


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_nothing_is_done_where_all_holds(seed: int) -> None:
    """All amounts are zero, exactly."""
    asked = accounts(4, gas=5.0, seed=seed)
    solver = Solver(asked)
    solver.change([replace(row, least=-abs(row.least)) for row in asked.constraints])
    solution = solver.solve()
    assert (solution.status, solution.cost, solution.binding) == ("optimal", 0.0, ())
    assert set(solution.amounts.values()) == {0.0}


def test_changed_and_cut_is_as_if_new() -> None:
    """Prices change, cuts come, bounds move: warm, the same optimum as from nothing; and twice the same."""

    def warm(gas: float) -> list[Solution]:
        asked = accounts(4, gas=gas)
        solver = Solver(replace(asked, constraints=asked.constraints[:-3]))
        found = [solver.solve()]
        solver.add(asked.constraints[-3:])
        found.append(solver.solve())
        now = asked
        for rows in price_changes(asked, 5):
            solver.change(rows)
            now = replace(asked, constraints=rows)
            found.append(solver.solve())
            agree(now, found[-1], of(now, Solver(now).solve()))
        name = max(found[-1].amounts, key=lambda name: found[-1].amounts[name])
        most = 0.9 * found[-1].amounts[name]
        solver.bound(name, most)
        now = replace(
            now, variables=tuple(replace(v, most=most) if v.name == name else v for v in now.variables)
        )
        found.append(solver.solve())
        agree(now, found[-1], of(now, Solver(now).solve()))
        return found

    for gas in (0.0, 20.0):
        assert warm(gas) == warm(gas)


def test_a_bound_of_a_choice_follows_from_what_must_hold() -> None:
    """A move without `most` but with gas: bounded through the purse, else refused."""
    moves = (
        Variable("withdraw", 100.0, (Segment(inf, 0.01),)),
        Variable("repay", inf, (), fixed=2.0),
    )
    debt = Constraint("debt", {"repay": 1.0}, 30.0)
    purse = Constraint("purse", {"withdraw": 1.0, "repay": -1.0}, 0.0)
    solution = Solver(Program(moves, (debt, purse))).solve()
    assert solution.cost == pytest.approx(2.3)
    assert solution.amounts == pytest.approx({"withdraw": 30.0, "repay": 30.0})
    assert set(solution.binding) == {"debt", "purse"}
    with pytest.raises(
        ValueError, match=r"repay is used or not, and nothing bounds it: give it a finite `most`"
    ):
        Solver(Program(moves, (debt,))).solve()


def test_what_follows_from_other_rows_and_weights_follows_their_changes() -> None:
    """A bound that comes from a purse grows with it; a weight that is changed decides who falls short."""
    moves = (
        Variable("withdraw", 100.0, (Segment(inf, 0.01),)),
        Variable("repay", inf, (), fixed=2.0),
    )
    solver = Solver(
        Program(
            moves, (Constraint("debt", {"repay": 1.0}, 30.0), Constraint("purse", {"repay": -1.0}, -31.0))
        )
    )
    assert solver.solve().amounts["repay"] == pytest.approx(30.0)
    solver.change([Constraint("debt", {"repay": 1.0}, 40.0), Constraint("purse", {"repay": -1.0}, -41.0)])
    assert solver.solve().amounts["repay"] == pytest.approx(40.0)

    def targets(weight: float) -> tuple[Constraint, Constraint]:
        return Constraint("a", {"a": 1.0}, 10.0, weight), Constraint("b", {"b": 1.0}, 10.0, 1.0)

    purse = Constraint("purse", {"a": -1.0, "b": -1.0}, -10.0)
    solver = Solver(Program((Variable("a", 20.0, ()), Variable("b", 20.0, ())), (*targets(2.0), purse)))
    assert set(solver.solve().shortfalls) == {"b"}
    solver.change(targets(0.5))
    assert set(solver.solve().shortfalls) == {"a"}


def test_what_is_used_for_a_billionth_is_paid() -> None:
    """Beside $10 bn of cash, a need of $10 that no tolerance of whole numbers may meet for nothing."""
    moves = (
        Variable("cash", 1e10, (Segment(inf, 0.0),), fixed=3.0),
        Variable("dear", 1e10, (Segment(inf, 0.2),)),
    )
    solution = Solver(Program(moves, (Constraint("need", {"cash": 1.0, "dear": 1.0}, 10.0),))).solve()
    assert solution.cost == pytest.approx(2.0)
    assert solution.amounts == pytest.approx({"cash": 0.0, "dear": 10.0})


def test_a_limit_on_the_cost_binds() -> None:
    """What can't be paid stays short; where it must hold it is impossible."""
    moves = (Variable("close", 1_000.0, (Segment(100.0, 0.1), Segment(inf, 0.5)), fixed=5.0),)
    rows = (Constraint("target", {"close": 2.0}, 400.0, weight=2.0),)
    solution = Solver(Program(moves, rows, most_cost=40.0)).solve()
    assert solution.status == "short"
    assert solution.cost == pytest.approx(40.0)
    assert solution.amounts == pytest.approx({"close": 150.0})
    assert solution.shortfalls == pytest.approx({"target": 100.0})
    assert set(solution.binding) == {"target", "most_cost"}
    must = (replace(rows[0], weight=None),)
    assert Solver(Program(moves, must, most_cost=40.0)).solve().status == "impossible"


def test_a_target_of_several_constraints_counts_once() -> None:
    """A dollar does 1 for both rows of one target and 1.5 for the other target: two rows don't make it 2."""
    moves = (Variable("one", 10.0, ()), Variable("other", 10.0, ()))
    purse = Constraint("purse", {"one": -1.0, "other": -1.0}, -10.0)
    rows = (
        Constraint("one #1", {"one": 1.0}, 20.0, 1.0, "one"),
        Constraint("one #2", {"one": 1.0}, 18.0, 1.0, "one"),
        Constraint("other #1", {"other": 1.5}, 20.0, 1.0, "other"),
    )
    solver = Solver(Program(moves, (purse, *rows)))
    solution = solver.solve()
    assert solution.amounts == pytest.approx({"one": 0.0, "other": 10.0})
    assert solution.shortfalls == pytest.approx({"one #1": 20.0, "one #2": 18.0, "other #1": 5.0})
    assert solution.shortfall == pytest.approx(25.0)
    alone = tuple(replace(row, target=None) for row in rows)
    assert Solver(Program(moves, (purse, *alone))).solve().amounts["one"] == pytest.approx(10.0)
    solver.add([Constraint("one #3", {"one": 2.0, "other": -0.1}, 40.0, 1.0, "one")])
    assert solver.solve().amounts == pytest.approx({"one": 10.0, "other": 0.0})


def test_programs_of_nothing() -> None:
    """No moves and no constraints, or constraints alone."""
    assert Solver(Program((), ())).solve().status == "optimal"
    assert Solver(Program((), (Constraint("c", {}, -1.0),))).solve().status == "optimal"
    assert Solver(Program((), (Constraint("c", {}, 1.0),))).solve().status == "impossible"
    assert Solver(Program((), (Constraint("c", {}, 1.0, 1.0),))).solve().shortfalls == {"c": 1.0}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: Segment(-1.0, 0.0), "width is -1.0"),
        (lambda: Segment(nan, 0.0), "width is nan"),
        (lambda: Segment(1.0, inf), "slope is inf"),
        (lambda: Variable("x", nan, ()), "at most nan"),
        (lambda: Variable("x", -1.0, ()), "at most -1.0"),
        (lambda: Variable("x", 1.0, (), fixed=nan), "fixed cost is nan"),
        (lambda: Variable("x", 1.0, (), volume=-1.0), "volume is -1.0"),
        (lambda: Variable("x", 2.0, (Segment(1.0, 0.2), Segment(1.0, 0.1))), "not convex"),
        (lambda: Variable("x", 3.0, (Segment(1.0, 0.1), Segment(1.0, 0.2))), "cover 2.0 of 3.0"),
        (lambda: Variable("x", inf, (Segment(inf, -0.1),)), "earns without end"),
        (lambda: Constraint("c", {"x": nan}, 1.0), "coefficient of x is nan"),
        (lambda: Constraint("c", {}, inf), "at least inf"),
        (lambda: Constraint("c", {}, 1.0, weight=0.0), "weight is 0.0"),
        (lambda: Constraint("most_cost", {}, 1.0), "another name"),
        (lambda: Program((Variable("x", 1.0, ()),) * 2, ()), "same name"),
        (lambda: Program((), (), most_cost=nan), "is nan"),
        (lambda: Program((), (), exclusive=(("x",),)), "no variable is called x"),
        (lambda: Solver(Program((), (Constraint("c", {"x": 1.0}, 1.0),))), "no variable is called x"),
        (lambda: Solver(Program((), (Constraint("c", {}, 0.0),) * 2)), "constraint c already"),
        (lambda: Solver(Program((), ())).change([Constraint("c", {}, 0.0)]), "no constraint c"),
        (lambda: Solver(Program((), ())).bound("x", 1.0), "no variable x"),
        (
            lambda: Solver(Program((), (Constraint("c", {}, 0.0),))).change([Constraint("c", {}, 0.0, 1.0)]),
            "cease to be one that must hold",
        ),
        (lambda: Constraint("c", {}, 0.0, target="t"), "must hold, and falls short of no t"),
        (
            lambda: Solver(Program((), (Constraint("c", {}, 0.0, 1.0),))).change(
                [Constraint("c", {}, 0.0, 1.0, "t")]
            ),
            "can't change its target",
        ),
    ],
)
def test_bad_input_is_refused(wrong: object, says: str) -> None:
    """With what is wrong, by name."""
    assert callable(wrong)
    with pytest.raises(ValueError, match=says):
        wrong()


def test_the_solver_is_imported_when_one_is_made() -> None:
    """Not with the module: most commands need none."""
    code = "import sys, aggregator.planning.solver; sys.exit('highspy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
