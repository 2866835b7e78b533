"""Whom to follow, and how due slots ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from aggregator.model.units import Address
from aggregator.store.saved import ScheduleRun, WalletEntry
from aggregator.store.warehouse import Warehouse
from tests.store.samples import WALLET, save

OTHER = Address("0x" + "ff" * 20)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)


def test_wallets_are_listed_in_the_order_of_adding(tmp_path: Path) -> None:
    """With label and groups; the groups of a wallet in alphabetical order."""
    warehouse = Warehouse(tmp_path / "w.duckdb")
    assert warehouse.wallets() == []
    assert warehouse.add_wallet(OTHER, added_at=NOON)
    assert warehouse.add_wallet(WALLET, "desk", ["b", "a", "b"], added_at=NOON + timedelta(seconds=1))
    desk = WalletEntry(WALLET, "desk", ("a", "b"), NAIVE + timedelta(seconds=1))
    assert warehouse.wallets() == [WalletEntry(OTHER, None, (), NAIVE), desk]
    assert warehouse.wallets("a") == [desk]
    assert warehouse.wallets("c") == []


def test_adding_again_changes_the_label_and_adds_groups(tmp_path: Path) -> None:
    """Without a label the former one stays, and the time of adding always does."""
    warehouse = Warehouse(tmp_path / "w.duckdb")
    warehouse.add_wallet(WALLET, "desk", ["a"], added_at=NOON)
    assert not warehouse.add_wallet(WALLET, groups=["b"])
    assert warehouse.wallets() == [WalletEntry(WALLET, "desk", ("a", "b"), NAIVE)]
    assert not warehouse.add_wallet(WALLET, "vault")
    assert warehouse.wallets() == [WalletEntry(WALLET, "vault", ("a", "b"), NAIVE)]


def test_wallets_leave_groups_and_the_list(tmp_path: Path) -> None:
    """A removed wallet is in no group when it comes back; its snapshots stay."""
    path = tmp_path / "w.duckdb"
    warehouse = Warehouse(path)
    saved = save(path)
    warehouse.add_wallet(WALLET, groups=["a", "b"])
    warehouse.add_wallet(OTHER, groups=["a"])
    assert warehouse.leave_group("a", [WALLET]) == 1
    assert warehouse.leave_group("a", [WALLET]) == 0
    assert [entry.address for entry in warehouse.wallets("a")] == [OTHER]
    assert [entry.address for entry in warehouse.wallets("b")] == [WALLET]
    assert warehouse.remove_wallet(WALLET)
    assert not warehouse.remove_wallet(WALLET)
    warehouse.add_wallet(WALLET)
    assert warehouse.wallets("b") == []
    assert [line.id for line in warehouse.snapshots()] == [saved.id]


def run(due_at: datetime, job: str = "hourly") -> ScheduleRun:
    """A slot that was taken."""
    started, ended = due_at + timedelta(seconds=2), due_at + timedelta(seconds=3, microseconds=5)
    return ScheduleRun(job, "desk", due_at, started, ended, "ok", None, ("s1", "s2"))


def test_runs_come_back_as_they_were(tmp_path: Path) -> None:
    """Taken and missed slots, in the order in which they were due, by job and time."""
    warehouse = Warehouse(tmp_path / "w.duckdb")
    assert warehouse.runs() == []
    first, second = run(NOON), run(NOON + timedelta(hours=1))
    missed = ScheduleRun("daily", "all", NOON, None, None, "missed", "the node has no such block: 'x'")
    for one in (second, first, missed):
        warehouse.record_run(one)
    assert warehouse.runs("hourly") == [first, second]
    assert warehouse.runs() == [missed, first, second]
    assert warehouse.runs("hourly", NOON + timedelta(microseconds=1)) == [second]
    assert warehouse.runs(since=NOON) == [missed, first, second]
    assert warehouse.runs("none") == []


def test_a_slot_has_one_row(tmp_path: Path) -> None:
    """Recorded again it is replaced, in whatever zone its time is told."""
    warehouse = Warehouse(tmp_path / "w.duckdb")
    warehouse.record_run(ScheduleRun("hourly", "desk", NOON, None, None, "missed", "the machine was off"))
    abroad = NOON.astimezone(timezone(timedelta(hours=9)))
    warehouse.record_run(run(abroad))
    assert warehouse.runs() == [run(NOON)]
