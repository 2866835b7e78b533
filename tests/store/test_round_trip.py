"""What is loaded equals what was saved, and recomputes health without a chain."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model.errors import StoreError
from aggregator.model.portfolio import Portfolio
from aggregator.model.positions import Debt, Holding, Option, Perp, Supply
from aggregator.model.readings import Quote
from aggregator.model.results import Band, Multiples, RiskResult, Verdict
from aggregator.model.rules import prices_of
from aggregator.model.units import Address
from aggregator.store.warehouse import Warehouse
from tests.store.samples import (
    BLOCK,
    COMPARISON,
    DERIVATIVES,
    FAMILIES,
    LOAN,
    PORTFOLIO,
    RESULT,
    SUSD,
    USDC,
    WALLET,
    WALLET_ACCOUNT,
    WETH,
    save,
)

UINT256 = st.one_of(
    st.integers(0, 2**256 - 1), st.sampled_from([0, 1, 2**63, 2**64, 2**127, 2**128, 2**255, 2**256 - 1])
)
INT256 = st.one_of(
    st.integers(-(2**255), 2**255 - 1),
    st.sampled_from([-(2**255), -(2**127) - 1, -(2**63), -1, 0, 2**255 - 1]),
)


@pytest.fixture(scope="module")
def shared_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples: their snapshots differ, and a new file costs more than a save."""
    return tmp_path_factory.mktemp("warehouse") / "w.duckdb"


def comparable(portfolio: Portfolio) -> tuple[Portfolio, list[object]]:
    """A portfolio and its failures, whose errors compare by code and message."""
    failures: list[object] = [
        (f.adapter, f.deployment, f.chain, f.wallet, f.error.code, str(f.error)) for f in portfolio.failures
    ]
    return replace(portfolio, failures=()), failures


def test_everything_that_was_saved_is_loaded(tmp_path: Path) -> None:
    """No field of the portfolio or of the result is lost, reordered or rounded."""
    path = tmp_path / "w.duckdb"
    stored = Warehouse(path).load(save(path).id, FAMILIES)
    assert comparable(stored.portfolio) == comparable(PORTFOLIO)
    assert stored.result == RESULT
    assert stored.comparison == COMPARISON


def test_a_perpetual_option(tmp_path: Path) -> None:
    """It has no expiry in the table either, and is loaded as what it was."""
    path = tmp_path / "w.duckdb"
    [place] = [i for i, account in enumerate(PORTFOLIO.accounts) if account.id == DERIVATIVES.id]
    options = [p for p in DERIVATIVES.positions if isinstance(p, Option)]
    perpetual = replace(options[0], style="perpetual", expiry=None)
    accounts = list(PORTFOLIO.accounts)
    positions = tuple(perpetual if p == options[0] else p for p in DERIVATIVES.positions)
    accounts[place] = replace(DERIVATIVES, positions=positions)
    kept = save(path, replace(PORTFOLIO, accounts=tuple(accounts)))
    assert Warehouse(path).load(kept.id, FAMILIES).portfolio.accounts[place].positions == positions


def test_the_sample_leaves_no_field_at_its_default() -> None:
    """A field that the model gains is missing from the sample, so from the round trip: add it to both."""
    seen: dict[type, dict[str, list[object]]] = {}

    def visit(value: object) -> None:
        if is_dataclass(value) and not isinstance(value, type):
            for f in fields(value):
                seen.setdefault(type(value), {}).setdefault(f.name, []).append(getattr(value, f.name))
                visit(getattr(value, f.name))
        elif isinstance(value, tuple):
            for part in value:
                visit(part)
        elif isinstance(value, dict):
            visit(tuple(value.values()))

    visit((PORTFOLIO, RESULT))
    forgotten = [
        f"{kind.__name__}.{f.name}"
        for kind, values in seen.items()
        for f in fields(kind)
        if all(value in (None, False, 0, (), {}) for value in values[f.name])
    ]
    # Of portfolios that were moved to other prices, and what a plan asked of venues beside what is there:
    # what is saved is what the wallet has, as it was read.
    assert sorted(forgotten) == ["Account.judged_at", "Account.openings", "Portfolio.openable"]
    assert {Portfolio, RiskResult, Holding, Supply, Debt, Perp, Option, Quote} <= set(seen)


def test_health_is_recomputed_from_the_stored_rule(tmp_path: Path) -> None:
    """The stored rule gives, at the stored block and prices, what the protocol reported."""
    path = tmp_path / "w.duckdb"
    stored = Warehouse(path).load(save(path).id, FAMILIES).portfolio
    [account] = [a for a in stored.accounts if a.id == LOAN.id]
    assert account.rule is not None
    assert account.reported is not None
    time = stored.blocks[account.chain].timestamp
    health = account.rule.health(prices_of(account.rule), time)
    assert health.health == account.reported.health == 1_138_119_651_886_721_311
    halved = {asset: price // 2 for asset, price in prices_of(account.rule).items()}
    assert account.rule.health(halved, time).liquidatable


def test_the_summary_tells_what_was_asked_and_what_came_out(tmp_path: Path) -> None:
    """A line of the list carries times in UTC, coverage, score, band and verdict."""
    path = tmp_path / "w.duckdb"
    saved = save(path, trigger="snapshot", source="recording")
    [line] = Warehouse(path).snapshots()
    assert line == Warehouse(path).load(saved.id, FAMILIES).summary
    assert line.id == saved.id
    assert line.as_of == datetime(2026, 11, 22, 12, 20, 2)  # noqa: DTZ001  # naive UTC, the newer block
    assert line.taken_at == datetime(2026, 11, 22, 12, 30, 5)  # noqa: DTZ001
    assert (line.trigger, line.source, line.status) == ("snapshot", "recording", "partial")
    assert (line.reads_expected, line.reads_ok, line.reads_failed) == (4, 3, 1)
    assert (line.score, line.band, line.verdict) == (RESULT.score, Band.CRITICAL, Verdict.UNKNOWN)


def test_the_list_is_newest_first_and_filters_by_wallet(tmp_path: Path) -> None:
    """A list holds each snapshot once, by block time."""
    path = tmp_path / "w.duckdb"
    later = replace(BLOCK, number=BLOCK.number + 1, hash="0x" + "ee" * 32, timestamp=BLOCK.timestamp + 12)
    first = save(path).id
    second = save(path, replace(PORTFOLIO, blocks={**PORTFOLIO.blocks, later.chain: later})).id
    other = Address("0x" + "ff" * 20)
    third = save(path, replace(PORTFOLIO, wallet=other)).id
    warehouse = Warehouse(path)
    assert [line.id for line in warehouse.snapshots(WALLET)] == [second, first]
    assert [line.id for line in warehouse.snapshots(other)] == [third]
    assert len(warehouse.snapshots()) == 3


def test_a_result_without_positions(tmp_path: Path) -> None:
    """No score, infinite ratios and empty lists come back as they were."""
    empty = replace(
        PORTFOLIO, accounts=(), marks={}, classes={}, failures=(), warnings=(),
        coverage=replace(PORTFOLIO.coverage, ok=4, failed=0),
    )  # fmt: skip
    result = replace(
        RESULT, score=None, kappa=math.inf, margin_coverage_ratio=math.inf, band=Band.NONE, accounts=(),
        greeks=(), worst_scenarios=(), binding=None, weakest_account=None, flags=(), verdict=Verdict.OK,
        multiples=Multiples(math.inf, math.inf, math.inf), survival=(),
    )  # fmt: skip
    path = tmp_path / "w.duckdb"
    stored = Warehouse(path).load(save(path, empty, result).id, FAMILIES)
    assert stored.portfolio == empty
    assert stored.result == result
    assert stored.summary.status == "complete"


@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    amounts=st.lists(UINT256, min_size=1, max_size=30),
    signed=st.lists(INT256, min_size=5, max_size=5),
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20),
    floats=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
)
def test_every_value_comes_back_as_it_was(
    shared_path: Path, amounts: list[int], signed: list[int], texts: list[str], floats: list[float]
) -> None:
    """Integers of 256 bits in positions, rules and prices, hostile text, and finite floats to the bit.

    Quotes, control characters or NUL harm nothing; floats go through the ORM's row and through Arrow.
    """
    size, entry, mark, pnl, funding = signed
    perp = DERIVATIVES.positions[0]
    assert isinstance(perp, Perp)
    perp = replace(
        perp, size_raw=size, entry_price_raw=entry, mark_price_raw=mark, pnl_raw=pnl, funding_raw=funding
    )
    supplies = tuple(Supply(USDC, amount, is_collateral=True, origin="o") for amount in amounts)
    debts = tuple(Debt(WETH, amount, "variable", "o") for amount in amounts)
    texts = [*texts, "'); DROP TABLE position; --", "a\x00b"]
    held = tuple(Holding(replace(SUSD, symbol=text), 1, text) for text in texts)
    portfolio = replace(
        PORTFOLIO,
        accounts=(
            replace(LOAN, positions=supplies + debts),
            replace(DERIVATIVES, positions=(perp,)),
            replace(WALLET_ACCOUNT, positions=held, label=texts[0]),
        ),
        marks={**PORTFOLIO.marks, USDC.id: Quote(USDC.id, max(amounts) or 1, 8, "o")},
    )
    result: RiskResult = replace(
        RESULT,
        kappa=floats[0],
        greeks=tuple(replace(g, delta_usd=floats[1]) for g in RESULT.greeks),
        scenario_hash=str(floats),
    )
    stored = Warehouse(shared_path).load(save(shared_path, portfolio, result).id, FAMILIES)
    assert stored.portfolio.accounts == portfolio.accounts
    assert stored.portfolio.marks == portfolio.marks
    assert stored.result == result


def test_a_snapshot_that_is_not_there(tmp_path: Path) -> None:
    """An unknown id is named, with and without a file."""
    path = tmp_path / "w.duckdb"
    with pytest.raises(StoreError, match="holds no snapshot nope"):
        Warehouse(path).load("nope", FAMILIES)
    assert Warehouse(path).snapshots() == []
    assert not path.exists()
    save(path)
    with pytest.raises(StoreError, match="holds no snapshot nope"):
        Warehouse(path).load("nope", FAMILIES)


def test_a_missing_rule_family_is_named(tmp_path: Path) -> None:
    """A snapshot of an adapter that is not installed says so instead of dropping the rule."""
    path = tmp_path / "w.duckdb"
    with pytest.raises(StoreError, match="rule family loan"):
        Warehouse(path).load(save(path).id, {})
