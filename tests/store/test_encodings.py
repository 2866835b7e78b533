"""Files of tables: every figure exactly, whatever its size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel, create_engine

from aggregator.store import bulk, encodings
from aggregator.store.account_tables import AccountRow, PositionRow
from aggregator.store.columns import ExactInteger, FiniteFloat, Table, table_of, utc
from aggregator.store.encodings import Encoding
from aggregator.store.scope import Choice, query, row_classes
from aggregator.store.tables import NoteRow, PriceRow, SpotRow

EDGES = [0, 1, 2**53 + 1, 2**63, 2**64 - 1, 2**64, 2**127, 2**128, 10**38, 2**255, 2**256 - 1]
UINT256 = st.one_of(st.integers(0, 2**256 - 1), st.sampled_from(EDGES))
INT256 = st.one_of(st.integers(-(2**255), 2**255 - 1), st.sampled_from([-(2**255), -(2**64), -1, 0]))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FEW = settings(max_examples=15)


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    """An empty schema in memory; each example rolls back."""
    with create_engine("duckdb:///:memory:").connect() as connection:
        with connection.begin():
            Table.metadata.create_all(connection)
        yield connection


def columns(row: type[SQLModel], count: int, **given: list[object]) -> dict[str, list[object]]:
    """Rows of a table whose columns are NULL where they can be, and harmless otherwise."""
    harmless: dict[pa.DataType, object] = {
        pa.string(): "x",
        pa.int64(): 0,
        pa.bool_(): False,
        pa.float64(): 0.0,
        pa.timestamp("us"): utc(1_795_350_000),
    }
    return {
        column.name: given.get(
            column.name, [None if column.nullable else harmless[bulk.arrow_type(column.type)]] * count
        )
        for column in table_of(row).columns
    }


def through_a_file(
    connection: sa.Connection, row: type[SQLModel], values: dict[str, list[object]], encoding: Encoding
) -> dict[str, list[object]]:
    """What comes back of columns from the table, and of the table from a file, as Arrow has it."""
    schema = encodings.arrow_schema(table_of(row))
    with connection.begin() as transaction, TemporaryDirectory() as folder:
        bulk.insert(connection, row, values)
        driver = connection.connection.driver_connection
        assert driver is not None
        path = Path(folder) / "file"
        sql, parameters = query(row, Choice())
        batches = driver.sql(sql, params=parameters).to_arrow_reader(7)
        assert encodings.write(encoding, path, schema, batches) == len(next(iter(values.values())))
        with encodings.reading(encoding, path, schema) as reader:
            found: dict[str, list[object]] = reader.read_all().to_pydict()
        transaction.rollback()
    return found


@FEW
@given(prices=st.lists(UINT256, min_size=1, max_size=20), debt=UINT256, profit=INT256)
@example(prices=EDGES, debt=2**256 - 1, profit=-(2**255))
@pytest.mark.parametrize("encoding", list(Encoding))
def test_integers_of_every_size(
    connection: sa.Connection, encoding: Encoding, prices: list[int], debt: int, profit: int
) -> None:
    """uint256 and int256 through table and file, in columns of their own and in the JSON of a rule."""
    names: list[object] = [f"{i:02}" for i in range(len(prices))]
    found = through_a_file(
        connection, PriceRow, columns(PriceRow, len(prices), asset_id=names, price_raw=[*prices]), encoding
    )
    assert list(map(int, map(str, found["price_raw"]))) == prices
    values = columns(PositionRow, 1, kind=["perp"], pnl_raw=[profit], amount_raw=[debt])
    found = through_a_file(connection, PositionRow, values, encoding)
    assert (found["pnl_raw"], found["amount_raw"]) == ([str(profit)], [str(debt)])
    rule = {"debt": str(debt), "threshold_bps": 8300, "prices": list(map(str, prices))}
    values = columns(AccountRow, 1, kind=["lending"], rule=[rule], native_power_raw=[profit])
    found = through_a_file(connection, AccountRow, values, encoding)
    assert json.loads(str(found["rule"][0])) == rule
    assert found["native_power_raw"] == [str(profit)]


@FEW
@given(texts=st.lists(TEXT, min_size=1, max_size=20))
@example(
    texts=["", "NULL", "null", "\\N", "NaN", "#N/A", '"', '""', ",", "a\r\nb", "\n", "=1+1", " x ", "a\x00b"]
)
@pytest.mark.parametrize("encoding", list(Encoding))
def test_texts_are_never_mistaken(connection: sa.Connection, encoding: Encoding, texts: list[str]) -> None:
    """No text becomes NULL, a number, two rows or other spaces; NULL stays NULL beside an empty text."""
    ordinals: list[object] = [*range(len(texts))]
    values = columns(NoteRow, len(texts), kind=["flag"] * len(texts), ordinal=ordinals, text=[*texts])
    assert through_a_file(connection, NoteRow, values, encoding)["text"] == texts
    values = columns(PositionRow, 2, kind=["holding"] * 2, ordinal=[0, 1], market=["", None])
    assert through_a_file(connection, PositionRow, values, encoding)["market"] == ["", None]


@pytest.mark.parametrize("encoding", list(Encoding))
def test_texts_of_many_megabytes(connection: sa.Connection, encoding: Encoding) -> None:
    """Behind small ones, so that they straddle whatever blocks a file is read in."""
    texts: list[object] = ["a", "b" * 1_500_000, "c", "d" * 9_000_000, "e"]
    values = columns(NoteRow, 5, kind=["flag"] * 5, ordinal=[*range(5)], text=texts)
    assert through_a_file(connection, NoteRow, values, encoding)["text"] == texts


@FEW
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@example(values=[0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1e22, -0.0])
@pytest.mark.parametrize("encoding", list(Encoding))
def test_floats_keep_every_bit(connection: sa.Connection, encoding: Encoding, values: list[float]) -> None:
    """A float64 is written so that it reads back as the same one."""
    names: list[object] = [f"{i:02}" for i in range(len(values))]
    rows = columns(SpotRow, len(values), underlying=names, price_usd=[*values])
    found = through_a_file(connection, SpotRow, rows, encoding)["price_usd"]
    assert list(map(repr, found)) == list(map(repr, values))


@pytest.mark.parametrize("encoding", list(Encoding))
def test_decimals_and_times(connection: sa.Connection, encoding: Encoding) -> None:
    """The largest and smallest that a column holds."""
    usd = [Decimal("-999999999999999999999999999999.99999999"), Decimal("0.00000001"), None]
    times = [datetime(9999, 12, 31, 23, 59, 59, 999999), utc(0), None]  # noqa: DTZ001  # naive UTC
    rows = columns(PositionRow, 3, kind=["option"] * 3, ordinal=[0, 1, 2], value_usd=[*usd], expiry=[*times])
    found = through_a_file(connection, PositionRow, rows, encoding)
    assert found["value_usd"] == usd
    assert found["expiry"] == times


@pytest.mark.parametrize("row", row_classes(), ids=lambda row: table_of(row).name)
def test_types_of_parquet(tmp_path: Path, row: type[SQLModel]) -> None:
    """What a file says of itself: integers of contracts are text, and nothing but a float is a DOUBLE."""
    table = table_of(row)
    encodings.write(Encoding.PARQUET, tmp_path / "file", encodings.arrow_schema(table), [])
    written = pyarrow.parquet.ParquetFile(tmp_path / "file").schema
    for i, column in enumerate(table.columns):
        physical, logical = written.column(i).physical_type, str(written.column(i).logical_type)
        assert (physical == "DOUBLE") == isinstance(column.type, FiniteFloat)
        assert physical in {"BYTE_ARRAY", "INT64", "BOOLEAN", "DOUBLE", "FIXED_LEN_BYTE_ARRAY"}
        if isinstance(column.type, ExactInteger) or column.name.endswith("_raw"):
            assert (physical, logical) == ("BYTE_ARRAY", "String")
        if physical == "FIXED_LEN_BYTE_ARRAY":
            assert logical in {"Decimal(precision=38, scale=8)", "Decimal(precision=38, scale=18)"}
        assert (written.column(i).max_definition_level == 1) == column.nullable


def test_comments_are_in_parquet(tmp_path: Path) -> None:
    """A file that lies alone still says what its columns are."""
    path = tmp_path / "file"
    encodings.write(Encoding.PARQUET, path, encodings.arrow_schema(table_of(PriceRow)), [])
    field = pyarrow.parquet.read_schema(path).field("price_raw")
    assert field.metadata[b"comment"] == b"USD per whole unit, 10^-decimals, as the oracle answered"


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, encoding: Encoding) -> None:
    """Whoever writes names a new file."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError):
        encodings.write(encoding, tmp_path / "file", pa.schema([]), [])
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("encoding", list(Encoding))
def test_columns_in_another_order_or_type_are_refused(tmp_path: Path, encoding: Encoding) -> None:
    """A file is read as what it says, never cast."""
    schema = encodings.arrow_schema(table_of(SpotRow))
    other = pa.schema(reversed(list(schema)))
    encodings.write(encoding, tmp_path / "file", other, [])
    with (
        pytest.raises(ValueError, match="has other columns than its table: price_usd double"),
        encodings.reading(encoding, tmp_path / "file", schema),
    ):
        pass
