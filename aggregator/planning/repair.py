"""The least-cost plan: how much of what, by a program and its cuts; then an order; then the certificate.

RISK.md section 9. The program knows no order: its rows are the goals at the end, linear through the states
that its own solutions lead to. The steps are found afterwards, exact, and the full model is run on every
state between them. A plan that fails it is never given out.
"""

from __future__ import annotations

from dataclasses import replace

from aggregator.model.plans import Plan
from aggregator.planning.problem import Problem
from aggregator.planning.search import Search, rank
from aggregator.risk.copies import Copy

BUNDLED_STEPS = 1
"""A plan of so many steps can't become cheaper as a bundle."""


def repair(problem: Problem) -> Plan:
    """The cheapest certified plan; `infeasible` with the steps that come nearest where none reaches all.

    Steps one by one, and where the user has an executor also a flash bundle: whichever misses less, and then
    costs less. Where targets are out of reach with hedges, plans without them are among these: what a hedge
    does to the whole is not concave, and the program may take it for more than it is. Where the solver ends
    without an answer that can be vouched for, the plan is the best so far, which may have no steps, and says
    so. Raises as `assess` does.
    """
    found = _found(problem)
    kinds = problem.limits.kinds
    if not found.shortfalls or "hedge" not in kinds:
        return found
    without = replace(problem, limits=replace(problem.limits, kinds=kinds - {"hedge"}))
    return min(found, _found(without), key=rank)


def _found(problem: Problem) -> Plan:
    found = Search(problem, start_of(problem)).plan()
    limits = problem.limits
    if not limits.executors or "flash" not in limits.kinds:
        return found
    if not found.shortfalls and len(found.steps) <= BUNDLED_STEPS:
        return found
    return min(found, Search(problem, start_of(problem), flash=True).plan(), key=rank)


def start_of(problem: Problem) -> Copy:
    """The state today, with accounts that a hedge may be opened in where hedges are allowed."""
    copy = Copy.of(problem.portfolio)
    if "hedge" in problem.limits.kinds:
        copy.accounts.update({account.id: account for account in problem.portfolio.openable})
    return copy
