"""What is the latest snapshot of a wallet, through saving, orphaning and pruning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.errors import ProviderUnavailable, StoreError
from aggregator.model.portfolio import Coverage, Portfolio
from aggregator.model.units import Address
from aggregator.store import latest
from aggregator.store.saving import Saving
from aggregator.store.warehouse import Warehouse
from tests.store.samples import (
    BLOCK,
    EXPECTED,
    FAILURE,
    FAMILIES,
    OPTIMISM_BLOCK,
    PORTFOLIO,
    RESULT,
    TAKEN_AT,
    WALLET,
    save,
)
from tests.store.test_idempotence import contents

OTHER = Address("0x" + "ff" * 20)


def at(hours: int, *, wallet: Address = WALLET, status: str = "complete") -> Portfolio:
    """The sample some hours later, without positions."""
    later = hours * 3_600
    blocks = {
        block.chain: replace(
            block, number=block.number + later, hash=f"0x{hours:064x}", timestamp=block.timestamp + later
        )
        for block in (BLOCK, OPTIMISM_BLOCK)
    }
    ok = {"complete": 4, "partial": 3, "failed": 0}[status]
    failures = tuple(
        replace(
            FAILURE, adapter=d.adapter, chain=d.chain, deployment=d.name, error=ProviderUnavailable("a", "b")
        )
        for d in EXPECTED[ok:]
    )
    return replace(
        PORTFOLIO,
        wallet=wallet,
        accounts=(),
        blocks=blocks,
        failures=failures,
        coverage=Coverage(4, ok, 4 - ok),
    )


def saving(portfolio: Portfolio) -> Saving:
    """To save it with the sample's result."""
    return Saving(portfolio, RESULT, EXPECTED, "0.1.0", TAKEN_AT)


def latest_id(path: Path, wallet: Address = WALLET) -> str | None:
    """The id of a wallet's latest snapshot."""
    found = Warehouse(path).latest(wallet)
    return None if found is None else found.id


def test_the_latest_is_the_newest_that_can_be_used(tmp_path: Path) -> None:
    """By block time, not by the order of saving; a partial one counts, a failed one does not."""
    path = tmp_path / "w.duckdb"
    assert latest_id(path) is None
    second = save(path, at(2)).id
    assert latest_id(path) == second
    save(path, at(1))
    assert latest_id(path) == second
    save(path, at(4, status="failed"))
    assert latest_id(path) == second
    third = save(path, at(3, status="partial")).id
    assert latest_id(path) == third
    assert latest_id(path, OTHER) is None
    other = save(path, at(0, wallet=OTHER)).id
    assert (latest_id(path), latest_id(path, OTHER)) == (third, other)


def test_of_one_moment_the_one_that_was_taken_last(tmp_path: Path) -> None:
    """The same blocks judged by other parameters later."""
    path = tmp_path / "w.duckdb"
    save(path, at(1))
    again = save(path, at(1), replace(RESULT, parameters_hash="q"), taken_at=TAKEN_AT + timedelta(hours=1))
    assert latest_id(path) == again.id


def test_only_failed_snapshots_give_no_latest(tmp_path: Path) -> None:
    """An outage from the first day on."""
    path = tmp_path / "w.duckdb"
    save(path, at(1, status="failed"))
    assert latest_id(path) is None


def test_many_are_saved_in_one_transaction(tmp_path: Path) -> None:
    """Answers in the order given, doubles once, and either all or none."""
    path = tmp_path / "w.duckdb"
    warehouse = Warehouse(path)
    first = warehouse.save_many([saving(at(1))])[0]
    items = [saving(at(2)), saving(PORTFOLIO), saving(at(1)), saving(at(2)), saving(at(1, wallet=OTHER))]
    saved = warehouse.save_many(items)
    assert [one.created for one in saved] == [True, True, False, False, True]
    assert saved[2].id == first.id
    assert saved[3].id == saved[0].id
    assert latest_id(path) == saved[0].id
    assert warehouse.load(saved[1].id, FAMILIES).result == RESULT
    assert [warehouse.verify(one.id, FAMILIES).faults for one in saved] == [()] * 5
    before = contents(path)
    twice = replace(PORTFOLIO, accounts=PORTFOLIO.accounts[1:2] * 2)
    with pytest.raises(StoreError, match=r"account would hold .* twice"):
        warehouse.save_many([saving(at(9)), saving(twice)])
    assert contents(path) == before
    assert warehouse.save_many([]) == []


def test_a_failure_while_the_latest_is_refreshed_leaves_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snapshot and `latest` change together or not at all."""
    path = tmp_path / "w.duckdb"
    first = save(path, at(1)).id
    before = contents(path)
    refresh = latest.refresh

    def break_after(connection: sa.Connection, wallets: Any) -> None:
        refresh(connection, wallets)
        connection.exec_driver_sql("SELECT error('the disk is full')")

    monkeypatch.setattr(latest, "refresh", break_after)
    with pytest.raises(StoreError, match="the disk is full"):
        save(path, at(2))
    with pytest.raises(StoreError, match="the disk is full"):
        Warehouse(path).mark_orphaned([first])
    monkeypatch.undo()
    assert contents(path) == before
    assert latest_id(path) == first


def test_an_orphaned_snapshot_gives_way(tmp_path: Path) -> None:
    """The one before is the latest again, until the blocks are read once more; marking twice counts once."""
    path = tmp_path / "w.duckdb"
    warehouse = Warehouse(path)
    first, second = save(path, at(1)).id, save(path, at(2, status="partial")).id
    assert warehouse.mark_orphaned([second, "unknown"]) == 1
    assert warehouse.mark_orphaned([second]) == 0
    assert latest_id(path) == first
    assert [line.status for line in warehouse.snapshots()] == ["orphaned", "complete"]
    again = save(path, at(2, status="partial"))
    assert (again.id, again.created) == (second, False)
    assert latest_id(path) == second
    assert warehouse.mark_orphaned([first, second]) == 2
    assert latest_id(path) is None


@pytest.mark.parametrize("status", ["complete", "partial", "failed"])
def test_taking_the_mark_away_gives_the_former_status(tmp_path: Path, status: str) -> None:
    """A reorganisation that was undone."""
    path = tmp_path / "w.duckdb"
    warehouse = Warehouse(path)
    one = save(path, at(1, status=status)).id
    before = contents(path)
    warehouse.mark_orphaned([one])
    assert warehouse.mark_canonical([one]) == 1
    assert warehouse.mark_canonical([one]) == 0
    assert contents(path) == before


def test_pruning_keeps_the_newest_that_can_be_used(tmp_path: Path) -> None:
    """Failed and orphaned snapshots don't push good ones out, and go with those around them."""
    path = tmp_path / "w.duckdb"
    warehouse = Warehouse(path)
    for hours, status in [(1, "complete"), (2, "failed"), (3, "partial"), (4, "complete"), (5, "failed")]:
        save(path, at(hours, status=status))
    lonely = save(path, at(1, wallet=OTHER)).id
    orphaned = save(path, at(6)).id
    warehouse.mark_orphaned([orphaned])
    assert warehouse.prune(keep_last=2, dry_run=True) == 2
    assert len(warehouse.snapshots()) == 7
    assert warehouse.prune(keep_last=2) == 2
    statuses = [line.status for line in warehouse.snapshots(WALLET)]
    assert statuses == ["orphaned", "failed", "complete", "partial"]
    assert [line.id for line in warehouse.snapshots(OTHER)] == [lonely]
    assert warehouse.prune(keep_last=9) == 0
    assert warehouse.prune() == 0


def test_pruning_by_time_takes_every_row(tmp_path: Path) -> None:
    """Of what was pruned nothing is left in any table, and the latest follows."""
    path, other = tmp_path / "w.duckdb", tmp_path / "other.duckdb"
    warehouse = Warehouse(path)
    save(path)
    later = save(path, at(24)).id
    save(other, at(24))
    as_of = datetime.fromtimestamp(OPTIMISM_BLOCK.timestamp, UTC)
    assert warehouse.prune(before=as_of) == 0
    assert warehouse.prune(before=as_of + timedelta(seconds=1), keep_last=2) == 0
    assert warehouse.prune(before=as_of + timedelta(seconds=1)) == 1
    assert contents(path) == contents(other)
    assert latest_id(path) == later
    assert warehouse.prune(before=as_of + timedelta(days=9)) == 1
    assert latest_id(path) is None
    assert {name for name, rows in contents(path).items() if rows} == {"schema_version"}
    assert Warehouse(tmp_path / "none.duckdb").prune(keep_last=1) == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["save", "orphan", "restore", "prune"]),
        st.integers(0, 5),
        st.sampled_from(["complete", "partial", "failed"]),
        st.sampled_from([WALLET, OTHER]),
    ),
    min_size=1,
    max_size=12,
)


@given(STEPS)
@settings(max_examples=4, deadline=None, derandomize=True)
def test_latest_always_follows_from_the_snapshots(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, str, Address]]
) -> None:
    """Whatever happens in whatever order, `latest` is what its definition says."""
    path = tmp_path_factory.mktemp("w") / "w.duckdb"
    warehouse = Warehouse(path)
    save(path, at(0))
    lines = warehouse.snapshots()
    for step, hours, status, wallet in steps:
        ids = [line.id for line in lines if line.wallet == wallet][: hours + 1]
        match step:
            case "save":
                save(path, at(hours, wallet=wallet, status=status))
            case "orphan":
                warehouse.mark_orphaned(ids)
            case "restore":
                warehouse.mark_canonical(ids)
            case _:
                warehouse.prune(keep_last=hours + 1)
        lines = warehouse.snapshots()
        for who in (WALLET, OTHER):
            mine = [line for line in lines if line.wallet == who]
            usable = [line for line in mine if line.status in ("complete", "partial")]
            newest = max(usable, key=lambda line: (line.as_of, line.taken_at, line.id), default=None)
            assert warehouse.latest(who) == newest
