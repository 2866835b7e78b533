"""Cascades as parts of a document; docs/schema/plan-liquidation.json describes the shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.envelope import usd
from cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.model.cascades import Cascade, CascadeStep
    from aggregator.model.rules import Amount


def cascade(one: Cascade) -> dict[str, Any]:
    """One cascade."""
    return {
        "scenario": clean(one.scenario, 200),
        "converged": one.converged,
        "rounds": one.rounds,
        "steps": [_step(step) for step in one.steps],
        "refusals": [
            {
                "account_id": refusal.account_id,
                "label": clean(refusal.label, 64),
                "reason": clean(refusal.reason, 300),
            }
            for refusal in one.refusals
        ],
        "toxic": list(one.toxic),
        "start_prices_usd": _dollars(one.start_prices_usd),
        "final_prices_usd": _dollars(one.final_prices_usd),
        "value_before_usd": usd(one.value_before_usd),
        "value_after_usd": usd(one.value_after_usd),
        "liquidated_usd": usd(one.liquidated_usd),
        "penalties_usd": usd(one.penalties_usd),
        "fees_usd": usd(one.fees_usd),
        "impact_usd": usd(one.impact_usd),
        "path_usd": usd(one.path_usd),
        "bad_debt_usd": usd(one.bad_debt_usd),
        "own_share_usd": usd(one.own_share_usd),
        "own_cost_usd": usd(one.own_cost_usd),
        "notes": [clean(sentence, 500) for sentence in one.told],
    }


def _step(step: CascadeStep) -> dict[str, Any]:
    return {
        "round": step.round,
        "account_id": step.account_id,
        "label": clean(step.label, 64),
        "accounts": step.accounts,
        "health": step.health,
        "prices_usd": _dollars(step.prices_usd),
        "repaid": _amounts(step.repaid),
        "seized": _amounts(step.seized),
        "fees": _amounts(step.fees),
        "returned": _amounts(step.returned),
        "bad_debt": _amounts(step.bad_debt),
        "closed": [{"market": clean(name, 96), "size_raw": str(size)} for name, size in step.closed],
        "liquidated_usd": usd(step.liquidated_usd),
        "penalty_usd": usd(step.penalty_usd),
        "bad_debt_usd": usd(step.bad_debt_usd),
        "borne": [{"by": bearer, "usd": usd(value)} for bearer, value in step.borne],
        "sold_usd": _dollars(step.sold_usd),
        "toxic": step.toxic,
    }


def _dollars(values: Mapping[str, float]) -> list[dict[str, str]]:
    return [{"underlying": clean(name, 64), "usd": usd(value)} for name, value in values.items()]


def _amounts(amounts: Sequence[Amount]) -> list[dict[str, str]]:
    return [{"asset_id": amount.asset, "raw": str(amount.raw)} for amount in amounts]
