"""A round of a table's borrowers within a cascade: a step for each label."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from aggregator.model.cascades import CascadeStep, Refusal
from aggregator.planning.bearers import SUPPLIERS
from aggregator.planning.borrowers import sweep
from aggregator.planning.liquidators import NO_GAIN
from aggregator.planning.state import State

BORROWERS = "borrowers"
"""What accounts of a table are called in steps, with their label."""

UNKNOWN_BEARERS = (
    "what reserves would pay of its bad debt, and the wallet's own share of it, is not known, and not counted"
)


def swept(state: State, number: int, lag: Callable[[str], int]) -> list[Mapping[str, float]]:
    """The round of the borrowers of a table: a step for each label; what was sold by each.

    `lag` is how late the oracle of a label is.
    """
    if state.borrowers is None:
        return []
    loans = state.borrowers
    oracles = np.stack([loans.prices(state.oracle(lag(label))) for label in loans.labels])
    done = sweep(loans, oracles, loans.prices(state.market))
    state.borrowers, sums = done.after, state.sums
    spots = state.spots(state.market)
    for i, label in enumerate(done.after.labels):
        if not done.count[i]:
            continue
        seized, repaid, bad = (float(v[i]) for v in (done.seized_usd, done.repaid_usd, done.bad_debt_usd))
        sold = done.sold_usd.get(i, {})
        state.steps.append(
            CascadeStep(
                round=number,
                account_id=f"{BORROWERS}:{label}",
                label=label,
                prices_usd={name: spots[name] for name in sorted(sold) if name in spots},
                health=None,
                repaid=(),
                seized=(),
                fees=(),
                returned=(),
                bad_debt=(),
                closed=(),
                penalty_usd=seized - repaid,
                bad_debt_usd=bad,
                borne=((SUPPLIERS, bad),) if bad else (),
                sold_usd=sold,
                toxic=bool(done.toxic[i]),
                liquidated_usd=seized,
                accounts=int(done.count[i]),
            )
        )
        sums.bonus += seized - repaid
        sums.bad_debt += bad
        sums.liquidated += seized
        if bad:
            state.told[f"{label}: {UNKNOWN_BEARERS}"] = None
        if done.toxic[i]:
            state.toxic[f"{BORROWERS}:{label}"] = None
    if done.idle:
        what = f"{done.idle:,} of the table fail, and {NO_GAIN}"
        state.refusals[BORROWERS] = Refusal(BORROWERS, BORROWERS, what)
    return [done.sold_usd.get(i, {}) for i in range(len(done.count)) if done.count[i]]
