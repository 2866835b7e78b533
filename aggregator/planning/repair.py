"""The least-cost plan: how much of what, by a program and its cuts; then an order; then the certificate.

RISK.md section 9. The program knows no order: its rows are the goals at the end, linear through the states
that its own solutions lead to. The steps are found afterwards, exact, and the full model is run on every
state between them. A plan that fails it is never given out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from aggregator.contract import RuleFamily
from aggregator.model.actions import Untold
from aggregator.model.assets import Asset, AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.plans import Cost, Plan, State, Status, Step, Targets
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Option, Perp
from aggregator.model.spot_markets import SpotMarket
from aggregator.model.units import ChainId
from aggregator.planning.candidates import Candidate, Done, SwapCandidate
from aggregator.planning.certificate import shortfalls, states, unsafe
from aggregator.planning.choices import Choices
from aggregator.planning.cuts import Cutter
from aggregator.planning.goals import Goal, HealthGoal, StressGoal
from aggregator.planning.limits import Charges, Limits
from aggregator.planning.ordering import Ordered, largest, sequence
from aggregator.planning.prices import cost_usd, variable
from aggregator.planning.program import Program
from aggregator.planning.sending import sender_of, unsigned
from aggregator.planning.solver import Solution, Solver
from aggregator.pricing.book import usd
from aggregator.risk.copies import Copy, purse_of
from aggregator.risk.scenarios import CustomScenario, ScenarioSet

ROUNDS = 16
"""Of solving and cutting: each halves what is missing at least, and mostly ends it."""

CUSHION = 1e-7
"""Of what is required: targets are aimed at so much higher, so that rounding misses none."""

SETTLED = 1e-6
"""By so much of itself what is missing may be more than the program expects."""

UNITS = 3
"""Smallest units of an asset that a wallet keeps, for the rounding of steps."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is asked: a portfolio's state, the targets, what may be done and at what cost.

    `markets` are spot markets by chain. `stress` asks for a plan that is done now and survives a scenario.
    """

    portfolio: Portfolio
    families: Mapping[str, RuleFamily]
    scenarios: ScenarioSet
    targets: Targets = field(default_factory=Targets)
    limits: Limits = field(default_factory=Limits)
    charges: Charges = field(default_factory=Charges)
    markets: Mapping[ChainId, Sequence[SpotMarket]] = field(default_factory=dict)
    stress: CustomScenario | None = None


def repair(problem: Problem) -> Plan:
    """The cheapest certified plan; `infeasible` with the steps that come nearest where none reaches all.

    Raises as `assess` does.
    """
    start = Copy.of(problem.portfolio)
    return _Search(problem, start).plan()


@dataclass
class _Search:
    problem: Problem
    start: Copy
    candidates: Sequence[Candidate] = ()

    def plan(self) -> Plan:
        problem = self.problem
        goals, kappa = self._goals(), problem.targets.kappa
        today = Cutter((), goals, {}, problem.scenarios, kappa).figures(self.start)
        if all(value >= 0.0 for value in today.values()):
            return self._answer(None, {})
        choices = Choices(
            self.start.fork(), problem.limits, problem.charges, problem.markets, problem.scenarios, _short(today)
        )
        self.candidates, assets = choices.all(), choices.assets()
        if not self.candidates:
            return self._answer(None, {})
        cutter = Cutter(
            self.candidates, goals, assets, problem.scenarios, kappa, self._cushions(assets)
        )
        rows = cutter.cuts(self.start, {})
        solver = Solver(
            Program(
                tuple(variable(self.start, one, problem.charges) for one in self.candidates),
                tuple(rows),
                problem.limits.most_cost_usd,
            )
        )
        amounts: dict[str, float] = {}
        solution: Solution | None = None
        for _ in range(ROUNDS):
            solution = solver.solve()
            followed = self._follow(solver, solution.amounts)
            if followed is None:
                continue
            amounts, final = followed
            figures = cutter.figures(final)
            overdrawn = any(value < 0.0 for name, value in figures.items() if _is_wallet(name))
            expected = sum(solution.shortfalls.values())
            if not overdrawn and _missing(figures) <= expected * (1.0 + SETTLED):
                break
            solver.add(cutter.cuts(final, amounts))
        return self._answer(solution, amounts)

    def _goals(self) -> list[Goal]:
        targets = self.problem.targets
        goals: list[Goal] = [HealthGoal(_above(targets.health))]
        if self.problem.stress is not None:
            goals.append(StressGoal(self.problem.stress, self.problem.scenarios, _above(targets.floor)))
        return goals

    def _cushions(self, assets: Mapping[str, Sequence[Asset]]) -> dict[str, float]:
        marks = self.start.portfolio.marks
        return {
            f"wallet {purse} {asset.id}": UNITS * usd(marks[asset.id]) / float(10**asset.decimals)
            for purse, several in assets.items()
            for asset in several
        }

    def _follow(
        self, solver: Solver, wanted: Mapping[str, float]
    ) -> tuple[dict[str, float], Copy] | None:
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
            if isinstance(one.do(there, raw), Done):
                copy = there
                continue
            most = largest(lambda part, at=copy, one=one: isinstance(one.do(at.fork(), part), Done), raw)
            solver.bound(one.name, most * one.unit_usd)
            return None
        return dict(wanted), copy

    def _answer(self, solution: Solution | None, amounts: Mapping[str, float]) -> Plan:
        """The steps that do these amounts, certified."""
        problem, targets = self.problem, self.problem.targets
        floor = Fraction(str(targets.floor))
        raws = {one.name: one.raw(amounts.get(one.name, 0.0)) for one in self.candidates}
        found = sequence(
            self.start, self.candidates, raws, floor=floor, most_steps=problem.limits.most_steps
        )
        ordered = self._certified(found.steps, floor)
        copies = [self.start, *(step.after for step in ordered)]
        known = states(copies, families=problem.families, scenarios=problem.scenarios)
        steps = tuple(
            self._step(step, state) for step, state in zip(ordered, known[1:], strict=True)
        )
        missing = shortfalls(copies[-1], known[-1], targets)
        status: Status = "infeasible" if missing else "feasible" if steps else "safe"
        return Plan(
            wallet=problem.portfolio.wallet,
            status=status,
            targets=targets,
            before=known[0],
            steps=steps,
            after=known[-1],
            cost_usd=sum(step.cost.usd for step in steps),
            avoided_usd=None,
            shortfalls=missing,
            binding=_binding(solution),
            told=self._told(ordered),
            blocks={chain: block.number for chain, block in problem.portfolio.blocks.items()},
            stress=None if problem.stress is None else problem.stress.name,
        )

    def _certified(self, ordered: Sequence[Ordered], floor: Fraction) -> Sequence[Ordered]:
        """The steps up to the first that the certificate refuses; the sequence lets none of them through."""
        for i, step in enumerate(ordered):
            if unsafe(step.before, step.after, floor):
                return ordered[:i]
        return ordered

    def _step(self, step: Ordered, state: State) -> Step:
        account = step.before.accounts[step.candidate.account_id]
        lost = cost_usd(step.before, step.after)
        fees = self._fee_usd(step)
        calls = unsigned(step)
        told = calls.reason if isinstance(calls, Untold) else None
        return Step(
            account_id=account.id,
            purse_id=purse_of(step.before.fork(), account).id,
            move=step.done.move,
            amount=step.done.amount,
            paid=step.done.paid,
            received=step.done.received,
            cost=Cost(fees, max(0.0, lost - fees), self.problem.charges.gas(account.chain)),
            after=state,
            sender=sender_of(step.before.fork(), account),
            calls=() if isinstance(calls, Untold) else tuple(calls),
            untold=told,
        )

    def _fee_usd(self, step: Ordered) -> float:
        fee = step.done.fee
        if fee is None:
            return 0.0
        decimals = self._decimals(step, fee.asset)
        return float(fee.raw * usd(self.start.portfolio.marks[fee.asset]) / 10**decimals)

    def _decimals(self, step: Ordered, asset: AssetId) -> int:
        for account in step.before.accounts.values():
            for position in account.positions:
                held = position.settlement if isinstance(position, Perp | Option) else position.asset
                if held.id == asset:
                    return held.decimals
        raise KeyError(asset)

    def _told(self, ordered: Sequence[Ordered]) -> tuple[str, ...]:
        told = []
        if any(isinstance(step.candidate, SwapCandidate) for step in ordered):
            share = 100 * self.problem.charges.slippage
            told.append(f"swaps are counted at {share:.2f}% less than they are quoted: what comes beyond stays")
        told += [call.later for step in ordered for call in _calls(step) if call.later]
        return tuple(dict.fromkeys(told))


def _calls(step: Ordered) -> Sequence[UnsignedCall]:
    found = unsigned(step)
    return () if isinstance(found, Untold) else found


def _above(target: float) -> Fraction:
    return Fraction(str(target)) * (1 + Fraction(str(CUSHION)))


def _is_wallet(name: str) -> bool:
    return name.startswith("wallet ")


def _missing(figures: Mapping[str, float]) -> float:
    """How far the goals are missed, in USD."""
    return sum(-value for name, value in figures.items() if value < 0.0 and not _is_wallet(name))


def _short(figures: Mapping[str, float]) -> frozenset[str] | None:
    """The accounts that miss a goal; None where the whole does, which any account can help."""
    missed = [name for name, value in figures.items() if value < 0.0]
    if any(not name.startswith(("health ", "stress ")) for name in missed):
        return None
    return frozenset(name.split(" ", 1)[1] for name in missed)


def _binding(solution: Solution | None) -> str | None:
    """The account, or None for the whole, of the constraint that costs most."""
    for name in () if solution is None else solution.binding:
        kind, _, rest = name.partition(" ")
        if kind in ("health", "stress"):
            return rest.rsplit(" #", 1)[0]
    return None
