"""How much of what: a program and its cuts, until the states that its solutions lead to miss no goal."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from types import MappingProxyType

from aggregator.model.plans import Plan
from aggregator.planning.allowed import Allowed
from aggregator.planning.answer import answer, in_sequence
from aggregator.planning.bundles import flash_repays, without_loops
from aggregator.planning.candidates import Candidate
from aggregator.planning.cuts import Cutter
from aggregator.planning.following import Stopped, follow
from aggregator.planning.goals import CUSHION, Figure, Goals, goals_of, lacking_usd, missing_usd
from aggregator.planning.margins import Margins
from aggregator.planning.prices import variable
from aggregator.planning.problem import Problem
from aggregator.planning.program import Constraint, Program, Solution, Variable
from aggregator.planning.rooms import Rooms
from aggregator.planning.solver import Solver
from aggregator.risk.copies import Copy

ROUNDS = 16
"""Of solving and cutting: a few end it, unless a market's price gives way a lot."""

RENEWALS = 3
"""How often costs are sampled anew near a solution, and the limit on the cost lowered by what steps add."""

AROUND = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5)
"""At these times an amount its cost is sampled again."""

NEAR_USD, NEAR_SHARE = 0.01, 0.001
"""Costs that differ by less are the same to what samples tell."""

SETTLED = 1e-6
"""By so much of itself what is missing may be more than the program expects."""

DECISIONS = 3
"""Withdrawals of which nothing is let out today, and that are both left and made room for by other steps."""

LEAST_USD = 2e-6
"""What a wallet may lack by rounding."""

NOTHING_USD, NOTHING_SHARE = 0.01, 0.01
"""Less of a candidate, and of what is missing anywhere, is the solver's tolerance, and no step."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A solution, and in USD how far the state that it leads to misses goals."""

    solution: Solution
    missing: float = math.inf

    @property
    def rank(self) -> tuple[float, float]:
        """By what solutions are compared: the less the better."""
        return round(self.missing, 2), self.solution.cost

    @property
    def amounts(self) -> Mapping[str, float]:
        """How much of each candidate, in USD."""
        return self.solution.amounts


@dataclass
class Search:
    """One search of the cheapest plan of a problem from a state, of single steps or with flash bundles."""

    problem: Problem
    start: Copy
    flash: bool = False
    candidates: Sequence[Candidate] = ()
    nothing: float = NOTHING_USD
    told: str | None = None
    _most: dict[str, float] = field(default_factory=dict)
    _rooms: Rooms = field(init=False)
    _margins: Margins = field(default_factory=Margins)
    _whole: dict[str, list[Constraint]] = field(default_factory=dict)
    _tried: set[str] = field(default_factory=set)

    def plan(self) -> Plan:
        """The cheapest certified plan, or the one that comes nearest; see `repair`."""
        problem, goals, aims = self.problem, goals_of(self.problem, 0.0), goals_of(self.problem, CUSHION)
        today = Cutter((), goals, aims, {}, problem.scenarios).figures(self.start)
        missed = [-value for value in today.values() if value < 0.0]
        if not missed:
            return answer(problem, self.start)
        self.nothing = min(NOTHING_USD, NOTHING_SHARE * min(missed))
        allowed = Allowed(self.start, problem)
        self.candidates, assets = allowed.all(), allowed.assets()
        if self.flash:
            lent = flash_repays(self.start.fork(), self.candidates, problem.limits.executors)
            self.candidates = [*lent, *without_loops(self.start, self.candidates, lent)]
        if not self.candidates:
            return answer(problem, self.start)
        kept, self._rooms = self._kept(aims), Rooms(self.start, self.candidates)
        cutter = Cutter(self.candidates, goals, aims, assets, problem.scenarios, kept)
        cutter.cuts(self.start, {})
        plan = self._limited(cutter)
        return plan if self.told is None else replace(plan, told=(*plan.told, self.told))

    def _limited(self, cutter: Cutter) -> Plan:
        """The plan whose steps can be done and keep the limit on the cost.

        The program knows no order, and counts the gas of each candidate once. Where no order takes out what
        it would, there can't be more of that than the order has; where it leaves a rest of debts, all of them
        is tried. Where steps are done in parts the limit is lowered by what that adds, and what is left over
        it in the end is not done.
        """
        most = limit = self.problem.limits.most_cost_usd
        plans: list[Plan] = []
        for _ in range(RENEWALS + 1):
            found = self._refined(cutter, limit) or self._without_some(cutter, limit)
            if found is None:
                break
            done = in_sequence(self.problem, self.start, self.candidates, found.amounts)
            plan = answer(self.problem, self.start, done.steps, found.solution)
            if most is not None and limit is not None and plan.cost_usd > most:
                plans.append(answer(self.problem, self.start, done.steps, found.solution, most))
                limit -= plan.cost_usd - most
                if limit < 0.0:
                    break
                continue
            plans.append(plan)
            if not plan.shortfalls or not done.left:
                break
            if self._wholly(done.left):
                continue
            stuck = [one for one in self.candidates if one.kind == "withdraw" and one.name in done.left]
            if not stuck:
                break
            for one in stuck:
                raw = one.raw(found.amounts[one.name]) - done.left[one.name]
                self._most[one.name] = one.at_most(raw)
        return min(plans, key=rank) if plans else answer(self.problem, self.start)

    def _wholly(self, left: Iterable[str]) -> bool:
        """Have the debts of accounts repaid to the last of which something is left; whether there are new."""
        repays = [one for one in self.candidates if one.kind == "repay"]
        accounts = {one.account_id for one in repays if one.name in left}
        new = accounts - self._tried
        self._tried |= new
        for one in repays:
            if one.account_id in new:
                row = Constraint(f"all {one.name}", {one.name: 1.0}, one.most_usd)
                self._whole.setdefault(one.account_id, []).append(row)
        return bool(new)

    def _without_some(self, cutter: Cutter, most_cost: float | None) -> _Found | None:
        """The best solution where not all debts can be repaid to the last that are to be.

        What no order takes out since can't pay for them: those of each account that can be are, by turns.
        None where there is no solution without any.
        """
        wanted, self._whole = self._whole, {}
        found = self._refined(cutter, most_cost) if wanted else None
        for account, rows in wanted.items() if found is not None and len(wanted) > 1 else ():
            self._whole[account] = rows
            more = self._refined(cutter, most_cost)
            if more is None:
                del self._whole[account]
            found = more or found
        return found

    def _refined(self, cutter: Cutter, most_cost: float | None) -> _Found | None:
        """The best solution, with costs that are no straight lines sampled again around it."""
        charges, near = self.problem.charges, defaultdict[str, set[float]](set)
        found: _Found | None = None
        for _ in range(RENEWALS):
            variables = [
                variable(self.start, one, charges, bundled=self.flash, near=near[one.name])
                for one in self.candidates
            ]
            last, found = found, self._solved(cutter, variables, most_cost)
            if found is None or (last is not None and last.rank <= found.rank):
                return last
            if last is not None and _is_near(last.solution.cost, found.solution.cost):
                break
            bent = [one.name for one in variables if len(one.segments) > 1 and found.amounts[one.name] > 0.0]
            if not bent:
                break
            for name in bent:
                near[name] |= {found.amounts[name] * share for share in AROUND}
        return found

    def _solved(
        self,
        cutter: Cutter,
        variables: Sequence[Variable],
        most_cost: float | None,
        decided: Mapping[str, bool] = MappingProxyType({}),
    ) -> _Found | None:
        """The solution whose state misses least; None where the solver has none.

        `decided` are withdrawals of which nothing is let out today, and whether other steps make room.
        """
        opened = [name for name, is_opened in decided.items() if is_opened]
        rows = [
            *cutter.rows,
            *chain.from_iterable(self._whole.values()),
            *self._margins.rows.values(),
            *self._rooms.of(opened),
        ]
        most = {**self._most, **{one: 0.0 for one in decided if one not in opened}}
        bounded = [replace(one, most=min(one.most, most.get(one.name, math.inf))) for one in variables]
        solver = Solver(Program(tuple(bounded), tuple(rows), most_cost))
        names = {row.name for row in rows}
        best: _Found | None = None
        for _ in range(ROUNDS):
            try:
                solution = solver.solve()
            except ArithmeticError as error:
                self.told = f"the search ended early, and there may be a better plan: {error}"
                return best
            if solution.status == "impossible":
                return best
            if self._without_traces(solver, solution):
                continue
            final = follow(self.start, self.candidates, solution.amounts)
            if isinstance(final, Stopped):
                name, row = final.one.name, self._margins.row(final) or self._rooms.row(final)
                tied = row is not None and row.least > 0.0 and name not in decided
                if row is None or (tied and len(decided) == DECISIONS):
                    self._bound(solver, name, final.most_usd)
                    continue
                if tied:
                    ways = [{**decided, name: opened} for opened in (False, True)]
                    further = partial(self._solved, cutter, variables, most_cost)
                    return self._better(best, [partial(further, way) for way in ways])
                made = [row]
            else:
                figures = cutter.figures(final)
                lacking = lacking_usd(figures)
                lacking = lacking if lacking > LEAST_USD else 0.0
                missing = missing_usd(figures)
                found = _Found(solution, missing + lacking)
                if best is None or found.missing <= best.missing:
                    best = found
                if not lacking and missing <= solution.shortfall * (1.0 + SETTLED):
                    return found
                made = cutter.cuts(final, solution.amounts)
            solver.change([row for row in made if row.name in names])
            solver.add([row for row in made if row.name not in names])
            names |= {row.name for row in made}
        return best

    def _better(self, best: _Found | None, ways: Sequence[Callable[[], _Found | None]]) -> _Found | None:
        """The best of some searches, each with the bounds that are known now."""
        found, known = [best], self._most
        for way in ways:
            self._most = dict(known)
            found.append(way())
        self._most = known
        return min((one for one in found if one is not None), key=lambda one: one.rank, default=None)

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
        traces = [name for name, usd in solution.amounts.items() if 0.0 < usd < self.nothing]
        for name in traces:
            self._bound(solver, name, 0.0)
        return bool(traces)

    def _bound(self, solver: Solver, name: str, most: float) -> None:
        self._most[name] = most
        solver.bound(name, most)


def rank(plan: Plan) -> tuple[float, float]:
    """By what plans are compared: what is missing, then the cost; the less the better."""
    return plan.missing_usd, plan.cost_usd


def _is_near(one: float, other: float) -> bool:
    return abs(one - other) <= max(NEAR_USD, NEAR_SHARE * abs(other))
