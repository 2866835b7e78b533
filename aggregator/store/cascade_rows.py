"""A cascade and a ladder as studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aggregator.model.cascades import Cascade, CascadeStep, Rung
from aggregator.store.cascade_tables import (
    CascadeAmountRow,
    CascadeLossRow,
    CascadeRow,
    CascadeStepRow,
    LadderRow,
    LadderRungRow,
)
from aggregator.store.derived import dollars
from aggregator.store.study_rows import Study, Values, columns_of

TOTALS = (
    "value_before_usd",
    "value_after_usd",
    "liquidated_usd",
    "penalties_usd",
    "fees_usd",
    "impact_usd",
    "path_usd",
    "bad_debt_usd",
    "own_share_usd",
    "own_cost_usd",
)
"""Columns of `cascade` that are fields of a Cascade, in USD."""


def cascade_study(found: Cascade, inputs: Mapping[str, Any]) -> Study:
    """A cascade with what was asked for; raises ValueError on a number that can't be stored."""
    values = {
        "scenario": found.scenario,
        "converged": found.converged,
        "rounds": found.rounds,
        "liquidations": sum(step.accounts for step in found.steps),
        **{name: dollars(getattr(found, name)) for name in TOTALS},
        "start_prices_usd": dict(found.start_prices_usd),
        "final_prices_usd": dict(found.final_prices_usd),
        "toxic": list(found.toxic),
        "refusals": [
            {"account_id": one.account_id, "label": one.label, "reason": one.reason} for one in found.refusals
        ],
        "told": list(found.told),
    }
    steps = [_step(i, step) for i, step in enumerate(found.steps)]
    moved = [row for i, step in enumerate(found.steps) for row in _amounts(i, step)]
    losses = [
        {"step": i, "ordinal": place, "bearer": bearer, "loss_usd": dollars(usd)}
        for i, step in enumerate(found.steps)
        for place, (bearer, usd) in enumerate(step.borne)
    ]
    return Study(
        CascadeRow,
        inputs,
        values,
        {
            CascadeStepRow: columns_of(CascadeRow, CascadeStepRow, steps),
            CascadeAmountRow: columns_of(CascadeRow, CascadeAmountRow, moved),
            CascadeLossRow: columns_of(CascadeRow, CascadeLossRow, losses),
        },
    )


def _step(ordinal: int, step: CascadeStep) -> Values:
    offered = step.offered
    return {
        "ordinal": ordinal,
        "round": step.round,
        "account_id": step.account_id,
        "label": step.label,
        "accounts": step.accounts,
        "native_health": step.health,
        "prices_usd": dict(step.prices_usd),
        "judged_at": {asset: str(price) for asset, price in step.judged_at.items()},
        "penalty_usd": dollars(step.penalty_usd),
        "liquidated_usd": dollars(step.liquidated_usd),
        "bad_debt_usd": dollars(step.bad_debt_usd),
        "sold_usd": dict(step.sold_usd),
        "toxic": step.toxic,
        "offered_asset_id": None if offered is None else offered.debt.asset,
        "offered_raw": None if offered is None else offered.debt.raw,
        "offered_for": None if offered is None else offered.collateral,
    }


def _amounts(ordinal: int, step: CascadeStep) -> Iterator[Values]:
    roles = {
        "repaid": step.repaid,
        "seized": step.seized,
        "fee": step.fees,
        "returned": step.returned,
        "bad_debt": step.bad_debt,
    }
    moved = {role: [(one.asset, one.raw) for one in found] for role, found in roles.items()}
    for role, pairs in {**moved, "closed": step.closed}.items():
        for place, (name, raw) in enumerate(pairs):
            yield {"step": ordinal, "role": role, "ordinal": place, "asset_id": name, "amount_raw": raw}


def ladder_study(rungs: Sequence[Rung], inputs: Mapping[str, Any]) -> Study:
    """A ladder, of no rungs where nothing is liquidated; raises ValueError as `cascade_study`."""
    rows = [
        {
            "ordinal": i,
            "account_id": rung.account_id,
            "underlying": rung.underlying,
            "price_usd": rung.price_usd,
            "distance": rung.distance,
            "liquidated_usd": dollars(rung.liquidated_usd),
            "cost_usd": dollars(rung.cost_usd),
            "follows": list(rung.follows),
        }
        for i, rung in enumerate(rungs)
    ]
    columns = columns_of(LadderRow, LadderRungRow, rows)
    return Study(LadderRow, inputs, {"rungs": len(rows)}, {LadderRungRow: columns})
