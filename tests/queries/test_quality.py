"""Data quality: answers computed again from the rows, in Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.queries.asking import World, same, span
from tests.queries.synthetic import FOLLOWED_ONLY, GAP_WALLET, GROUPS, START, WALLETS, Row


@pytest.mark.parametrize("only_stale", [False, True])
@pytest.mark.parametrize("choice", [{}, {"wallet": WALLETS[2]}, {"group": "desk"}], ids=str)
def test_oracle_staleness(world: World, choice: dict[str, str], only_stale: bool) -> None:
    """Ages at the block that the price was read at, or of its asset's chain; no heartbeat is not stale."""
    chosen = world.latest(**choice)
    blocks = {(b["snapshot_id"], b["chain_id"]): b["block_time"] for b in world.data.of("snapshot_block")}
    used: dict[tuple[str, str], float] = defaultdict(float)
    for p in world.data.of("position", chosen):
        used[p["snapshot_id"], p["asset_id"]] += abs(float(p["value_usd"] or 0))
        if p.get("index_asset_id"):
            mark = float(world.price(p["snapshot_id"], p["index_asset_id"]))
            used[p["snapshot_id"], p["index_asset_id"]] += abs(p["size_raw"]) / 1e18 * mark
    groups = defaultdict(list)
    for q in world.data.of("price", chosen):
        groups[q["asset_id"], q["quoted_asset_id"], q["origin"]].append(q)
    rows: list[Row] = []
    for (asset, quoted, origin), prices in groups.items():
        ages, overdue = [], []
        for q in prices:
            chain = q["chain_id"]
            if chain is None and quoted.startswith("eip155"):
                chain = int(quoted.split("/")[0].removeprefix("eip155:"))
            at = chosen[q["snapshot_id"]].as_of if chain is None else blocks[q["snapshot_id"], chain]
            if q["updated_at"] is not None:
                ages.append(int((at - q["updated_at"]).total_seconds()))
                if q["heartbeat_s"] is not None:
                    overdue.append(max(0, ages[-1] - q["heartbeat_s"]))
        late = max(overdue, default=None)
        rows.append(
            {
                "asset_id": asset,
                "quoted_asset_id": quoted,
                "origin": origin,
                "age_s": max(ages, default=None),
                "heartbeat_s": max((q["heartbeat_s"] for q in prices if q["heartbeat_s"]), default=None),
                "overdue_s": late,
                "stale": bool(late),
                "wallets": len(prices),
                "used_usd": sum(used[q["snapshot_id"], asset] for q in prices),
                **span([chosen[q["snapshot_id"]] for q in prices]),
            }
        )
    rows = [row for row in rows if row["stale"] or not only_stale]
    rows.sort(
        key=lambda r: (
            r["overdue_s"] is None,
            -(r["overdue_s"] or 0),
            -r["used_usd"],
            r["asset_id"],
            r["origin"],
        )
    )
    same(world.ask("oracle_staleness", only_stale=str(only_stale).lower(), **choice), rows)


@pytest.mark.parametrize("over", [0.0, 0.025])
@pytest.mark.parametrize("choice", [{}, {"wallet": WALLETS[2]}, {"group": "desk"}], ids=str)
def test_oracle_disagreement(world: World, choice: dict[str, str], over: float) -> None:
    """The furthest word of each other source, beside the price that counts there."""
    chosen = world.latest(**choice)
    held: dict[tuple[str, str], float] = defaultdict(float)
    for p in world.data.of("position", chosen):
        held[p["snapshot_id"], p["asset_id"]] += abs(float(p["value_usd"] or 0))
    sources = world.data.of("price_source", chosen)
    marks = {(s["snapshot_id"], s["asset_id"]): s for s in sources if s["is_mark"]}
    groups = defaultdict(list)
    for source in sources:
        if not source["is_mark"]:
            groups[source["asset_id"], source["origin"], source["chain_id"]].append(source)
    rows: list[Row] = []
    for (asset, origin, chain), said in groups.items():
        furthest = max(said, key=lambda s: abs(s["deviation"]))
        mine = [marks[s["snapshot_id"], asset] for s in said]
        rows.append(
            {
                "asset_id": asset,
                "origin": origin,
                "chain_id": chain,
                "deviation": furthest["deviation"],
                "price_usd": furthest["price_usd"],
                "mark_usd": marks[furthest["snapshot_id"], asset]["price_usd"],
                "mark_origin": min(m["origin"] for m in mine),
                "overdue_s": max(s["overdue_s"] for s in said),
                "mark_overdue_s": max(m["overdue_s"] for m in mine),
                "wallets": len(said),
                "value_usd": sum(held[s["snapshot_id"], asset] for s in said),
                **span([chosen[s["snapshot_id"]] for s in said]),
            }
        )
    rows = [row for row in rows if abs(row["deviation"]) >= over]
    rows.sort(key=lambda r: (-abs(r["deviation"]), -r["value_usd"], r["asset_id"], r["origin"]))
    assert rows
    same(world.ask("oracle_disagreement", over=str(over), **choice), rows)


UNTIL = START + timedelta(days=10)


def findings(world: World, *, until: datetime, max_gap_s: int) -> list[Row]:
    """Everything that is wrong up to a moment, of all wallets."""
    rows: list[Row] = []

    def add(finding: str, wallet: str | None, start: datetime, end: datetime, **more: object) -> None:
        row: Row = {"finding": finding, "wallet": wallet, "job": None, "from_time": start, "to_time": end}
        row |= {"seconds": int((end - start).total_seconds())}
        rows.append(row | {"snapshot_id": None, "reads_failed": None, "reason": None} | more)

    usable = defaultdict(list)
    for s in sorted(world.data.of("snapshot"), key=lambda s: s["as_of"]):
        if s["status"] in ("complete", "partial"):
            usable[s["wallet"]].append(s["as_of"])
        if s["status"] != "complete":
            failed = [r for r in world.data.of("read_status", [s["snapshot_id"]]) if r["status"] == "error"]
            codes = ", ".join(sorted({r["error_code"] for r in failed})) or None
            more = {"snapshot_id": s["snapshot_id"], "reads_failed": s["reads_failed"], "reason": codes}
            add(s["status"], s["wallet"], s["as_of"], s["as_of"], **more)
    for wallet, times in usable.items():
        for start, end in pairwise([*times, until]):
            if (end - start).total_seconds() > max_gap_s:
                add("gap", wallet, start, end)
    for w in world.data.of("wallet"):
        if w["address"] not in usable:
            add("never", w["address"], w["added_at"], until)
    for r in world.data.of("schedule_run"):
        if r["outcome"] in ("missed", "failed"):
            add(f"slot_{r['outcome']}", None, r["due_at"], r["due_at"], job=r["job"], reason=r["reason"])
    return rows


def in_order(rows: list[Row]) -> list[Row]:
    """The newest first, as the query has them."""
    return sorted(rows, key=lambda r: (-r["from_time"].timestamp(), r["finding"], r["wallet"] or "~"))


def test_snapshot_gaps_and_partials(world: World) -> None:
    """Gaps, wallets never read, incomplete and orphaned snapshots, slots that were not taken."""
    expected = findings(world, until=UNTIL, max_gap_s=90_000)
    found = world.ask("snapshot_gaps_and_partials", until=UNTIL.isoformat())
    same(found, in_order(expected))
    kinds = {row["finding"] for row in found}
    assert kinds == {"gap", "never", "partial", "failed", "orphaned", "slot_missed", "slot_failed"}
    inner = [row for row in found if row["wallet"] == GAP_WALLET and row["to_time"] != UNTIL]
    assert [row["seconds"] for row in inner] == [3 * 86_400] * 3
    assert FOLLOWED_ONLY in {row["wallet"] for row in found if row["finding"] == "never"}


def test_gaps_of_some_wallets_and_times(world: World) -> None:
    """A group has its own slots; a wallet has none; a window cuts off what ended before it."""
    everything = findings(world, until=UNTIL, max_gap_s=4_000)
    given = {"until": UNTIL.isoformat(), "max_gap_s": "4000"}
    desk = [r for r in everything if r["wallet"] in GROUPS["desk"] or r["wallet"] is None]
    same(world.ask("snapshot_gaps_and_partials", group="@desk", **given), in_order(desk))
    fund = [r for r in everything if r["wallet"] in GROUPS["fund"]]
    same(world.ask("snapshot_gaps_and_partials", group="fund", **given), in_order(fund))
    one = [r for r in everything if r["wallet"] == WALLETS[3]]
    same(world.ask("snapshot_gaps_and_partials", wallet=WALLETS[3], **given), in_order(one))
    since = START + timedelta(hours=13)
    late = [r for r in everything if r["to_time"] >= since]
    same(world.ask("snapshot_gaps_and_partials", since=since.isoformat(), **given), in_order(late))


def test_a_gap_lasts_until_now(world: World) -> None:
    """Without an end the clock of this machine is it, in UTC."""
    before = datetime.now(UTC).replace(tzinfo=None)
    found = world.ask("snapshot_gaps_and_partials", wallet=WALLETS[0])
    after = datetime.now(UTC).replace(tzinfo=None)
    [open_end] = [row for row in found if row["finding"] == "gap"]
    assert before <= open_end["to_time"] <= after
