"""Plans, cascades, ladders and calendars that are loaded equal those that were saved."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.actions import Action, Deposit, Repay, Trade, Withdraw
from aggregator.model.calendars import AccountCarry, Calendar, CalendarEvent
from aggregator.model.calls import UnsignedCall
from aggregator.model.cascades import Cascade, CascadeStep, Refusal, Rung
from aggregator.model.errors import StoreError
from aggregator.model.plans import (
    AccountState,
    Cost,
    Flash,
    Plan,
    Shortfall,
    State,
    Step,
    Swap,
    Targets,
    Transfer,
)
from aggregator.model.rules import Amount, Repayment
from aggregator.model.spot_markets import PastMarket
from aggregator.store import studies
from aggregator.store.calendar_rows import calendar_study
from aggregator.store.cascade_rows import cascade_study, ladder_study
from aggregator.store.opening import Opening
from aggregator.store.plan_rows import plan_study
from aggregator.store.saved import StoredStudies
from aggregator.store.study_rows import Study
from aggregator.store.warehouse import Warehouse
from tests.store.samples import (
    DERIVATIVES,
    FAMILIES,
    LOAN,
    MAINNET,
    PORTFOLIO,
    SUSD,
    USDC,
    WALLET,
    WALLET_ACCOUNT,
    WETH,
)
from tests.store.studied import CALENDAR, CASCADE, PLAN, POOL, RUNGS, save_studied
from tests.store.studied import studies as samples
from tests.volume import volume

BLOCKS = {chain: block.number for chain, block in PORTFOLIO.blocks.items()}
SOME = settings(max_examples=volume(5, 200), deadline=None, derandomize=True)

UINT256 = st.integers(0, 2**256 - 1) | st.sampled_from([0, 1, 2**63, 2**128, 2**255, 2**256 - 1])
INT256 = st.integers(-(2**255), 2**255 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
# In 8 decimals, as columns keep them; what is more exact is rounded, which test_studies looks at.
USD = st.integers(-(10**15), 10**15).map(lambda raw: raw / 10**8) | st.sampled_from([0.0, 1e29, -1e29])
POSITIVE_USD = USD.map(abs)
TEXT = st.text(max_size=20) | st.sampled_from(
    ["=HYPERLINK()", "\x1b[31m", "'; DROP TABLE plan --", "<b>", "\0"]
)
ASSETS = st.sampled_from([USDC.id, WETH.id, SUSD.id])
AMOUNTS = st.builds(Amount, ASSETS, UINT256)
FEW_AMOUNTS = st.lists(AMOUNTS, max_size=3).map(tuple)
CALLS = st.builds(UnsignedCall, st.just(POOL), st.binary(max_size=40), UINT256, TEXT, st.none() | TEXT)
ACCOUNTS = {account.id: account for account in PORTFOLIO.accounts}
RULED = [a for a in PORTFOLIO.accounts if a.id in (LOAN.id, DERIVATIVES.id)]


@st.composite
def states(draw: st.DrawFn) -> State:
    """Some of the accounts, in the portfolio's order."""
    accounts = tuple(
        AccountState(
            account.id,
            account.label,
            draw(FINITE),
            draw(FINITE),
            draw(st.none() | FINITE),
            draw(st.booleans()),
            draw(st.none() | FINITE),
            draw(st.none() | FINITE),
            draw(st.none() | FINITE),
            draw(st.none() | FINITE),
        )
        for account in RULED
        if draw(st.booleans())
    )
    kappa = draw(FINITE | st.just(math.inf))
    return State(accounts, draw(FINITE), draw(FINITE), kappa, draw(st.none() | st.floats(0, 100)))


COSTS = st.builds(Cost, POSITIVE_USD, USD, POSITIVE_USD)


@st.composite
def steps(draw: st.DrawFn, *, inner: bool = False) -> Step:
    """Any step; a bundle has steps that are none."""
    asset, moved = draw(ASSETS), draw(AMOUNTS)
    asked = st.none() | UINT256
    amount: Amount | None = Amount(asset, draw(UINT256))
    account = LOAN
    choices = ["repay", "deposit", "withdraw", "trade", "swap", *([] if inner else ["transfer", "flash"])]
    move: Action | Swap | Transfer | Flash
    assert amount is not None
    match draw(st.sampled_from(choices)):
        case "repay":
            move = Repay(asset, draw(asked))
        case "deposit":
            move = Deposit(asset, draw(UINT256))
        case "withdraw":
            move = Withdraw(asset, draw(asked))
        case "trade":
            move, account, amount = Trade(draw(TEXT), draw(INT256)), DERIVATIVES, None
        case "swap":
            market = PastMarket(WALLET_ACCOUNT.chain, (asset, moved.asset), draw(TEXT))
            move, account = Swap(market, amount, moved), WALLET_ACCOUNT
        case "transfer":
            move, account = Transfer(amount, moved, draw(TEXT)), WALLET_ACCOUNT
        case _:
            parts = tuple(draw(st.lists(steps(inner=True), max_size=3)))
            move = Flash(LOAN.id, amount, Amount(asset, draw(UINT256)), parts)
    return Step(
        account_id=account.id,
        purse_id=WALLET_ACCOUNT.id,
        move=move,
        amount=amount,
        paid=draw(FEW_AMOUNTS),
        received=draw(FEW_AMOUNTS),
        cost=draw(COSTS),
        after=None if inner else draw(states()),
        sender=WALLET,
        calls=() if inner else tuple(draw(st.lists(CALLS, max_size=3))),
        untold=draw(st.none() | TEXT),
    )


@st.composite
def some_plan(draw: st.DrawFn) -> Plan:
    """Any plan of the sample's wallet, of no steps too."""
    found = tuple(draw(st.lists(steps(), max_size=4)))
    before = draw(states())
    last = found[-1].after if found else before
    assert last is not None
    return Plan(
        wallet=WALLET,
        status=draw(st.sampled_from(["safe", "feasible", "infeasible"])),
        targets=Targets(draw(FINITE), draw(FINITE), draw(FINITE)),
        before=before,
        steps=found,
        after=last,
        cost_usd=math.fsum(one.cost.usd for one in found),
        avoided_usd=draw(st.none() | USD),
        shortfalls=tuple(
            draw(st.lists(st.builds(Shortfall, st.sampled_from([None, LOAN.id]), USD, TEXT), max_size=3))
        ),
        binding=draw(st.sampled_from([None, LOAN.id])),
        told=tuple(draw(st.lists(TEXT, max_size=3))),
        blocks=BLOCKS,
        stress=draw(st.none() | TEXT),
    )


PRICES = st.dictionaries(TEXT, FINITE, max_size=3)
LIQUIDATIONS = st.builds(
    CascadeStep,
    round=st.integers(1, 100),
    account_id=st.sampled_from([LOAN.id, "aave_v3: 12 borrowers"]),
    label=TEXT,
    prices_usd=PRICES,
    health=st.none() | FINITE,
    repaid=FEW_AMOUNTS,
    seized=FEW_AMOUNTS,
    fees=FEW_AMOUNTS,
    returned=FEW_AMOUNTS,
    bad_debt=FEW_AMOUNTS,
    closed=st.lists(st.tuples(TEXT, INT256), max_size=2).map(tuple),
    penalty_usd=USD,
    bad_debt_usd=USD,
    borne=st.lists(st.tuples(st.sampled_from(["pool", "suppliers"]), USD), max_size=2).map(tuple),
    sold_usd=PRICES,
    toxic=st.booleans(),
    liquidated_usd=USD,
    accounts=st.integers(1, 2**40),
    judged_at=st.dictionaries(ASSETS, UINT256, max_size=2),
    offered=st.none() | st.builds(Repayment, AMOUNTS, st.none() | ASSETS),
)
CASCADES = st.builds(
    Cascade,
    scenario=TEXT,
    wallet=st.just(WALLET),
    start_prices_usd=PRICES,
    steps=st.lists(LIQUIDATIONS, max_size=3).map(tuple),
    refusals=st.lists(st.builds(Refusal, st.just(LOAN.id), TEXT, TEXT), max_size=2).map(tuple),
    toxic=st.lists(TEXT, max_size=2).map(tuple),
    final_prices_usd=PRICES,
    rounds=st.integers(0, 100),
    converged=st.booleans(),
    told=st.lists(TEXT, max_size=2).map(tuple),
    **dict.fromkeys(
        (
            "value_before_usd",
            "value_after_usd",
            "penalties_usd",
            "fees_usd",
            "impact_usd",
            "bad_debt_usd",
            "own_share_usd",
            "liquidated_usd",
            "path_usd",
            "own_cost_usd",
        ),
        USD,
    ),
)


def _rung(account_id: str, *rest: Any) -> Rung:
    return Rung(account_id, ACCOUNTS[account_id].label, *rest)


def _event(account_id: str, time: int, days: float, kind: Any, of: tuple[Any, Any, Any]) -> CalendarEvent:
    return CalendarEvent(time, days, kind, account_id, ACCOUNTS[account_id].label, *of)


def _carry(account_id: str, usd: float | None, judged: bool | None) -> AccountCarry:
    return AccountCarry(account_id, ACCOUNTS[account_id].label, usd, judged)


NAMES = st.sampled_from(sorted(ACCOUNTS))
LADDERS = st.lists(
    st.builds(_rung, NAMES, TEXT, FINITE, FINITE, USD, USD, st.lists(NAMES, max_size=2).map(tuple)),
    max_size=3,
).map(tuple)
CALENDARS = st.builds(
    Calendar,
    wallet=st.just(WALLET),
    horizon_days=st.integers(1, 3_650),
    events=st.lists(
        st.builds(
            _event,
            NAMES,
            st.integers(0, 2**33),
            FINITE,
            st.sampled_from(["health", "liquidation", "expiry"]),
            st.tuples(st.none() | FINITE, st.none() | TEXT, st.none() | FINITE),
        ),
        max_size=3,
    ).map(tuple),
    accounts=st.lists(
        st.builds(_carry, NAMES, st.none() | USD, st.none() | st.booleans()),
        unique_by=lambda one: one.account_id,
        max_size=3,
    ).map(tuple),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples: they are asked for by different numbers."""
    path: Path = tmp_path_factory.mktemp("studies") / "w.duckdb"
    return path


NUMBER = count()


def kept(path: Path, *found: Study) -> tuple[list[str], StoredStudies]:
    """The ids of studies that are saved at once, and all that is kept beside their snapshot."""
    numbered = [replace(study, inputs={"number": next(NUMBER)}) for study in found]
    snapshot, saved = save_studied(path, numbered)
    assert all(one.created for one in saved)
    return [one.id for one in saved], studies.load(Opening(path, lock_timeout_s=10.0), snapshot.id)


def rounded(plan: Plan) -> Plan:
    """A plan whose cost is what its steps say in 8 digits, added up, as the table has it."""
    return replace(plan, cost_usd=float(plan_study(plan, {}).values["cost_usd"]))


@given(plans=st.lists(some_plan(), min_size=1, max_size=6))
@SOME
def test_plans(shared: Path, plans: list[Plan]) -> None:
    """Every integer, call, state and sentence, whatever text; of markets what the plan says of them."""
    names, found = kept(shared, *(plan_study(plan, {}) for plan in plans))
    assert [found.plans[name] for name in names] == [rounded(plan) for plan in plans]


@given(cascades=st.lists(CASCADES, min_size=1, max_size=6))
@SOME
def test_cascades(shared: Path, cascades: list[Cascade]) -> None:
    """Every amount in its role, and who bears what."""
    names, found = kept(shared, *(cascade_study(cascade, {}) for cascade in cascades))
    assert [found.cascades[name] for name in names] == cascades


@given(ahead=st.lists(st.tuples(LADDERS, CALENDARS), min_size=1, max_size=4))
@SOME
def test_ladders_and_calendars(shared: Path, ahead: list[tuple[tuple[Rung, ...], Calendar]]) -> None:
    """With the labels that the snapshot's accounts have."""
    both = [(ladder_study(rungs, {}), calendar_study(calendar, {})) for rungs, calendar in ahead]
    names, found = kept(shared, *(one for pair in both for one in pair))
    assert [found.ladders[name] for name in names[::2]] == [rungs for rungs, _ in ahead]
    assert [found.calendars[name] for name in names[1::2]] == [calendar for _, calendar in ahead]


def test_what_is_loaded_is_saved_as_the_same_rows(tmp_path: Path) -> None:
    """The samples, whose dollars have more digits than columns: only they are rounded, and once."""
    path = tmp_path / "w.duckdb"
    snapshot, _ = save_studied(path)
    found = studies.load(Opening(path, lock_timeout_s=10.0), snapshot.id)
    [plan], [cascade] = found.plans.values(), found.cascades.values()
    [rungs], [calendar] = found.ladders.values(), found.calendars.values()
    assert len(plan.steps) == len(PLAN.steps)
    assert len(cascade.steps) == len(CASCADE.steps)
    assert len(rungs) == len(RUNGS)
    assert len(calendar.events) == len(CALENDAR.events)
    again = [plan_study(plan, {}), cascade_study(cascade, {}), ladder_study(rungs, {})]
    again.append(calendar_study(calendar, {}))
    for one, before in zip(again, samples(), strict=True):
        assert one.values == before.values
        for part, columns in before.parts.items():
            assert one.parts[part] == columns


def test_what_was_asked_of_a_venue_is_kept_beside_what_was_moved(tmp_path: Path) -> None:
    """A repayment may be cut to what is owed: the call says the larger number."""
    step = replace(PLAN.steps[0], move=Repay(USDC.id, 1_000), amount=Amount(USDC.id, 999))
    [name], found = kept(tmp_path / "w.duckdb", plan_study(replace(PLAN, steps=(step,)), {}))
    assert found.plans[name].steps[0].move == Repay(USDC.id, 1_000)
    assert found.plans[name].steps[0].amount == Amount(USDC.id, 999)


def test_a_plan_of_a_file_before_that_column(tmp_path: Path) -> None:
    """What was moved stands for what was asked."""
    path = tmp_path / "w.duckdb"
    step = replace(PLAN.steps[0], move=Deposit(USDC.id, 1_000), amount=Amount(USDC.id, 999))
    kept(path, plan_study(replace(PLAN, steps=(step,)), {}))
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE plan_step SET asked_raw = NULL")
    [summary] = Warehouse(path).snapshots()
    [plan] = studies.load(Opening(path, lock_timeout_s=10.0), summary.id).plans.values()
    assert plan.steps[0].move == Deposit(USDC.id, 999)


def test_an_account_that_the_plan_opens(tmp_path: Path) -> None:
    """No snapshot has it: it is not left out, and is called by its id."""
    opened = AccountState("perps:10:new", "perps:10:new", 1.0, 0.5, 2.0, *(False, 1.5, 0.25, 1.9, None))
    step = PLAN.steps[0]
    assert step.after is not None
    after = replace(step.after, accounts=(*step.after.accounts, opened))
    made = replace(step, account_id=opened.account_id, after=after)
    plan = replace(PLAN, steps=(made,), after=after)
    [name], found = kept(tmp_path / "w.duckdb", plan_study(plan, {}))
    assert found.plans[name].after == after
    assert found.plans[name].steps[0].account_id == opened.account_id


def test_a_past_market_exchanges_nothing() -> None:
    """It says so, and is data."""
    market = PastMarket(MAINNET, (USDC.id, WETH.id), "desk")
    assert "was not kept" in market.swap(Amount(USDC.id, 1)).reason
    assert "was not kept" in market.calls(Amount(USDC.id, 1), Amount(WETH.id, 1), WALLET, 0).reason
    assert market.to_json() == {}


SPOILT = {
    "no chain": "UPDATE plan_step SET wallet_account_id = '', account_id = 'nobody' WHERE action = 'swap'",
    "no size": "UPDATE plan_step SET size_raw = NULL WHERE action = 'trade'",
    "calls of no shape": "UPDATE plan_step SET calls = '[1]' WHERE ordinal = 0",
    "an account that is none": "UPDATE calendar_event SET account_id = 'nobody'",
    "prices of no shape": "UPDATE cascade_step SET judged_at = '[1]'",
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_nobody_saved_so_is_a_fault(tmp_path: Path, name: str) -> None:
    """Loading says which snapshot, and verifying finds it beside the hash."""
    path = tmp_path / "w.duckdb"
    snapshot, _ = save_studied(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(SPOILT[name])
    with pytest.raises(StoreError, match=f"beside snapshot {snapshot.id} can't be loaded"):
        studies.load(Opening(path, lock_timeout_s=10.0), snapshot.id)
    told = [fault.told for fault in Warehouse(path).verify(snapshot.id, FAMILIES).faults]
    assert any("are not those that were saved" in one for one in told)
    assert any("can't be loaded" in one for one in told)


def test_there_must_be_a_snapshot(tmp_path: Path) -> None:
    """In a file, and where there is none yet."""
    load = partial(studies.load, Opening(tmp_path / "w.duckdb", lock_timeout_s=10.0))
    with pytest.raises(StoreError, match="holds no snapshot nobody"):
        load("nobody")
    save_studied(tmp_path / "w.duckdb")
    with pytest.raises(StoreError, match="holds no snapshot nobody"):
        load("nobody")
