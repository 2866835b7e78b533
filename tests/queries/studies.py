"""Made-up plans, cascades, ladders and calendars of the made-up snapshots, of dice of their own."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]

ASKED: Row = {"inputs": {}, "inputs_hash": "0" * 64, "rows_hash": "0" * 64}
BEARERS = ("insurance_fund", "pool", "suppliers")
HORIZONS = (30, 365)


def studies(data: Any, snapshot_id: str, as_of: datetime, accounts: list[Row], *, ahead: bool) -> None:
    """Up to two plans and cascades of a snapshot; where `ahead` its ladders and calendars too."""
    if not accounts:
        return
    dice = Random(f"{snapshot_id} studies")
    for i in range(dice.choice((0, 1, 2))):
        _plan(data, dice, {"snapshot_id": snapshot_id, "plan_id": f"plan-{i}"}, as_of, accounts)
    for i in range(dice.choice((0, 1, 2))):
        _cascade(data, dice, {"snapshot_id": snapshot_id, "cascade_id": f"cascade-{i}"}, as_of, accounts)
    if ahead:
        for i, horizon in enumerate(HORIZONS):
            _ladder(data, dice, {"snapshot_id": snapshot_id, "ladder_id": f"ladder-{i}"}, as_of, accounts)
            ids = {"snapshot_id": snapshot_id, "calendar_id": f"calendar-{i}"}
            _calendar(data, dice, ids, as_of, accounts, horizon)


def _usd(dice: Random, most: float = 900.0) -> Decimal:
    return Decimal(dice.randrange(int(most * 10**8))).scaleb(-8)


def _made(dice: Random, as_of: datetime) -> datetime:
    return as_of + timedelta(seconds=dice.randrange(10_000))


def _cost(dice: Random) -> Row:
    fees, slippage, gas = (_usd(dice) for _ in range(3))
    return {
        "cost_usd": fees + slippage + gas,
        "fees_usd": fees,
        "slippage_usd": slippage,
        "gas_usd": gas,
    }


def _plan(data: Any, dice: Random, ids: Row, as_of: datetime, accounts: list[Row]) -> None:
    stress = dice.choice((None, "covid"))
    safe = dice.random() < 0.2
    data.add(
        "plan",
        **ids,
        made_at=_made(dice, as_of),
        kind="repair" if stress is None else "pre_emptive",
        stress=stress,
        status="safe" if safe else dice.choice(("feasible", "infeasible")),
        floor_health=1.02,
        target_health=1.25,
        target_kappa=dice.uniform(1, 2),
        steps=0 if safe else 3,
        **_cost(dice),
        avoided_usd=None if stress is None else _usd(dice, 5_000.0),
        missing_usd=_usd(dice),
        binding_account=dice.choice((None, accounts[0]["account_id"])),
        equity_before_usd=1.0,
        equity_after_usd=1.0,
        requirement_before_usd=1.0,
        requirement_after_usd=1.0,
        kappa_before=dice.uniform(0, 2),
        kappa_before_infinite=False,
        kappa_after=None,
        kappa_after_infinite=True,
        told=[],
        **ASKED,
    )
    for ordinal in range(0 if safe else 4):
        account = dice.choice(accounts)
        spot = [p for p in data.of("position", [ids["snapshot_id"]]) if p.get("amount_raw")]
        moved = dice.choice(spot)
        data.add(
            "plan_step",
            **ids,
            ordinal=ordinal,
            bundle=2 if ordinal == 3 else None,
            account_id=account["account_id"],
            wallet_account_id=accounts[0]["account_id"],
            action="flash" if ordinal == 2 else "repay",
            asset_id=moved["asset_id"],
            amount_raw=dice.randrange(2**200),
            everything=False,
            paid=[],
            received=[],
            **_cost(dice),
            sender="0x1",
            calls=[{}] * dice.randrange(3),
            calls_unknown=dice.choice((None, "nobody knows")),
            kappa_after=None if ordinal == 3 else dice.uniform(0, 3),
        )
    for step in range(-1, -1 if safe else 3):
        for account in accounts:
            if account["rule_family"]:
                data.add(
                    "plan_account",
                    **ids,
                    step=step,
                    account_id=account["account_id"],
                    power_usd=1.0,
                    native_requirement_usd=1.0,
                    native_health=None if dice.random() < 0.1 else dice.uniform(1, 3),
                    liquidatable=False,
                )


def _cascade(data: Any, dice: Random, ids: Row, as_of: datetime, accounts: list[Row]) -> None:
    names = ["value_before_usd", "value_after_usd", "liquidated_usd", "penalties_usd", "fees_usd"]
    names += ["impact_usd", "path_usd", "own_share_usd", "own_cost_usd"]
    losses = []
    for ordinal in range(3):
        account_id = dice.choice([*(a["account_id"] for a in accounts), "borrowers: somebody's"])
        data.add(
            "cascade_step",
            **ids,
            ordinal=ordinal,
            round=1 + ordinal // 2,
            account_id=account_id,
            label=f"=label of {account_id}",
            accounts=1,
            native_health=dice.uniform(0.5, 1),
            prices_usd={"ETH": dice.uniform(1_000, 2_000)},
            judged_at={},
            penalty_usd=_usd(dice),
            liquidated_usd=_usd(dice, 9_000.0),
            bad_debt_usd=_usd(dice),
            sold_usd={},
            toxic=dice.random() < 0.2,
        )
        for role, count in (("repaid", 2), ("seized", 1), ("bad_debt", dice.randrange(2))):
            for i in range(count):
                moved = {"asset_id": f"asset {i}", "amount_raw": dice.randrange(2**200)}
                data.add("cascade_amount", **ids, step=ordinal, role=role, ordinal=i, **moved)
        for i, bearer in enumerate(dice.sample(BEARERS, k=2)):
            losses.append(_usd(dice))
            data.add("cascade_loss", **ids, step=ordinal, ordinal=i, bearer=bearer, loss_usd=losses[-1])
    data.add(
        "cascade",
        **ids,
        made_at=_made(dice, as_of),
        scenario=dice.choice(("covid", "ETH -30%")),
        converged=dice.random() < 0.8,
        rounds=2,
        liquidations=3,
        **{name: _usd(dice) for name in names},
        bad_debt_usd=sum(losses, Decimal(0)),
        start_prices_usd={},
        final_prices_usd={},
        toxic=[],
        refusals=[],
        told=[],
        **ASKED,
    )


def _ladder(data: Any, dice: Random, ids: Row, as_of: datetime, accounts: list[Row]) -> None:
    tested = [account for account in accounts if account["rule_family"]]
    data.add("ladder", **ids, made_at=_made(dice, as_of), rungs=2 * len(tested), **ASKED)
    for i, account in enumerate([*tested, *tested]):
        distance = dice.uniform(-0.9, 0.9)
        data.add(
            "ladder_rung",
            **ids,
            ordinal=i,
            account_id=account["account_id"],
            underlying=("ETH", "BTC")[i // len(tested)],
            price_usd=2_000.0 * (1 + distance),
            distance=distance,
            liquidated_usd=_usd(dice, 9_000.0),
            cost_usd=_usd(dice),
            follows=[],
        )


def _calendar(data: Any, dice: Random, ids: Row, as_of: datetime, accounts: list[Row], horizon: int) -> None:
    events = []
    for i, account in enumerate(accounts):
        judged = dice.choice((True, True, False)) if account["rule_family"] else None
        data.add(
            "calendar_account",
            **ids,
            ordinal=i,
            account_id=account["account_id"],
            carry_usd_day=None if dice.random() < 0.2 else _usd(dice, 10.0),
            judged=judged,
        )
        if judged and dice.random() < 0.5:
            days = dice.randrange(horizon * 24) / 24
            for kind, at in (("health", days / 2), ("liquidation", days)):
                common = {"days": at, "event_at": as_of + timedelta(days=at), "kind": kind}
                common["threshold"] = 1.1 if kind == "health" else None
                events.append({"account_id": account["account_id"], **common})
    for i, event in enumerate(sorted(events, key=lambda event: event["days"])):
        data.add("calendar_event", **ids, ordinal=i, **event)
    data.add("calendar", **ids, made_at=_made(dice, as_of), horizon_days=horizon, events=len(events), **ASKED)
