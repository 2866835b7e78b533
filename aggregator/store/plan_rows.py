"""A plan as a study: its row, its steps, every account after each, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from aggregator.model.actions import Deposit, Repay, Trade, Withdraw
from aggregator.model.calls import UnsignedCall
from aggregator.model.plans import Cost, Flash, Move, Plan, State, Step, Swap, Transfer
from aggregator.store.derived import dollars
from aggregator.store.plan_tables import PlanAccountRow, PlanRow, PlanShortfallRow, PlanStepRow
from aggregator.store.study_rows import Study, Values, amounts, columns_of
from aggregator.store.values import flagged

BEFORE = -1
"""plan_account.step before the plan."""


def plan_study(plan: Plan, inputs: Mapping[str, Any]) -> Study:
    """A plan with what was asked for; raises ValueError on a number that can't be stored."""
    numbered = list(_numbered(plan.steps))
    steps = [_step(ordinal, bundle, step) for ordinal, bundle, step in numbered]
    outer = [step for step in steps if step["bundle"] is None]
    costs = {name: sum(step[name] for step in outer) + dollars(0.0) for name in _COSTS}
    states = [(BEFORE, plan.before)] + [(i, s.after) for i, _, s in numbered if s.after is not None]
    values = {
        "kind": "repair" if plan.stress is None else "pre_emptive",
        "stress": plan.stress,
        "status": plan.status,
        "floor_health": plan.targets.floor,
        "target_health": plan.targets.health,
        "target_kappa": plan.targets.kappa,
        "steps": len(outer),
        **costs,
        "avoided_usd": None if plan.avoided_usd is None else dollars(plan.avoided_usd),
        "missing_usd": sum((dollars(one.missing_usd) for one in plan.shortfalls), dollars(0.0)),
        "binding_account": plan.binding,
        **_whole("before", plan.before),
        **_whole("after", plan.after),
        "told": list(plan.told),
    }
    accounts = [row for number, state in states for row in _accounts(number, state)]
    missing = [
        {
            "ordinal": i,
            "account_id": one.account_id,
            "missing_usd": dollars(one.missing_usd),
            "needed": one.needed,
        }
        for i, one in enumerate(plan.shortfalls)
    ]
    return Study(
        PlanRow,
        inputs,
        values,
        {
            PlanStepRow: columns_of(PlanRow, PlanStepRow, steps),
            PlanAccountRow: columns_of(PlanRow, PlanAccountRow, accounts),
            PlanShortfallRow: columns_of(PlanRow, PlanShortfallRow, missing),
        },
    )


_COSTS = ("cost_usd", "fees_usd", "slippage_usd", "gas_usd")
_STATE = ("equity_after_usd", "requirement_after_usd", "kappa_after", "kappa_after_infinite", "score_after")
_MOVE: Mapping[str, None] = dict.fromkeys(
    ("market", "size_raw", "least_raw", "least_asset_id", "to_account_id", "fee_raw")
)


def _numbered(steps: tuple[Step, ...]) -> Iterator[tuple[int, int | None, Step]]:
    """Steps with their ordinals, those within a bundle right after it."""
    ordinal = 0
    for step in steps:
        outer = ordinal
        yield ordinal, None, step
        ordinal += 1
        for inner in step.move.steps if isinstance(step.move, Flash) else ():
            yield ordinal, outer, inner
            ordinal += 1


def _step(ordinal: int, bundle: int | None, step: Step) -> Values:
    state: Values = dict.fromkeys(_STATE) if step.after is None else _whole("after", step.after)
    return {
        "ordinal": ordinal,
        "bundle": bundle,
        "account_id": step.account_id,
        "wallet_account_id": step.purse_id,
        "asset_id": None if step.amount is None else step.amount.asset,
        "amount_raw": None if step.amount is None else step.amount.raw,
        "everything": isinstance(step.move, Repay | Withdraw) and step.move.raw is None,
        "asked_raw": step.move.raw if isinstance(step.move, Repay | Deposit | Withdraw) else None,
        **_MOVE,
        **_move(step.move),
        "paid": amounts(step.paid),
        "received": amounts(step.received),
        **_cost(step.cost),
        "sender": step.sender,
        "calls": [_call(one) for one in step.calls],
        "calls_unknown": step.untold,
        **state,
    }


def _move(move: Move) -> Values:
    match move:
        case Repay():
            return {"action": "repay"}
        case Deposit():
            return {"action": "deposit"}
        case Withdraw():
            return {"action": "withdraw"}
        case Trade():
            return {"action": "trade", "market": move.market, "size_raw": move.size_raw}
        case Swap():
            least = {"least_raw": move.least.raw, "least_asset_id": move.least.asset}
            return {"action": "swap", "market": move.market.label, **least}
        case Transfer():
            arrives = {"least_raw": move.arrives.raw, "least_asset_id": move.arrives.asset}
            return {"action": "transfer", "to_account_id": move.to, **arrives}
        case Flash():
            return {"action": "flash", "to_account_id": move.lender, "fee_raw": move.fee.raw}
        case _:
            assert_never(move)


def _cost(cost: Cost) -> Values:
    fees, slippage, gas = dollars(cost.fees_usd), dollars(cost.slippage_usd), dollars(cost.gas_usd)
    return {
        "cost_usd": fees + slippage + gas,
        "fees_usd": fees,
        "slippage_usd": slippage,
        "gas_usd": gas,
    }


def _call(one: UnsignedCall) -> dict[str, Any]:
    return {
        "to": one.to,
        "data": "0x" + one.data.hex(),
        "value": str(one.value),
        "description": one.description,
        "later": one.later,
    }


def _whole(when: str, state: State) -> Values:
    return {
        f"equity_{when}_usd": state.equity_usd,
        f"requirement_{when}_usd": state.requirement_usd,
        **flagged(f"kappa_{when}", state.kappa),
        f"score_{when}": state.score,
    }


def _accounts(step: int, state: State) -> Iterator[Values]:
    for one in state.accounts:
        yield {
            "step": step,
            "account_id": one.account_id,
            "power_usd": one.power_usd,
            "native_requirement_usd": one.requirement_usd,
            "native_health": one.health,
            "liquidatable": one.liquidatable,
            "power_ahead_usd": one.power_ahead_usd,
            "native_requirement_ahead_usd": one.requirement_ahead_usd,
            "native_health_low": one.health_low,
            "native_health_high": one.health_high,
        }
