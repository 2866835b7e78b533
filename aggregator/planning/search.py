"""How much of what, in which order: from the goals of a problem to the cheapest plan that can be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from aggregator.model.plans import Plan
from aggregator.planning.allowed import Allowed
from aggregator.planning.answer import answer, in_sequence
from aggregator.planning.bundles import flash_repays, without_loops
from aggregator.planning.cuts import Cutter
from aggregator.planning.goals import CUSHION, Figure, Goals, goals_of
from aggregator.planning.problem import Problem
from aggregator.planning.program import Constraint
from aggregator.planning.rounds import Found, Rounds
from aggregator.risk.copies import Copy

TRIES = 3
"""How often the limit on the cost is lowered by what steps add, or another solution is put in order."""

NOTHING_USD, NOTHING_SHARE = 0.01, 0.01
"""Less of a candidate, and of what is missing anywhere, is the solver's tolerance, and no step."""


@dataclass
class Search:
    """One search of the cheapest plan of a problem from a state, of single steps or with flash bundles."""

    problem: Problem
    start: Copy
    flash: bool = False
    _rounds: Rounds = field(init=False)
    _tried: set[str] = field(default_factory=set)

    def plan(self) -> Plan:
        """The cheapest certified plan, or the one that comes nearest; see `repair`."""
        problem, goals, aims = self.problem, goals_of(self.problem, 0.0), goals_of(self.problem, CUSHION)
        today = Cutter((), goals, aims, {}, problem.scenarios).figures(self.start)
        missed = [-value for value in today.values() if value < 0.0]
        if not missed:
            return answer(problem, self.start)
        nothing = min(NOTHING_USD, NOTHING_SHARE * min(missed))
        allowed = Allowed(self.start, problem)
        candidates, assets = allowed.all(), allowed.assets()
        if self.flash:
            lent = flash_repays(self.start.fork(), candidates, problem.limits.executors)
            candidates = [*lent, *without_loops(self.start, candidates, lent)]
        if not candidates:
            return answer(problem, self.start)
        cutter = Cutter(candidates, goals, aims, assets, problem.scenarios, self._kept(aims))
        cutter.cuts(self.start, {})
        charges = problem.charges
        self._rounds = Rounds(self.start, candidates, charges, cutter, nothing, bundled=self.flash)
        plan, told = self._limited(), self._rounds.told
        return plan if told is None else replace(plan, told=(*plan.told, told))

    def _limited(self) -> Plan:
        """The plan whose steps can be done and keep the limit on the cost.

        The program knows no order, and counts the gas of each candidate once. Where no order takes out what
        it would, there can't be more of that than the order has; where it leaves a rest of debts, all of them
        is tried. Where steps are done in parts the limit is lowered by what that adds, and what is left over
        it in the end is not done.
        """
        rounds = self._rounds
        most = limit = self.problem.limits.most_cost_usd
        plans: list[Plan] = []
        for _ in range(TRIES + 1):
            found = rounds.best(limit) or self._without_some(limit)
            if found is None:
                break
            done = in_sequence(self.problem, self.start, rounds.candidates, found.amounts)
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
            stuck = [one for one in rounds.candidates if one.kind == "withdraw" and one.name in done.left]
            if not stuck:
                break
            for one in stuck:
                raw = one.raw(found.amounts[one.name]) - done.left[one.name]
                rounds.most[one.name] = one.at_most(raw)
        return min(plans, key=rank) if plans else answer(self.problem, self.start)

    def _wholly(self, left: Iterable[str]) -> bool:
        """Have the debts of accounts repaid to the last of which something is left; whether there are new."""
        rounds = self._rounds
        repays = [one for one in rounds.candidates if one.kind == "repay"]
        accounts = {one.account_id for one in repays if one.name in left}
        new = accounts - self._tried
        self._tried |= new
        for one in repays:
            if one.account_id in new:
                row = Constraint(f"all {one.name}", {one.name: 1.0}, one.most_usd)
                rounds.whole.setdefault(one.account_id, []).append(row)
        return bool(new)

    def _without_some(self, most_cost: float | None) -> Found | None:
        """The best solution where not all debts can be repaid to the last that are to be.

        What no order takes out since can't pay for them: those of each account that can be are, by turns.
        None where there is no solution without any.
        """
        rounds = self._rounds
        wanted, rounds.whole = rounds.whole, {}
        found = rounds.best(most_cost) if wanted else None
        for account, rows in wanted.items() if found is not None and len(wanted) > 1 else ():
            rounds.whole[account] = rows
            more = rounds.best(most_cost)
            if more is None:
                del rounds.whole[account]
            found = more or found
        return found

    def _kept(self, aims: Goals) -> frozenset[Figure]:
        """The figures that hold today already; those of the whole only where all of them do."""
        today = Cutter((), aims, aims, {}, self.problem.scenarios).figures(self.start)
        missed = any(value < 0.0 for figure, value in today.items() if figure.kind == "whole")
        return frozenset(
            figure
            for figure, value in today.items()
            if value >= 0.0 and not (missed and figure.kind == "whole")
        )


def rank(plan: Plan) -> tuple[float, float]:
    """By what plans are compared: what is missing, then the cost; the less the better."""
    return plan.missing_usd, plan.cost_usd
