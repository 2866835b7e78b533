"""Plans, cascades, ladders and calendars in the database: exact, once, and found out where changed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import duckdb
import pytest

from aggregator.model.errors import ExchangeError, StoreError
from aggregator.model.rules import Amount
from aggregator.store import bulk
from aggregator.store.importing import Imported
from aggregator.store.plan_rows import plan_study
from aggregator.store.saved import SavedStudy
from aggregator.store.study_rows import PARTS
from aggregator.store.warehouse import Warehouse
from tests.store.blank import blank
from tests.store.exports import rewrite, rows, set_value, take_in, write_out
from tests.store.samples import FAMILIES, LOAN, PORTFOLIO, SUSD, TAKEN_AT, USDC, WETH, save
from tests.store.studied import CASCADE, INPUTS, MOST, PLAN, save_studied
from tests.store.test_idempotence import contents


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one of each, which nobody changes."""
    path: Path = tmp_path_factory.mktemp("studied") / "w.duckdb"
    save_studied(path)
    return path


def asked(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_steps_are_exact(studied: Path) -> None:
    """Every integer to its last digit, steps within a bundle after it, costs as decimals."""
    steps = asked(
        studied,
        "SELECT ordinal, bundle, action, amount_raw, size_raw, least_raw, fee_raw, everything, cost_usd"
        " FROM plan_step ORDER BY ordinal",
    )
    cost = Decimal("0.63333333")
    assert steps == [
        (0, None, "deposit", str(MOST), None, None, None, False, cost),
        (1, None, "flash", str(10**12), None, None, str(5 * 10**8), False, cost),
        (2, 1, "repay", str(10**12), None, None, None, True, cost),
        (3, 1, "withdraw", str(2**200), None, None, None, False, cost),
        (4, None, "trade", None, str(-(2**255)), None, None, False, cost),
        (5, None, "swap", str(10**18 + 1), None, "2000000001", None, False, cost),
        (6, None, "transfer", "7", None, "6", None, False, cost),
    ]
    [[total, fees, slippage, gas, avoided, missing]] = asked(
        studied, "SELECT cost_usd, fees_usd, slippage_usd, gas_usd, avoided_usd, missing_usd FROM plan"
    )
    assert (total, fees, slippage, gas) == (5 * cost, Decimal("0.5"), Decimal(1), Decimal("1.66666665"))
    assert (avoided, missing) == (Decimal("1234.56789012"), Decimal("12.5"))


def test_flows_and_calls_are_exact(studied: Path) -> None:
    """What is paid and received, and the calls as they would be sent."""
    [[paid, received, calls]] = asked(
        studied, "SELECT paid, received, calls FROM plan_step WHERE ordinal = 0"
    )
    assert json.loads(paid) == [[USDC.id, str(MOST)]]
    assert json.loads(received) == [[WETH.id, "1"], [USDC.id, "0"]]
    assert json.loads(calls)[1] == {
        "to": "0x" + "07" * 20,
        "data": "0xa9059cbb00ff",
        "value": str(2**255 + 1),
        "description": 'repay "all"',
        "later": "the keeper",
    }
    assert asked(studied, "SELECT calls, calls_unknown FROM plan_step WHERE ordinal = 2") == [
        ("[]", "no call is known")
    ]


def test_every_account_after_every_step(studied: Path) -> None:
    """Before the plan, after each step, not within the bundle; infinity is a flag."""
    found = asked(studied, "SELECT step, account_id, native_health FROM plan_account ORDER BY ALL")
    healths = {-1: 0.99, 0: 1.05, 1: 1.1, 4: 1.15, 5: 1.15, 6: 1.2}
    assert [(step, health) for step, account, health in found if account == LOAN.id] == [*healths.items()]
    assert {health for _, account, health in found if account != LOAN.id} == {None}
    assert asked(
        studied, "SELECT ordinal, kappa_after, kappa_after_infinite FROM plan_step ORDER BY ordinal"
    ) == [
        (0, 0.75, False),
        (1, 1.0, False),
        (2, None, None),
        (3, None, None),
        (4, 1.1, False),
        (5, 1.2, False),
        (6, None, True),
    ]
    assert asked(studied, "SELECT kappa_before, kappa_after, kappa_after_infinite FROM plan") == [
        (0.5, None, True)
    ]


def test_liquidations_are_exact(studied: Path) -> None:
    """Each amount by its role, with who bears what is left."""
    found = asked(
        studied,
        "SELECT role, asset_id, amount_raw FROM cascade_amount WHERE step = 0 ORDER BY role, ordinal",
    )
    assert found == [
        ("bad_debt", USDC.id, "123"),
        ("bad_debt", SUSD.id, str(2**200)),
        ("closed", "sETHPERP", str(-(2**255))),
        ("closed", "sBTCPERP", "5"),
        ("fee", WETH.id, "1"),
        ("repaid", USDC.id, str(MOST)),
        ("returned", USDC.id, "0"),
        ("seized", WETH.id, str(10**18 + 1)),
    ]
    losses = asked(studied, "SELECT step, bearer, loss_usd FROM cascade_loss ORDER BY step, ordinal")
    mine = [("insurance_fund", Decimal("400.125")), ("suppliers", Decimal("600.125"))]
    assert losses == [(step, *loss) for step in (0, 1) for loss in mine]
    assert asked(
        studied,
        "SELECT converged, liquidations, penalties_usd, impact_usd, path_usd, own_share_usd FROM cascade",
    ) == [(False, 14, Decimal("24.00000001"), Decimal("0.00000000"), Decimal("-3.5"), Decimal(0))]
    [[prices, judged]] = asked(studied, "SELECT prices_usd, judged_at FROM cascade_step WHERE ordinal = 0")
    assert json.loads(prices) == CASCADE.steps[0].prices_usd
    assert json.loads(judged) == {WETH.id: str(2**200)}


def test_ladders_and_calendars(studied: Path) -> None:
    """Rungs and events with their times."""
    assert asked(studied, "SELECT distance, liquidated_usd, cost_usd FROM ladder_rung ORDER BY ordinal") == [
        (-0.139, Decimal("61000.25"), Decimal("3050.0125")),
        (0.147, Decimal(0), Decimal(0)),
    ]
    assert asked(
        studied, "SELECT kind, epoch(event_at), threshold, size FROM calendar_event ORDER BY ordinal"
    ) == [
        ("health", 1_795_400_000.0, 1.1, None),
        ("liquidation", 1_795_500_000.0, None, None),
        ("expiry", 1_795_600_000.0, None, -10.5),
    ]
    assert asked(studied, "SELECT carry_usd_day, judged FROM calendar_account ORDER BY ordinal") == [
        (Decimal("-12.34567890"), True),
        (None, False),
        (Decimal(0), None),
    ]


def test_saving_again_changes_nothing(tmp_path: Path) -> None:
    """Later, and whatever the snapshot was saved by; the ids are the same in another file."""
    path = tmp_path / "w.duckdb"
    snapshot, first = save_studied(path)
    before = contents(path)
    again, kept = save_studied(path, taken_at=TAKEN_AT + timedelta(days=1))
    assert (snapshot.created, again.created) == (True, False)
    assert [one.created for one in first] == [True] * 4
    assert kept == [SavedStudy(one.kind, one.id, snapshot.id, created=False) for one in first]
    assert contents(path) == before
    assert [one.id for one in save_studied(blank(tmp_path / "other.duckdb"))[1]] == [one.id for one in first]


def test_what_was_asked_tells_plans_apart(tmp_path: Path) -> None:
    """Other inputs, or another snapshot, make another plan beside it; the order of keys does not."""
    path = tmp_path / "w.duckdb"
    ids = {save_studied(path, [plan_study(PLAN, {**INPUTS, "only": [i]})])[1][0].id for i in range(2)}
    turned = dict(reversed(INPUTS.items()))
    ids |= {save_studied(path, [plan_study(PLAN, asked)])[1][0].id for asked in (INPUTS, turned)}
    other = replace(PORTFOLIO, spots={**PORTFOLIO.spots, "ETH": 2_000.0})
    ids.add(save_studied(path, [plan_study(PLAN, INPUTS)], other)[1][0].id)
    assert len(ids) == 4
    assert sorted(asked(path, "SELECT plan_id FROM plan")) == sorted((one,) for one in ids)


def test_what_belongs_to_a_snapshot_goes_with_it(tmp_path: Path) -> None:
    """Pruning leaves no part of a study, and verifying finds the rest sound."""
    path = tmp_path / "w.duckdb"
    save_studied(path)
    later = replace(
        PORTFOLIO, blocks={c: replace(b, timestamp=b.timestamp + 60) for c, b in PORTFOLIO.blocks.items()}
    )
    kept, _ = save_studied(path, None, later)
    warehouse = Warehouse(path)
    assert warehouse.verify(kept.id, FAMILIES).faults == ()
    assert warehouse.prune(keep_last=1) == 1
    held = contents(path)
    for kind, parts in PARTS.items():
        for row in (kind, *parts):
            assert {found[0] for found in held[str(row.__tablename__)]} == {kept.id}
    assert warehouse.verify(kept.id, FAMILIES).faults == ()


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, avoided_usd=math.inf),
        replace(PLAN, avoided_usd=1e31),
        replace(PLAN, steps=(replace(PLAN.steps[0], amount=Amount(USDC.id, 2**256)),)),
        replace(PLAN, before=replace(PLAN.before, equity_usd=math.nan)),
        replace(PLAN, before=replace(PLAN.before, accounts=PLAN.before.accounts * 2)),
    ],
    ids=["infinite", "too large", "no integer of a contract", "not a number", "an account twice"],
)
def test_what_can_not_be_stored_stores_nothing(tmp_path: Path, plan: Any) -> None:
    """The snapshot neither."""
    path = tmp_path / "w.duckdb"
    save(path)
    before = contents(path)
    other = replace(PORTFOLIO, spots={**PORTFOLIO.spots, "ETH": 2_000.0})
    with pytest.raises((StoreError, ValueError)):
        save_studied(path, [plan_study(plan, INPUTS)], other)
    assert contents(path) == before


def test_an_import_never_mixes_two_answers(tmp_path: Path) -> None:
    """Of a plan that both have ours stays whole, though theirs has a step more."""
    ours, theirs = tmp_path / "ours.duckdb", tmp_path / "theirs.duckdb"
    save_studied(ours, [plan_study(replace(PLAN, steps=PLAN.steps[:1]), INPUTS)])
    save_studied(theirs)
    before = rows(ours)
    write_out(theirs, tmp_path / "export")
    assert take_in(ours, tmp_path / "export") == Imported(added=0, skipped=1)
    after = rows(ours)
    of_plans = ("plan", "plan_step", "plan_account", "plan_shortfall")
    assert {name: after[name] for name in of_plans} == {name: before[name] for name in of_plans}
    assert after["cascade_step"] == rows(theirs)["cascade_step"]
    [summary] = Warehouse(ours).snapshots()
    assert Warehouse(ours).verify(summary.id, FAMILIES).faults == ()


@pytest.mark.parametrize(
    ("table", "column", "told"),
    [
        ("plan", "snapshot_id", "plan has rows of snapshots that are not in it"),
        ("plan_step", "plan_id", "plan_step has rows that belong to no plan"),
        ("ladder", "ladder_id", "ladder_rung has rows that belong to no ladder"),
    ],
)
def test_an_export_that_contradicts_itself_is_refused(
    studied: Path, tmp_path: Path, table: str, column: str, told: str
) -> None:
    """Parts without their whole, and studies without their snapshot."""
    write_out(studied, tmp_path / "export")
    rewrite(tmp_path / "export", table, set_value(column, "nobody"))
    with pytest.raises(ExchangeError, match=told):
        take_in(tmp_path / "copy.duckdb", tmp_path / "export")


@pytest.mark.parametrize("part", [parts[0] for parts in PARTS.values()])
def test_a_row_twice_is_refused(studied: Path, tmp_path: Path, part: Any) -> None:
    """In an export of somebody else's making."""
    write_out(studied, tmp_path / "export")
    doubled: Callable[[Any], Any] = lambda table: table.take([*range(len(table)), 0])  # noqa: E731
    rewrite(tmp_path / "export", str(part.__tablename__), doubled)
    with pytest.raises(ExchangeError, match="has a row twice"):
        take_in(tmp_path / "copy.duckdb", tmp_path / "export")


def test_two_threads_that_save_the_same_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look before either writes: one writes, the other finds it there."""
    path = tmp_path / "w.duckdb"
    save(path)
    together, insert = Barrier(2), bulk.insert

    def insert_together(*arguments: Any) -> None:
        with suppress(BrokenBarrierError):  # once one of them has been turned away
            together.wait(timeout=2)
        insert(*arguments)

    monkeypatch.setattr(bulk, "insert", insert_together)
    with ThreadPoolExecutor(2) as pool:
        both = [future.result() for future in [pool.submit(save_studied, path) for _ in range(2)]]
    created = sorted(tuple(one.created for one in found) for _, found in both)
    assert created == [(False,) * 4, (True,) * 4]
    assert asked(path, "SELECT count(*) FROM plan") == [(1,)]
    [summary] = Warehouse(path).snapshots()
    assert Warehouse(path).verify(summary.id, FAMILIES).faults == ()


@pytest.mark.parametrize("place", [1, 3, 8, 12])
def test_a_write_that_ends_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Neither the snapshot nor a part of a study."""
    path = tmp_path / "w.duckdb"
    save(path)
    before, insert, left = contents(path), bulk.insert, count()
    studied = {one for kind, parts in PARTS.items() for one in (kind, *parts)}

    def ending(connection: Any, row: Any, columns: Any) -> None:
        if row in studied and next(left) == place:
            raise KeyboardInterrupt
        insert(connection, row, columns)

    monkeypatch.setattr(bulk, "insert", ending)
    with pytest.raises(KeyboardInterrupt):
        save_studied(path, None, replace(PORTFOLIO, spots={**PORTFOLIO.spots, "ETH": 2_000.0}))
    assert contents(path) == before
