"""From how much of each candidate to a plan: an order, the certificate of every state, costs and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, takewhile

from aggregator.model.actions import Untold
from aggregator.model.assets import AssetId
from aggregator.model.calls import UnsignedCall
from aggregator.model.plans import Cost, Flash, Plan, State, Status, Step
from aggregator.model.positions import Option, Perp
from aggregator.planning.bundles import bundled
from aggregator.planning.candidates import Candidate, Ordered
from aggregator.planning.certificate import shortfalls, states, unsafe
from aggregator.planning.limits import Charges
from aggregator.planning.ordering import Sequenced, sequence
from aggregator.planning.prices import cost_usd
from aggregator.planning.problem import Problem
from aggregator.planning.program import Solution
from aggregator.planning.sending import sender_of, unsigned
from aggregator.planning.swaps import SwapCandidate
from aggregator.pricing.book import usd
from aggregator.risk.copies import Copy, purse_of

ABOVE_FLOOR = Fraction(1, 10_000)
"""A basis point, to which the health after a step can be told: interest on what came before moves it."""


def in_sequence(
    problem: Problem, start: Copy, candidates: Sequence[Candidate], amounts: Mapping[str, float]
) -> Sequenced:
    """The steps that do these amounts (USD, by candidate), as far as an order is found."""
    raws = {one.name: one.raw(amounts.get(one.name, 0.0)) for one in candidates}
    known, raws = bundled(start, candidates, raws, problem.limits.executors)
    floor = Fraction(str(problem.targets.floor)) * (1 + ABOVE_FLOOR)
    return sequence(start, known, raws, floor=floor, most_steps=problem.limits.most_steps)


def answer(
    problem: Problem,
    start: Copy,
    found: Sequence[Ordered] = (),
    solution: Solution | None = None,
    most_cost_usd: float | None = None,
) -> Plan:
    """The plan of these steps, each certified; none where there is nothing.

    With `most_cost_usd` they end before they cost more than that.
    """
    targets, floor = problem.targets, Fraction(str(problem.targets.floor))
    ordered = _certified(found, floor)
    copies = [start, *(step.after for step in ordered)]
    said = states(copies, families=problem.families, scenarios=problem.scenarios)
    steps = tuple(_step(one, state, problem.charges) for one, state in zip(ordered, said[1:], strict=True))
    if most_cost_usd is not None:
        costs = accumulate(step.cost.usd for step in steps)
        paid = sum(1 for _ in takewhile(lambda cost: cost <= most_cost_usd, costs))
        ordered, steps, copies, said = ordered[:paid], steps[:paid], copies[: paid + 1], said[: paid + 1]
    missing = shortfalls(copies[-1], said[-1], problem)
    status: Status = "infeasible" if missing else "feasible" if steps else "safe"
    return Plan(
        wallet=problem.portfolio.wallet,
        status=status,
        targets=targets,
        before=said[0],
        steps=steps,
        after=said[-1],
        cost_usd=sum(step.cost.usd for step in steps),
        avoided_usd=None,
        shortfalls=missing,
        binding=_binding(solution),
        told=(*_told(ordered, problem.charges), *_unjudged(problem)),
        blocks={chain: block.number for chain, block in problem.portfolio.blocks.items()},
        stress=None if problem.stress is None else problem.stress.name,
    )


def _certified(ordered: Sequence[Ordered], floor: Fraction) -> Sequence[Ordered]:
    """The steps up to the first that the certificate refuses; the order lets none of them through."""
    for i, step in enumerate(ordered):
        if unsafe(step.before, step.after, floor):
            return ordered[:i]
    return ordered


def _step(step: Ordered, state: State | None, charges: Charges) -> Step:
    """One step; without a state it is part of a bundle, whose gas is the bundle's."""
    account = step.before.accounts[step.candidate.account_id]
    lost, fees = cost_usd(step.before, step.after), _fee_usd(step)
    gas = 0.0 if state is None else charges.gas(account.chain)
    calls = unsigned(step) if state is not None else ()
    inner = tuple(_step(part, None, charges) for part in step.done.parts)
    move = step.done.move
    scratch = step.before.fork()
    return Step(
        account_id=account.id,
        purse_id=purse_of(scratch, account).id,
        move=replace(move, steps=inner) if isinstance(move, Flash) else move,
        amount=step.done.amount,
        paid=step.done.paid,
        received=step.done.received,
        cost=Cost(fees, lost - fees, gas),
        after=state,
        sender=sender_of(scratch, account),
        calls=() if isinstance(calls, Untold) else tuple(calls),
        untold=calls.reason if isinstance(calls, Untold) else None,
    )


def _fee_usd(step: Ordered) -> float:
    fee = step.done.fee
    if fee is None:
        return 0.0
    mark = step.before.portfolio.marks[fee.asset]
    return float(fee.raw * usd(mark) / 10 ** _decimals(step, fee.asset))


def _decimals(step: Ordered, asset: AssetId) -> int:
    """Of an asset that a venue takes a fee of: some account has it, or is settled in it."""
    for copy in (step.before, step.after):
        for account in copy.accounts.values():
            for position in account.positions:
                held = position.settlement if isinstance(position, Perp | Option) else position.asset
                if held.id == asset:
                    return held.decimals
    raise ArithmeticError(f"{step.candidate.name} costs a fee in {asset}, which nothing is held in")


def _told(ordered: Sequence[Ordered], charges: Charges) -> tuple[str, ...]:
    told = []
    if any(isinstance(step.candidate, SwapCandidate) for step in ordered):
        share = 100 * charges.slippage
        told.append(f"swaps are counted at {share:.2f}% less than quoted: what comes beyond that stays")
    waits = [call.later for step in ordered for call in _calls(step) if call.later]
    told += [f"{who} must act before the next step" for who in dict.fromkeys(waits)]
    return tuple(told)


def _unjudged(problem: Problem) -> tuple[str, ...]:
    """Accounts whose protocol tells a health, and nobody what it follows from."""
    return tuple(
        f"{account.label} is judged by its protocol alone: no target of it is in the plan"
        for account in problem.portfolio.accounts
        if account.rule is None and account.reported is not None
    )


def _calls(step: Ordered) -> Sequence[UnsignedCall]:
    found = unsigned(step)
    return () if isinstance(found, Untold) else found


def _binding(solution: Solution | None) -> str | None:
    """The account of the constraint that costs most; None where that is the whole's."""
    for name in () if solution is None else solution.binding:
        kind, _, rest = name.partition(" ")
        if kind in ("health", "stress"):
            return str(rest.rsplit(" #", 1)[0])
    return None
