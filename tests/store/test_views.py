"""The views for people: a row per what they say, signs right, what is the latest told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from aggregator.store.warehouse import Warehouse
from tests.store.samples import BLOCK, DERIVATIVES, LOAN, PORTFOLIO, RESULT, WALLET, save

LATER = replace(BLOCK, number=BLOCK.number + 1, hash="0x" + "ee" * 32, timestamp=BLOCK.timestamp + 12)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The sample, and the same wallet twelve seconds later without its loan."""
    path: Path = tmp_path_factory.mktemp("warehouse") / "w.duckdb"
    save(path)
    accounts = (PORTFOLIO.accounts[0], PORTFOLIO.accounts[2])
    risk = replace(
        RESULT, accounts=RESULT.accounts[1:], position_greeks=RESULT.position_greeks[1:], score=70.0
    )
    save(path, replace(PORTFOLIO, accounts=accounts, blocks={**PORTFOLIO.blocks, LATER.chain: LATER}), risk)
    Warehouse(path).add_wallet(WALLET, "desk")
    with duckdb.connect(str(path), read_only=True) as connection:
        yield connection


def rows(database: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """The answer to a question."""
    return database.execute(sql).fetchall()


def test_positions_have_signed_amounts(database: duckdb.DuckDBPyConnection) -> None:
    """Debts and shorts are negative, whole units, with the underlying that moves each."""
    found = rows(
        database,
        "SELECT kind, instrument, underlying, amount, value_usd FROM v_positions"
        " WHERE NOT is_latest ORDER BY account_id, ordinal",
    )
    assert found == [
        ("supply", "WETH", "ETH", 40.0, Decimal("83644.93827120")),
        ("supply", "USDC", "USD", 5e-06, Decimal("0.00000500")),
        ("debt", "USDC", "USD", -61_000.0, Decimal("-60993.90000000")),
        ("perp", "sETHPERP", "ETH", -25.0, Decimal("-263.50000000")),
        ("option", "ETH-28FEB27-2400-C", "ETH", -10.0, Decimal("-1234.56789012")),
        ("option", "ETH-28FEB27-1800-P", "ETH", 10.0, None),
        ("holding", "ETH", None, 3.3, Decimal("6900.70740737")),
    ]


def test_exposure_is_net_per_underlying_protocol_and_chain(database: duckdb.DuckDBPyConnection) -> None:
    """The positions of a protocol add up; two protocols are two rows."""
    columns = "underlying, chain_id, protocol, delta_units, exposure_usd, gamma_usd, vega_usd, theta_usd"
    found = rows(database, f"SELECT {columns} FROM v_exposure WHERE NOT is_latest ORDER BY ALL")  # noqa: S608
    assert found == [
        ("BTC", 10, "perps", 1.2, 120_000.0, 0.0, 0.0, 0.0),
        ("ETH", 1, "aave_v3", 10.2, pytest.approx(21_330.0), -1.0, -2.0, 3.0),
        ("ETH", 10, "perps", -1.0, pytest.approx(-2_090.0), -647.0, -408.0, 35.0),
    ]


def test_health_is_a_row_per_account(database: duckdb.DuckDBPyConnection) -> None:
    """Its own health by the exact rule, rounded, beside the whole; accounts without a test have none."""
    columns = "account_id, native_health, survives_stresses, liquidatable, is_weakest, score"
    found = rows(database, f"SELECT {columns} FROM v_health WHERE NOT is_latest ORDER BY account_id")  # noqa: S608
    assert found == [
        (LOAN.id, pytest.approx(1.138119651886721), 0.92, True, False, RESULT.score),
        (DERIVATIVES.id, None, None, False, True, RESULT.score),
    ]


@pytest.mark.parametrize("view", ["v_positions", "v_exposure", "v_health"])
def test_the_latest_is_told(database: duckdb.DuckDBPyConnection, view: str) -> None:
    """Of two snapshots the newer one, with the user's name for the wallet and the status of both."""
    found = rows(
        database,
        f"SELECT DISTINCT as_of, is_latest, wallet_label, status FROM {view} ORDER BY as_of",  # noqa: S608
    )
    assert [row[1:] for row in found] == [(False, "desk", "partial"), (True, "desk", "partial")]
