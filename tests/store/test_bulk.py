"""Bulk inserts: exact values, refused shapes, one transaction with the ORM."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, create_engine, select

from aggregator.store import bulk
from aggregator.store.columns import ExactInteger, Table, unix, utc
from aggregator.store.greek_tables import GreekRow
from aggregator.store.tables import AssetClassRow, PriceRow, SpotRow


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    """An empty schema in memory; each test rolls back."""
    with create_engine("duckdb:///:memory:").connect() as connection:
        with connection.begin():
            Table.metadata.create_all(connection)
        yield connection


def price(**columns: object) -> dict[str, list[object]]:
    """One row of `price` as columns."""
    row = {
        "snapshot_id": "s", "asset_id": "a", "quoted_asset_id": "a", "price_raw": 1, "decimals": 8,
        "price_usd": None, "origin": "o", "updated_at": None, "heartbeat_s": None,
        "chain_id": None, "block_number": None, "block_hash": None,
    }  # fmt: skip
    return {name: [value] for name, value in (row | columns).items()}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=50))
def test_arrow_and_the_orm_agree(connection: sa.Connection, values: list[int]) -> None:
    """What one writes the other reads, exactly, within one transaction that is rolled back."""
    with connection.begin() as transaction, Session(connection) as session:
        columns: dict[str, list[object]] = {name: value * len(values) for name, value in price().items()}
        columns |= {"asset_id": [f"arrow{i}" for i in range(len(values))], "price_raw": list(values)}
        bulk.insert(connection, PriceRow, columns)
        for i, value in enumerate(values):
            row: dict[str, Any] = {name: value[0] for name, value in price().items()}
            session.add(PriceRow(**row | {"asset_id": f"orm{i}", "price_raw": value}))
        session.flush()
        session.expunge_all()
        read = {row.asset_id: row.price_raw for row in session.exec(select(PriceRow))}
        total = connection.exec_driver_sql("SELECT sum(price_raw::BIGNUM)::VARCHAR FROM price").scalar_one()
        transaction.rollback()
    assert read == {f"{way}{i}": value for way in ("arrow", "orm") for i, value in enumerate(values)}
    assert int(total) == 2 * sum(values)


def test_exact_decimals_and_times(connection: sa.Connection) -> None:
    """DECIMAL and TIMESTAMP columns come back to the last digit and second."""
    largest = Decimal("99999999999999999999.999999999999999999")
    with connection.begin() as transaction, Session(connection) as session:
        bulk.insert(connection, PriceRow, price(price_usd=largest, updated_at=utc(1_795_350_001)))
        row = session.exec(select(PriceRow)).one()
        transaction.rollback()
    assert row.price_usd == largest
    assert row.updated_at is not None
    assert unix(row.updated_at) == 1_795_350_001


@pytest.mark.parametrize("value", [-1, 2**256, True, 1.0, "1"])
def test_what_is_no_raw_integer_is_refused(connection: sa.Connection, value: object) -> None:
    """A float or a boolean never becomes an amount."""
    with pytest.raises((ValueError, TypeError)), connection.begin():
        bulk.insert(connection, PriceRow, price(price_raw=value))


def test_columns_must_be_those_of_the_table(connection: sa.Connection) -> None:
    """A forgotten or misspelt column is an error, not a NULL."""
    with pytest.raises(ValueError, match="spot that are missing or unknown: price, price_usd"):
        bulk.insert(connection, SpotRow, {"snapshot_id": ["s"], "underlying": ["ETH"], "price": [1.0]})


def test_columns_of_unequal_length_are_refused(connection: sa.Connection) -> None:
    """Arrow refuses them before DuckDB sees them."""
    with pytest.raises(ValueError, match="length"):
        bulk.insert(connection, SpotRow, {"snapshot_id": ["s"], "underlying": ["a", "b"], "price_usd": [1.0]})


def test_arrow_arrays_pass_as_they_are(connection: sa.Connection) -> None:
    """Columns may be Arrow arrays; one that is not finite is refused as a list would be."""
    names = pa.array(["a", "b"])
    columns = {"snapshot_id": names, "underlying": names, "price_usd": pa.array([1.0, 2.5])}
    with connection.begin() as transaction:
        bulk.insert(connection, SpotRow, columns)
        assert (
            connection.execute(
                sa.select(sa.func.sum(sa.column("price_usd"))).select_from(sa.table("spot"))
            ).scalar_one()
            == 3.5
        )
        transaction.rollback()
    with pytest.raises(ValueError, match="price_usd holds a number that is not finite"):
        bulk.insert(connection, SpotRow, columns | {"price_usd": pa.array([1.0, float("nan")])})


def test_a_doubled_natural_key_is_named() -> None:
    """As a list or as Arrow, and only where all of the key is the same."""
    rows = {"snapshot_id": ["s", "s", "t"], "asset_id": ["a", "b", "a"]}
    rest = {"underlying": ["ETH"] * 3, "risk_class": ["base"] * 3}
    bulk.check_unique(AssetClassRow, rows | rest)
    for twice in (rows | {"asset_id": ["a", "a", "b"]}, rows | {"asset_id": pa.array(["a", "a", "b"])}):
        with pytest.raises(ValueError, match=r"asset_class would hold \('s', 'a'\) twice"):
            bulk.check_unique(AssetClassRow, twice | rest)
    bulk.check_unique(AssetClassRow, {name: [] for name in rows | rest})


def test_no_rows_are_fine(connection: sa.Connection) -> None:
    """An empty list of every column inserts nothing."""
    bulk.insert(connection, GreekRow, {column.name: [] for column in sa.inspect(GreekRow).columns})


@given(st.integers(-(2**255), 2**256 - 1))
def test_text_of_integers_is_canonical(value: int) -> None:
    """The text of an integer reads back as itself and is the text that Python writes."""
    text = ExactInteger(signed=True).encode(value)
    assert text == str(value)
    assert int(text) == value
