"""Rounds of solving a program and cutting it, until the states that its solutions lead to miss no goal."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from types import MappingProxyType

from aggregator.planning.candidates import Candidate
from aggregator.planning.cuts import Cutter
from aggregator.planning.following import Stopped, follow
from aggregator.planning.goals import lacking_usd, missing_usd
from aggregator.planning.limits import Charges
from aggregator.planning.margins import Margins
from aggregator.planning.prices import variable
from aggregator.planning.program import Constraint, Program, Solution, Variable
from aggregator.planning.rooms import Rooms
from aggregator.planning.solver import Solver
from aggregator.risk.copies import Copy

ROUNDS = 16
"""Of solving and cutting: a few end it, unless a market's price gives way a lot."""

RENEWALS = 3
"""How often costs are sampled anew near a solution."""

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


@dataclass(frozen=True, slots=True)
class Found:
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
class Rounds:
    """The rounds of one search: its candidates from a state, and all rows and bounds that are known so far.

    Of a candidate less than `nothing` USD is none. `most` are bounds in USD by candidate, `whole` rows by
    account by which its debts are repaid to the last. `told` says why the solver ended early.
    """

    start: Copy
    candidates: Sequence[Candidate]
    charges: Charges
    cutter: Cutter
    nothing: float
    bundled: bool = False
    most: dict[str, float] = field(default_factory=dict)
    whole: dict[str, list[Constraint]] = field(default_factory=dict)
    told: str | None = None
    _rooms: Rooms = field(init=False)
    _margins: Margins = field(default_factory=Margins)

    def __post_init__(self) -> None:
        self._rooms = Rooms(self.start, self.candidates)

    def best(self, most_cost: float | None) -> Found | None:
        """The best solution, with costs that are no straight lines sampled again around it."""
        charges, near = self.charges, defaultdict[str, set[float]](set)
        found: Found | None = None
        for _ in range(RENEWALS):
            variables = [
                variable(self.start, one, charges, bundled=self.bundled, near=near[one.name])
                for one in self.candidates
            ]
            last, found = found, self._solved(variables, most_cost)
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
        variables: Sequence[Variable],
        most_cost: float | None,
        decided: Mapping[str, bool] = MappingProxyType({}),
    ) -> Found | None:
        """The solution whose state misses least; None where the solver has none.

        `decided` are withdrawals of which nothing is let out today, and whether other steps make room.
        """
        opened = [name for name, is_opened in decided.items() if is_opened]
        rows = [
            *self.cutter.rows,
            *chain.from_iterable(self.whole.values()),
            *self._margins.rows.values(),
            *self._rooms.of(opened),
        ]
        most = {**self.most, **{one: 0.0 for one in decided if one not in opened}}
        bounded = [replace(one, most=min(one.most, most.get(one.name, math.inf))) for one in variables]
        solver = Solver(Program(tuple(bounded), tuple(rows), most_cost))
        names = {row.name for row in rows}
        best: Found | None = None
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
                    further = partial(self._solved, variables, most_cost)
                    return self._better(best, [partial(further, way) for way in ways])
                made = [row]
            else:
                figures = self.cutter.figures(final)
                lacking = lacking_usd(figures)
                lacking = lacking if lacking > LEAST_USD else 0.0
                missing = missing_usd(figures)
                found = Found(solution, missing + lacking)
                if best is None or found.missing <= best.missing:
                    best = found
                if not lacking and missing <= solution.shortfall * (1.0 + SETTLED):
                    return found
                made = self.cutter.cuts(final, solution.amounts)
            solver.change([row for row in made if row.name in names])
            solver.add([row for row in made if row.name not in names])
            names |= {row.name for row in made}
        return best

    def _better(self, best: Found | None, ways: Sequence[Callable[[], Found | None]]) -> Found | None:
        """The best of some searches, each with the bounds that are known now."""
        found, known = [best], self.most
        for way in ways:
            self.most = dict(known)
            found.append(way())
        self.most = known
        return min((one for one in found if one is not None), key=lambda one: one.rank, default=None)

    def _without_traces(self, solver: Solver, solution: Solution) -> bool:
        """Forbid candidates of which a solution does next to nothing; whether there were any."""
        traces = [name for name, usd in solution.amounts.items() if 0.0 < usd < self.nothing]
        for name in traces:
            self._bound(solver, name, 0.0)
        return bool(traces)

    def _bound(self, solver: Solver, name: str, most: float) -> None:
        self.most[name] = most
        solver.bound(name, most)


def _is_near(one: float, other: float) -> bool:
    return abs(one - other) <= max(NEAR_USD, NEAR_SHARE * abs(other))
