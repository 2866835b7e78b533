"""Plans, cascades, ladders and calendars: answers computed again from the rows, in Python."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.queries.asking import Snapshot, World, moment, same, total
from tests.queries.synthetic import START, WALLETS, Row

CHOICES: list[dict[str, str]] = [{}, {"wallet": WALLETS[2]}, {"group": "desk"}]
EVERY_CHOICE = pytest.mark.parametrize("choice", CHOICES, ids=str)


def usable(world: World, choice: dict[str, str]) -> dict[str, Snapshot]:
    """Every complete or partial snapshot of the chosen wallets, by id."""
    wallets = {s.wallet for s in world.latest(**choice).values()}
    return {
        row["snapshot_id"]: Snapshot(
            row["snapshot_id"], row["wallet"], row["as_of"], row["status"] == "partial"
        )
        for row in world.data.of("snapshot")
        if row["wallet"] in wallets and row["status"] in ("complete", "partial")
    }


def newest(world: World, table: str, choice: dict[str, str], **only: str) -> list[tuple[Snapshot, Row]]:
    """The rows of the newest usable snapshot of each wallet that has any, in the order of its wallets."""
    snapshots = usable(world, choice)
    found: dict[str, list[tuple[Snapshot, Row]]] = defaultdict(list)
    for row in world.data.of(table, snapshots):
        if all(row[name] == value for name, value in only.items()):
            found[snapshots[row["snapshot_id"]].wallet].append((snapshots[row["snapshot_id"]], row))
    chosen = []
    for _, pairs in sorted(found.items()):
        last = max(at.as_of for at, _ in pairs)
        chosen += [(at, row) for at, row in pairs if at.as_of == last]
    return chosen


def account_of(world: World, row: Row) -> dict[str, Any]:
    """Protocol and chain of a row's account, None where it is none of the wallet's."""
    key = (row["snapshot_id"], row["account_id"])
    found = [a for a in world.data.of("account") if (a["snapshot_id"], a["account_id"]) == key]
    account = found[0] if found else {"protocol": None, "chain_id": None}
    return {"protocol": account["protocol"], "chain_id": account["chain_id"]}


def parts(world: World, table: str, study: Row, name: str) -> list[Row]:
    """The rows of a part of a study."""
    return [r for r in world.data.of(table, [study["snapshot_id"]]) if r[name] == study[name]]


@pytest.mark.parametrize("only", [{}, {"kind": "pre_emptive"}])
@EVERY_CHOICE
def test_plan_steps(world: World, choice: dict[str, str], only: dict[str, str]) -> None:
    """The newest plan of each wallet, which may be older than its newest snapshot; bundles count once."""
    plans: dict[str, tuple[Snapshot, Row]] = {}
    for at, plan in newest(world, "plan", choice, **only):
        if at.wallet not in plans or plan["made_at"] > plans[at.wallet][1]["made_at"]:
            plans[at.wallet] = (at, plan)
    assert choice or any(at.id not in world.latest() for at, _ in plans.values())
    rows = []
    for at, plan in plans.values():
        cumulative = Decimal(0)
        for step in parts(world, "plan_step", plan, "plan_id"):
            if step["bundle"] is None:
                cumulative += step["cost_usd"]
            after = {
                a["account_id"]: a["native_health"]
                for a in parts(world, "plan_account", plan, "plan_id")
                if a["step"] == step["ordinal"]
            }
            known = [health for health in after.values() if health is not None]
            units = [
                (p["symbol"], p["decimals"])
                for p in world.data.of("position", [at.id])
                if p["asset_id"] == step["asset_id"]
            ]
            symbol, decimals = units[0]
            rows.append(
                {
                    "wallet": at.wallet,
                    "kind": plan["kind"],
                    "stress": plan["stress"],
                    "status": plan["status"],
                    "step": step["ordinal"] + 1,
                    "bundle": 3 if step["ordinal"] == 3 else None,
                    "action": step["action"],
                    **account_of(world, step),
                    "account_id": step["account_id"],
                    "market": None,
                    "symbol": symbol,
                    "amount": step["amount_raw"] / 10**decimals,
                    "amount_raw": str(step["amount_raw"]),
                    "size_raw": None,
                    "cost_usd": step["cost_usd"],
                    "cumulative_usd": cumulative,
                    "health_after": after.get(step["account_id"]),
                    "weakest_after": min(known, default=None),
                    "kappa_after": step["kappa_after"],
                    "calls": len(step["calls"]),
                    "calls_unknown": step["calls_unknown"],
                    "plan_id": plan["plan_id"],
                    **moment(at),
                }
            )
    assert rows or choice
    same(world.ask("plan_steps", **choice, **only), rows)


@pytest.mark.parametrize("since", [None, "2026-11-01T12:00:00Z"])
@EVERY_CHOICE
def test_plan_cost_vs_avoided(world: World, choice: dict[str, str], since: str | None) -> None:
    """Every plan of a usable snapshot; what is saved is unknown where what is avoided is."""
    snapshots = usable(world, choice)
    rows = []
    for plan in world.data.of("plan", snapshots):
        at, avoided = snapshots[plan["snapshot_id"]], plan["avoided_usd"]
        if since is not None and at.as_of < START + timedelta(hours=12):
            continue
        named = ("kind", "stress", "status", "steps", "cost_usd", "fees_usd", "slippage_usd", "gas_usd")
        rest = ("missing_usd", "binding_account", "target_health", "target_kappa", "kappa_before")
        row = {
            "wallet": at.wallet,
            **{name: plan[name] for name in named},
            "avoided_usd": avoided,
            "saved_usd": None if avoided is None else avoided - plan["cost_usd"],
            **{name: plan[name] for name in (*rest, "kappa_after", "plan_id")},
            **moment(at),
        }
        rows.append((at.wallet, at.as_of, plan["made_at"], plan["plan_id"], row))
    assert rows or choice
    found = world.ask("plan_cost_vs_avoided", **choice, **({"since": since} if since else {}))
    same(found, [row for *_, row in sorted(rows, key=lambda one: one[:4])])


@pytest.mark.parametrize("only", [{}, {"scenario": "covid"}])
@EVERY_CHOICE
def test_cascade_steps(world: World, choice: dict[str, str], only: dict[str, str]) -> None:
    """Every liquidation of the cascades of the newest snapshot that has any, with exact amounts."""
    rows = []
    for at, cascade in _cascades(world, choice, only):
        amounts: dict[tuple[int, str], list[str]] = defaultdict(list)
        for m in parts(world, "cascade_amount", cascade, "cascade_id"):
            amounts[m["step"], m["role"]].append(f"{m['amount_raw']} {m['asset_id']}")
        for step in parts(world, "cascade_step", cascade, "cascade_id"):
            moved = {
                role: "; ".join(amounts[step["ordinal"], role]) or None
                for role in ("repaid", "seized", "bad_debt")
            }
            rows.append(
                {
                    "wallet": at.wallet,
                    "scenario": cascade["scenario"],
                    "cascade_id": cascade["cascade_id"],
                    "step": step["ordinal"] + 1,
                    "round": step["round"],
                    **account_of(world, step),
                    "account_id": step["account_id"],
                    "label": step["label"],
                    "accounts": 1,
                    "native_health": step["native_health"],
                    "prices_usd": json.dumps(step["prices_usd"]),
                    **moved,
                    "liquidated_usd": step["liquidated_usd"],
                    "penalty_usd": step["penalty_usd"],
                    "bad_debt_usd": step["bad_debt_usd"],
                    "toxic": step["toxic"],
                    "converged": cascade["converged"],
                    **moment(at),
                }
            )
    assert rows or choice
    same(world.ask("cascade_steps", **choice, **only), rows)


@pytest.mark.parametrize("only", [{}, {"scenario": "covid"}])
@EVERY_CHOICE
def test_bad_debt_by_bearer(world: World, choice: dict[str, str], only: dict[str, str]) -> None:
    """What each bears adds up to the cascade's bad debt, to the last digit."""
    rows = []
    for at, cascade in _cascades(world, choice, only):
        borne: dict[str, list[Decimal]] = defaultdict(list)
        for loss in parts(world, "cascade_loss", cascade, "cascade_id"):
            borne[loss["bearer"]].append(loss["loss_usd"])
        assert sum(map(total, borne.values()), Decimal(0)) == cascade["bad_debt_usd"]
        for bearer, losses in sorted(borne.items(), key=lambda one: (-total(one[1]), one[0])):
            rows.append(
                {
                    "wallet": at.wallet,
                    "scenario": cascade["scenario"],
                    "cascade_id": cascade["cascade_id"],
                    "bearer": bearer,
                    "liquidations": len(losses),
                    "loss_usd": total(losses),
                    "share": float(total(losses) / cascade["bad_debt_usd"]),
                    "own_share_usd": cascade["own_share_usd"],
                    "converged": cascade["converged"],
                    **moment(at),
                }
            )
    assert rows or choice
    same(world.ask("bad_debt_by_bearer", **choice, **only), rows)


def _cascades(world: World, choice: dict[str, str], only: dict[str, str]) -> list[tuple[Snapshot, Row]]:
    return sorted(
        newest(world, "cascade", choice, **only),
        key=lambda one: (one[0].wallet, one[1]["scenario"], one[1]["cascade_id"]),
    )


def stored_rungs(world: World, chosen: Iterable[str]) -> Iterator[Row]:
    """The rungs of the newest ladder of each snapshot."""
    for snapshot_id in chosen:
        ladders = sorted(world.data.of("ladder", [snapshot_id]), key=lambda r: r["made_at"])
        for rung in world.data.of("ladder_rung", [snapshot_id]):
            if rung["ladder_id"] == ladders[-1]["ladder_id"]:
                direction = "up" if rung["distance"] > 0 else "down"
                yield {**rung, "direction": direction, "source": "ladder"}


def first_failure(world: World, risk: Row, at: Snapshot) -> tuple[Any, Any, Any, str]:
    """Days, carry, time and source: of the longest calendar, and of interest where it says nothing."""
    days = risk["runway_days"]
    fails_at = None if days is None else at.as_of + timedelta(days=days)
    interest = (days, risk["interest_usd_day"], fails_at, "interest")
    if not world.data.of("calendar", [at.id]):
        return interest
    longest = max(world.data.of("calendar", [at.id]), key=lambda c: c["horizon_days"])

    def mine(table: str) -> list[Row]:
        key = (longest["calendar_id"], risk["account_id"])
        return [r for r in world.data.of(table, [at.id]) if (r["calendar_id"], r["account_id"]) == key]

    [account] = mine("calendar_account")
    events = [e for e in mine("calendar_event") if e["kind"] == "liquidation"]
    if not account["judged"]:
        return interest
    if events:
        carry = account["carry_usd_day"]
        return events[0]["days"], None if carry is None else float(carry), events[0]["event_at"], "calendar"
    return interest if days is not None and days > longest["horizon_days"] else (None, None, None, "calendar")


@pytest.mark.parametrize(
    "only", [{}, {"underlying": "ETH"}, {"underlying": "BTC", "direction": "up"}], ids=str
)
@EVERY_CHOICE
def test_liquidation_ladder(world: World, choice: dict[str, str], only: dict[str, str]) -> None:
    """The nearest price first, for each underlying and direction; what falls adds up."""
    chosen = world.latest(**choice)
    risks = {(v["snapshot_id"], v["account_id"]): v for v in world.data.of("account_risk", chosen)}
    ladders = defaultdict(list)
    points = [*stored_rungs(world, chosen)]
    laddered = {p["snapshot_id"] for p in points}
    assert laddered or choice
    none = {"liquidated_usd": None, "cost_usd": None, "source": "price"}
    of_prices = [p for p in world.data.of("liquidation_point", chosen) if p["snapshot_id"] not in laddered]
    points += [{**p, **none} for p in of_prices]
    for p in points:
        if all(p[name] == value for name, value in only.items()):
            ladders[p["underlying"], p["direction"]].append(p)
    rows = []
    for (underlying, direction), steps in sorted(ladders.items()):
        fallen = 0.0
        for i, p in enumerate(sorted(steps, key=lambda p: abs(p["distance"])), 1):
            owed = risks[p["snapshot_id"], p["account_id"]]["native_requirement_usd"]
            fallen += owed
            rows.append(
                {
                    "underlying": underlying,
                    "direction": direction,
                    "step": i,
                    "price_usd": p["price_usd"],
                    "distance": p["distance"],
                    "wallet": chosen[p["snapshot_id"]].wallet,
                    "protocol": world.account(p)["protocol"],
                    "chain_id": world.account(p)["chain_id"],
                    "account_id": p["account_id"],
                    "requirement_usd": owed,
                    "cumulative_usd": fallen,
                    "liquidated_usd": p["liquidated_usd"],
                    "cost_usd": p["cost_usd"],
                    "source": p["source"],
                    **moment(chosen[p["snapshot_id"]]),
                }
            )
    same(world.ask("liquidation_ladder", **choice, **only), rows)


@pytest.mark.parametrize("within", [None, 900])
@EVERY_CHOICE
def test_time_to_liquidation_by_carry(world: World, choice: dict[str, str], within: int | None) -> None:
    """The first to fail first; accounts that last are not there."""
    chosen = world.latest(**choice)
    rows, sources = [], set()
    for v in world.data.of("account_risk", chosen):
        a, at = world.account(v), chosen[v["snapshot_id"]]
        days, carry, fails_at, source = first_failure(world, v, at)
        if days is None or (within is not None and days > within):
            continue
        sources.add(source)
        rows.append(
            {
                "wallet": at.wallet,
                "protocol": a["protocol"],
                "chain_id": a["chain_id"],
                "account_id": v["account_id"],
                "native_health": v["native_health"],
                "interest_usd_day": carry,
                "runway_days": days,
                "fails_at": fails_at,
                "liquidatable": v["liquidatable"],
                "source": source,
                **moment(at),
            }
        )
    rows.sort(key=lambda r: (r["runway_days"], r["account_id"]))
    assert sources == {"calendar", "interest"} or choice or within
    found = world.ask("time_to_liquidation_by_carry", **choice, **({"within": str(within)} if within else {}))
    for row in (*found, *rows):
        row["fails_at"] = row["fails_at"].replace(microsecond=0)
    same(found, rows)
