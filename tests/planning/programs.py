"""Made-up programs of the shape that plans have: accounts with debts, one purse, scenarios over all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from aggregator.planning.program import Constraint, Program, Segment, Variable

KINDS = ("repay", "withdraw", "reduce", "deposit", "swap")


def accounts(
    number: int, *, kinds: int = 3, pieces: int = 2, scenarios: int = 6, gas: float = 0.0, seed: int = 1
) -> Program:
    """`number` accounts with `kinds` moves each, whose costs have `pieces` segments; all targets can be
    reached.

    A row for the target of each account, one for the purse that pays and receives, one for each scenario.
    `gas`: fixed costs up to so many USD.
    """
    random = Random(seed)
    variables: list[Variable] = []
    rows: list[Constraint] = []
    purse: dict[str, float] = {}
    effects: dict[str, float] = {}
    needs = 0.0
    for i in range(number):
        need = random.uniform(1_000.0, 50_000.0)
        needs += need
        row: dict[str, float] = {}
        for kind in KINDS[:kinds]:
            name = f"{kind} {i}"
            slope = {"repay": 0.0, "deposit": 0.0}.get(kind, random.uniform(0.0005, 0.004))
            segments = tuple(
                Segment(need * random.uniform(0.3, 0.6), slope * (1.0 + 0.7 * k)) for k in range(pieces - 1)
            )
            segments = (*segments, Segment(4.0 * need, slope * 2.5))
            variables.append(Variable(name, 4.0 * need, segments, random.uniform(0.3, 1.0) * gas))
            row[name] = random.uniform(0.3, 1.3)
            paid = {"repay": -1.0, "deposit": -1.0, "withdraw": 0.997, "swap": 0.99}.get(kind)
            if paid is not None:
                purse[name] = paid
        effects.update(row)
        rows.append(Constraint(f"target {i}", row, need))
    rows.append(Constraint("purse", purse, -0.3 * needs))
    for i in range(scenarios):
        moved = {name: effect * random.uniform(0.5, 1.1) for name, effect in effects.items()}
        rows.append(Constraint(f"scenario {i}", moved, needs * random.uniform(0.6, 0.9)))
    return Program(tuple(variables), tuple(rows))


def price_changes(program: Program, number: int, seed: int = 2) -> Iterator[tuple[Constraint, ...]]:
    """What prices that are up to 2% from where they were make of the constraints, again and again."""
    random = Random(seed)
    for _ in range(number):
        yield tuple(
            replace(
                row,
                coefficients={name: c * random.uniform(0.98, 1.02) for name, c in row.coefficients.items()},
                least=row.least * random.uniform(0.98, 1.02),
            )
            for row in program.constraints
        )
