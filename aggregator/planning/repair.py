"""The least-cost plan: how much of what, by a program and its cuts; then an order; then the certificate.

RISK.md section 9. The program knows no order: its rows are the goals at the end, linear through the states
that its own solutions lead to. The steps are found afterwards, exact, and the full model is run on every
state between them. A plan that fails it is never given out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aggregator.model.plans import Plan
from aggregator.planning.allowed import Allowed
from aggregator.planning.answer import answer
from aggregator.planning.bundles import flash_repays, from_cash
from aggregator.planning.candidates import Candidate, Done
from aggregator.planning.cuts import Cutter
from aggregator.planning.goals import CUSHION, Figure, Goals, Rows, goals_of
from aggregator.planning.ordering import largest
from aggregator.planning.prices import variable
from aggregator.planning.problem import Problem
from aggregator.planning.program import Program, Solution
from aggregator.planning.solver import Solver
from aggregator.risk.copies import Copy

ROUNDS = 16
"""Of solving and cutting: a few end it, unless a market's price gives way a lot."""

BUNDLED_STEPS = 1
"""A plan of so many steps can't become cheaper as a bundle."""

SETTLED = 1e-6
"""By so much of itself what is missing may be more than the program expects."""

LEAST_USD = 1e-4
"""What a wallet may lack by rounding."""

NOTHING_USD = 0.01
"""Less of a candidate is the solver's tolerance, and no step."""


def repair(problem: Problem) -> Plan:
    """The cheapest certified plan; `infeasible` with the steps that come nearest where none reaches all.

    Steps one by one, and where the user has an executor also a flash bundle: whichever misses less, and then
    costs less. Raises as `assess` does.
    """
    found = _Search(problem, Copy.of(problem.portfolio)).plan()
    limits = problem.limits
    if not limits.executors or "flash" not in limits.kinds:
        return found
    if not found.shortfalls and len(found.steps) <= BUNDLED_STEPS:
        return found
    return min(found, _Search(problem, Copy.of(problem.portfolio), flash=True).plan(), key=_rank)


def _rank(plan: Plan) -> tuple[float, float]:
    return sum(one.missing_usd for one in plan.shortfalls), plan.cost_usd


@dataclass
class _Search:
    problem: Problem
    start: Copy
    flash: bool = False
    candidates: Sequence[Candidate] = ()

    def plan(self) -> Plan:
        problem, goals, aims = self.problem, goals_of(self.problem, 0.0), goals_of(self.problem, CUSHION)
        today = Cutter((), goals, aims, {}, problem.scenarios).figures(self.start)
        if all(value >= 0.0 for value in today.values()):
            return answer(problem, self.start, (), {}, None)
        allowed = Allowed(self.start.fork(), problem, _short(today))
        self.candidates, assets = allowed.all(), allowed.assets()
        if self.flash:
            lent = flash_repays(self.start.fork(), self.candidates, problem.limits.executors)
            self.candidates = [*lent, *from_cash(self.start.fork(), self.candidates, lent)]
        if not self.candidates:
            return answer(problem, self.start, (), {}, None)
        kept = self._kept(aims)
        cutter = Cutter(self.candidates, goals, aims, assets, problem.scenarios, kept)
        solution, amounts = self._solved(cutter)
        return answer(problem, self.start, self.candidates, amounts, solution)

    def _solved(self, cutter: Cutter) -> tuple[Solution | None, Mapping[str, float]]:
        """How much of each candidate, in USD."""
        charges = self.problem.charges
        variables = [variable(self.start, one, charges, bundled=self.flash) for one in self.candidates]
        rows = cutter.cuts(self.start, {})
        solver = Solver(Program(tuple(variables), tuple(rows), self.problem.limits.most_cost_usd))
        names = {row.name for row in rows}
        solution: Solution | None = None
        amounts: Mapping[str, float] = {}
        for _ in range(ROUNDS):
            solution = solver.solve()
            if solution.status == "impossible":
                return solution, {}
            if self._without_traces(solver, solution):
                continue
            final = self._follow(solver, solution.amounts)
            if final is None:
                continue
            amounts = solution.amounts
            figures = cutter.figures(final)
            overdrawn = any(
                value < -LEAST_USD for figure, value in figures.items() if figure.kind == "wallet"
            )
            expected = sum(solution.shortfalls.values())
            if not overdrawn and _missing(figures) <= expected * (1.0 + SETTLED):
                break
            made = cutter.cuts(final, amounts)
            solver.change([row for row in made if row.name in names])
            solver.add([row for row in made if row.name not in names])
            names |= {row.name for row in made}
        return solution, amounts

    def _kept(self, aims: Goals) -> frozenset[Figure]:
        """The figures that hold today already; those of the whole only where all of them do."""
        today = Cutter((), aims, aims, {}, self.problem.scenarios).figures(self.start)
        missed = any(value < 0.0 for figure, value in today.items() if figure.kind == "whole")
        return frozenset(
            figure
            for figure, value in today.items()
            if value >= 0.0 and not (missed and figure.kind == "whole")
        )

    def _without_traces(self, solver: Solver, solution: Solution) -> bool:
        """Forbid candidates of which a solution does next to nothing; whether there were any."""
        traces = [name for name, usd in solution.amounts.items() if 0.0 < usd < NOTHING_USD]
        for name in traces:
            solver.bound(name, 0.0)
        return bool(traces)

    def _follow(self, solver: Solver, wanted: Mapping[str, float]) -> Copy | None:
        """The state to which a solution leads, wherever money comes from.

        None where a venue refuses a part of it: of that there can't be more than what it allows, which the
        program is told.
        """
        copy = self.start.fork()
        for one in self.candidates:
            raw = one.raw(wanted.get(one.name, 0.0))
            if not raw:
                continue
            there = copy.fork()
            if not isinstance(one.do(there, raw), Done):
                most = largest(partial(_is_done, copy, one), raw)
                solver.bound(one.name, most * one.unit_usd)
                return None
            copy = there
        return copy


def _is_done(copy: Copy, one: Candidate, raw: int) -> bool:
    return isinstance(one.do(copy.fork(), raw), Done)


def _missing(figures: Rows) -> float:
    """How far the goals are missed, in USD."""
    return sum(-value for figure, value in figures.items() if value < 0.0 and figure.kind != "wallet")


def _short(figures: Rows) -> frozenset[str] | None:
    """The accounts that miss a goal; None where the whole does, which any account can help."""
    missed = [figure for figure, value in figures.items() if value < 0.0]
    if any(figure.kind == "whole" for figure in missed):
        return None
    return frozenset(figure.of for figure in missed)
