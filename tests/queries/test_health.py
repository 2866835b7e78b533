"""Health: answers computed again from the rows, in Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.queries.asking import World, moment, same, total
from tests.queries.synthetic import EMPTY_WALLET, GROUPS, START, WALLETS, Row

CHOICES: list[dict[str, str]] = [{}, {"wallet": WALLETS[2]}, {"group": "desk"}]
EVERY_CHOICE = pytest.mark.parametrize("choice", CHOICES, ids=str)


def last(value: float | None) -> tuple[bool, float]:
    """A key that sorts None last."""
    return value is None, value or 0.0


def points(world: World, risk: Row) -> list[Row]:
    """The liquidation prices of an account."""
    key = (risk["snapshot_id"], risk["account_id"])
    return [p for p in world.data.of("liquidation_point") if (p["snapshot_id"], p["account_id"]) == key]


@pytest.mark.parametrize(
    "window", [{}, {"since": "2026-11-01T06:00:00Z", "until": "2026-11-01T13:01:00+01:00"}]
)
@EVERY_CHOICE
def test_health_history(world: World, choice: dict[str, str], window: dict[str, str]) -> None:
    """Every usable snapshot; the change is since the one before, also where that lies before the window."""
    results = {r["snapshot_id"]: r for r in world.data.of("risk_result")}
    rows: list[Row] = []
    before: dict[str, float | None] = {}
    for s in sorted(world.data.of("snapshot"), key=lambda s: (s["wallet"], s["as_of"])):
        wallet = s["wallet"]
        chosen = choice.get("wallet", wallet) == wallet and wallet in GROUPS.get(
            choice.get("group", ""), WALLETS
        )
        if s["status"] not in ("complete", "partial") or not chosen:
            continue
        r = results[s["snapshot_id"]]
        former, before[wallet] = before.get(wallet), r["score"]
        names = (
            "band",
            "verdict",
            "unified_band",
            "weakest_band",
            "kappa",
            "kappa_infinite",
            "multiple_native",
        )
        more = (
            "multiple_native_infinite",
            "equity_usd",
            "requirement_usd",
            "weakest_account",
            "framework_version",
        )
        rows.append(
            {
                "wallet": wallet,
                "as_of": s["as_of"],
                "score": r["score"],
                "score_change": None if None in (former, r["score"]) else r["score"] - (former or 0.0),
                **{name: r[name] for name in names + more},
                "snapshot_id": s["snapshot_id"],
                "partial": s["status"] == "partial",
            }
        )
    if window:
        first, end = START + timedelta(hours=6), START + timedelta(hours=12, minutes=1)
        rows = [row for row in rows if first <= row["as_of"] <= end]
        assert rows
    same(world.ask("health_history", **choice, **window), rows)


@EVERY_CHOICE
def test_native_vs_model_health(world: World, choice: dict[str, str]) -> None:
    """Accounts that have a test of their own; a difference beyond the tolerance is flagged."""
    chosen = world.latest(**choice)
    rows = []
    for v in world.data.of("account_risk", chosen):
        a = world.account(v)
        if a["rule_family"] is None:
            continue
        rows.append(
            {
                "wallet": chosen[v["snapshot_id"]].wallet,
                "protocol": a["protocol"],
                "chain_id": a["chain_id"],
                "account_id": v["account_id"],
                "native_health": v["native_health"],
                "reported_health": v["reported_health"],
                "check_bps": v["check_bps"],
                "differs": v["check_bps"] is not None and v["check_bps"] > 5,
                "liquidatable": v["liquidatable"],
                "reported_liquidatable": a["reported_liquidatable"],
                "equity_usd": v["equity_usd"],
                "requirement_usd": v["requirement_usd"],
                "model_ratio": v["equity_usd"] / v["requirement_usd"],
                "survives_stresses": v["lam_native"],
                "oracle_blind": v["oracle_blind"],
                **moment(chosen[v["snapshot_id"]]),
            }
        )
    rows.sort(key=lambda r: (last(r["native_health"]), r["account_id"]))
    same(world.ask("native_vs_model_health", tolerance_bps="5", **choice), rows)
    if not choice:
        assert {row["differs"] for row in rows} == {True, False}


@EVERY_CHOICE
def test_binding_account(world: World, choice: dict[str, str]) -> None:
    """The weakest account with its nearest price; a wallet without any has a row without account."""
    chosen = world.latest(**choice)
    risks = {(v["snapshot_id"], v["account_id"]): v for v in world.data.of("account_risk", chosen)}
    rows = []
    for r in world.data.of("risk_result", chosen):
        v = risks.get((r["snapshot_id"], r["weakest_account"]))
        a = world.account(v) if v else {}
        near = min(points(world, v), key=lambda p: abs(p["distance"]), default={}) if v else {}
        v = v or {}
        rows.append(
            {
                "wallet": chosen[r["snapshot_id"]].wallet,
                **{name: r[name] for name in ("band", "unified_band", "weakest_band", "kappa")},
                "protocol": a.get("protocol"),
                "chain_id": a.get("chain_id"),
                "account_id": r["weakest_account"],
                "native_health": v.get("native_health"),
                "liquidatable": v.get("liquidatable"),
                "survives_stresses": v.get("lam_native"),
                "binding_scenario": v.get("binding_ray"),
                **{name: near.get(name) for name in ("underlying", "price_usd", "distance")},
                **moment(chosen[r["snapshot_id"]]),
            }
        )

    def key(row: Row) -> tuple[Any, ...]:
        rank = {True: 0, False: 1, None: 2}[row["liquidatable"]]
        return rank, last(row["survives_stresses"]), row["wallet"]

    same(world.ask("binding_account", **choice), sorted(rows, key=key))
    if not choice:
        assert {row["wallet"] for row in rows if row["account_id"] is None} == {EMPTY_WALLET}


@pytest.mark.parametrize("within", [None, 0.15])
@EVERY_CHOICE
def test_distance_to_liquidation(world: World, choice: dict[str, str], within: float | None) -> None:
    """The nearest price on each side; what can be liquidated now is near however far its prices are."""
    chosen = world.latest(**choice)
    rows: list[tuple[Any, Row]] = []
    for v in world.data.of("account_risk", chosen):
        unjudged = v["native_health"] is None and v["reported_health"] is not None
        if v["native_health"] is None and not unjudged:
            continue
        mine = points(world, v)
        sides = {
            side: min(
                (p for p in mine if p["direction"] == side), key=lambda p: abs(p["distance"]), default={}
            )
            for side in ("down", "up")
        }
        nearest = min((abs(p["distance"]) for p in mine), default=None)
        if within is not None and not v["liquidatable"] and (nearest is None or nearest > within):
            continue
        a = world.account(v)
        row = {
            "wallet": chosen[v["snapshot_id"]].wallet,
            "protocol": a["protocol"],
            "chain_id": a["chain_id"],
            "account_id": v["account_id"],
            "native_health": v["native_health"],
            "reported_health": v["reported_health"],
            "unjudged": unjudged,
            "liquidatable": v["liquidatable"],
            "survives_stresses": v["lam_native"],
        }
        for side, p in sides.items():
            row |= {
                side: p.get("distance"),
                f"{side}_underlying": p.get("underlying"),
                f"{side}_price_usd": p.get("price_usd"),
            }
        row |= moment(chosen[v["snapshot_id"]])
        rows.append(((not v["liquidatable"], last(nearest), v["account_id"]), row))
    given = choice | ({} if within is None else {"within": str(within)})
    found = world.ask("distance_to_liquidation", **given)
    same(found, [row for _, row in sorted(rows, key=lambda r: r[0])])
    if not choice:
        assert {row["liquidatable"] for row in found if row["unjudged"]} == (
            {True, False} if within is None else {True}
        )


@EVERY_CHOICE
def test_siloed_vs_unified_requirement(world: World, choice: dict[str, str]) -> None:
    """What netting saves; no share where nothing is required."""
    chosen = world.latest(**choice)
    rows = []
    for r in world.data.of("risk_result", chosen):
        siloed, unified = r["isolated_requirement_usd"], r["requirement_usd"]
        rows.append(
            {
                "wallet": chosen[r["snapshot_id"]].wallet,
                "equity_usd": r["equity_usd"],
                "siloed_usd": siloed,
                "unified_usd": unified,
                "saved_usd": siloed - unified,
                "saved_share": (siloed - unified) / siloed if siloed else None,
                **{n: r[n] for n in ("native_headroom_usd", "common_haircuts_usd", "excess_usd")},
                **moment(chosen[r["snapshot_id"]]),
            }
        )
    rows.sort(key=lambda r: (-r["saved_usd"], r["wallet"]))
    found = world.ask("siloed_vs_unified_requirement", **choice)
    same(found, rows)
    assert all(row["saved_share"] is None or 0 <= row["saved_share"] <= 1 for row in found)
    if not choice:
        assert any(row["saved_share"] is None for row in found)


@EVERY_CHOICE
def test_stress_matrix(world: World, choice: dict[str, str]) -> None:
    """Only the worst scenarios, not the binding one; the parts of a loss add up to it."""
    chosen = world.latest(**choice)
    rows = [
        {
            "wallet": chosen[s["snapshot_id"]].wallet,
            "rank": s["ordinal"] + 1,
            "scenario": s["name"],
            "level": s["level"],
            "wallet_loss_usd": s["loss_usd"],
            "protocol": world.account(loss)["protocol"],
            "chain_id": world.account(loss)["chain_id"],
            "account_id": loss["account_id"],
            "loss_usd": loss["loss_usd"],
            **moment(chosen[s["snapshot_id"]]),
        }
        for s in world.data.of("scenario_loss", chosen)
        for loss in world.data.of("scenario_account_loss", [s["snapshot_id"]])
        if s["role"] == loss["role"] == "worst" and s["ordinal"] == loss["scenario_ordinal"] < 2
    ]
    rows.sort(key=lambda r: (r["wallet"], r["rank"], -r["loss_usd"]))
    found = world.ask("stress_matrix", top="2", **choice)
    same(found, rows)
    sums: dict[tuple[str, int], float] = defaultdict(float)
    for row in found:
        sums[row["wallet"], row["rank"]] += row["loss_usd"]
    assert all(sums[r["wallet"], r["rank"]] == pytest.approx(r["wallet_loss_usd"]) for r in found)


@EVERY_CHOICE
def test_wallet_fragility_ranking(world: World, choice: dict[str, str]) -> None:
    """The lesser of both multiples; infinite is last, and a wallet without positions has no rank."""
    chosen = world.latest(**choice)
    labels = {w["address"]: w["label"] for w in world.data.of("wallet")}
    rows: list[Row] = []
    for r in world.data.of("risk_result", chosen):
        if r["score"] is None:
            continue
        known = [value for value in (r["multiple_native"], r["kappa"]) if value is not None]
        debts = [p for p in world.data.of("position", [r["snapshot_id"]]) if p["kind"] == "debt"]
        names = ("score", "band", "verdict", "multiple_native", "kappa", "weakest_account", "equity_usd")
        rows.append(
            {
                "rank": 0,
                "wallet": chosen[r["snapshot_id"]].wallet,
                "label": labels.get(chosen[r["snapshot_id"]].wallet),
                "survives_stresses": min(known, default=None),
                **{name: r[name] for name in names},
                "owed_usd": total([p["value_usd"] for p in debts]),
                **moment(chosen[r["snapshot_id"]]),
            }
        )
    keys = [last(row["survives_stresses"]) for row in rows]
    rows = [row | {"rank": 1 + sum(k < key for k in keys)} for row, key in zip(rows, keys, strict=True)]
    rows.sort(key=lambda r: (r["rank"], r["score"], r["wallet"]))
    found = world.ask("wallet_fragility_ranking", **choice)
    same(found, rows)
    assert all(row["owed_usd"] <= Decimal(0) for row in found)
    if not choice:
        assert EMPTY_WALLET not in {row["wallet"] for row in found}


@EVERY_CHOICE
def test_carry_net_apr(world: World, choice: dict[str, str]) -> None:
    """Rates by value; what has no rate is told apart and in none."""
    chosen = world.latest(**choice)
    held: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for p in world.data.of("position", chosen):
        if p["kind"] in ("supply", "debt") and world.account(p)["kind"] == "lending":
            held[p["snapshot_id"], p["account_id"]].append(p)
    rows = []
    for (snapshot, account), positions in held.items():
        a, at = world.account(positions[0]), chosen[snapshot]
        sides = {kind: [p for p in positions if p["kind"] == kind] for kind in ("supply", "debt")}
        rated = {kind: [p for p in side if p["apr"] is not None] for kind, side in sides.items()}
        paid = {kind: sum(float(p["value_usd"]) * p["apr"] for p in side) for kind, side in rated.items()}
        apr = {
            kind: paid[kind] / float(sum(p["value_usd"] for p in side)) if side else None
            for kind, side in rated.items()
        }
        supplied, owed = (sum((p["value_usd"] for p in sides[k]), Decimal(0)) for k in ("supply", "debt"))
        interest = sum(paid.values())
        rows.append(
            {
                "wallet": at.wallet,
                "protocol": a["protocol"],
                "chain_id": a["chain_id"],
                "account_id": account,
                "supplied_usd": supplied,
                "owed_usd": owed,
                "supply_apr": apr["supply"],
                "borrow_apr": apr["debt"],
                "interest_usd_year": interest,
                "net_apr": interest / float(supplied + owed) if supplied + owed > 0 else None,
                "unknown_usd": sum((abs(p["value_usd"]) for p in positions if p["apr"] is None), Decimal(0)),
                **moment(at),
            }
        )
    rows.sort(key=lambda r: (r["interest_usd_year"], r["account_id"]))
    same(world.ask("carry_net_apr", **choice), rows)
    if not choice:
        assert any(row["unknown_usd"] for row in rows)
        assert any(row["net_apr"] is None for row in rows)


@pytest.mark.parametrize("only", [{}, {"method": "value_at_risk"}], ids=str)
@EVERY_CHOICE
def test_requirement_by_method(world: World, choice: dict[str, str], only: dict[str, str]) -> None:
    """Every method in its order, and what equity leaves of each."""
    chosen = world.latest(**choice)
    equity = {r["snapshot_id"]: r["equity_usd"] for r in world.data.of("risk_result", chosen)}
    asked = [
        m for m in world.data.of("margin_comparison", chosen) if only.get("method") in (None, m["method"])
    ]
    asked.sort(key=lambda m: (chosen[m["snapshot_id"]].wallet, m["ordinal"]))
    rows = [
        {
            "wallet": chosen[m["snapshot_id"]].wallet,
            **{name: m[name] for name in ("method", "variant", "requirement_usd", "capital_efficiency")},
            "equity_usd": equity[m["snapshot_id"]],
            "left_usd": equity[m["snapshot_id"]] - m["requirement_usd"],
            **moment(chosen[m["snapshot_id"]]),
        }
        for m in asked
    ]
    same(world.ask("requirement_by_method", **choice, **only), rows)
    if not choice and not only:
        asks_nothing = {m["method"] for m in asked if m["capital_efficiency"] is None}
        assert asks_nothing == {"span", "ours"}
        assert EMPTY_WALLET not in {row["wallet"] for row in rows}
