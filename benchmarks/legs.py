"""Made-up legs of positions as Arrow columns and as row objects, and ways to write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa
from sqlmodel import Session

from aggregator.store import bulk
from aggregator.store.account_tables import PositionRow
from aggregator.store.columns import ExactInteger, names, table_of
from aggregator.store.encodings import arrow_schema
from aggregator.store.opening import Opening

SNAPSHOTS = 100
_TABLE = table_of(PositionRow)
_KINDS = ("supply", "debt", "perp", "option")


def columns(count: int) -> dict[str, pa.Array]:
    """Every column of `position` but `snapshot_id`: four kinds in turn, integers of up to 200 bits."""
    random = np.random.default_rng(1)
    number = np.arange(count)
    kind = number % len(_KINDS)
    words = random.integers(0, 2**50, (4, count), dtype=np.int64)
    amounts = [str((int(a) << 150) | (int(b) << 100) | (int(c) << 50) | int(d)) for a, b, c, d in words.T]
    text, signed = pa.array(amounts), pa.array([f"-{amount}" for amount in amounts])
    perp, option = pa.array(kind == 2), pa.array(kind == 3)
    derivative = pa.array(kind >= 2)
    block = pa.array(np.full(count, 21_204_331))
    given: dict[str, pa.Array] = {
        "account_id": pa.array([f"protocol:1:core:0x{n // 20:040x}" for n in range(count)]),
        "ordinal": pa.array(number),
        "kind": pa.array([_KINDS[n % len(_KINDS)] for n in range(count)]),
        "chain_id": pa.array(np.ones(count, dtype=np.int64)),
        "block_number": block,
        "block_hash": _repeated("0x" + "c3" * 32, count),
        "origin": _repeated("balanceOf(address)@0x0700000000000000000000000000000000000007", count),
        "asset_id": pa.array([f"eip155:1/erc20:0x{n % 50:040x}" for n in range(count)]),
        "symbol": _repeated("WETH", count),
        "decimals": pa.array(np.full(count, 18)),
        "amount_raw": _where(pa.array(kind < 2), text),
        "is_collateral": _where(pa.array(kind == 0), pa.array(number % 2 == 0)),
        "rate_mode": _where(pa.array(kind == 1), _repeated("variable", count)),
        "market": _where(derivative, _repeated("ETH-PERP", count)),
        "index_asset_id": _where(derivative, _repeated("index:ETH", count)),
        "underlying": _where(derivative, _repeated("ETH", count)),
        "size_raw": _where(derivative, signed),
        "size_decimals": _where(derivative, pa.array(np.full(count, 18))),
        "price_decimals": _where(derivative, pa.array(np.full(count, 18))),
        "entry_price_raw": _where(perp, text),
        "mark_price_raw": _where(derivative, text),
        "pnl_raw": _where(perp, signed),
        "funding_raw": _where(perp, signed),
        "option_right": _where(option, _repeated("call", count)),
        "option_style": _where(option, _repeated("european", count)),
        "strike_raw": _where(option, text),
        "expiry": _where(option, pa.array(np.full(count, "2027-02-28T08:00", dtype="datetime64[us]"))),
        "iv": _where(option, pa.array(random.random(count))),
        "value_usd": pa.array(words[0] // 10**6).cast(pa.decimal128(38, 0)).cast(pa.decimal128(38, 8)),
    }
    return {
        name: given[name] if name in given else pa.nulls(count, bulk.arrow_type(_TABLE.columns[name].type))
        for name in names(_TABLE, but={"snapshot_id"})
    }


def owners(number: int, count: int) -> pa.Array:
    """The column `snapshot_id` of a round: its legs lie in up to SNAPSHOTS snapshots."""
    ids = pa.array([f"round {number} snapshot {i:03}" for i in range(SNAPSHOTS)])
    return pa.DictionaryArray.from_arrays(pa.array(np.arange(count) % SNAPSHOTS, pa.int32()), ids).cast(
        pa.string()
    )


def row_objects(number: int, legs: dict[str, pa.Array], count: int) -> list[PositionRow]:
    """The first legs of a round as rows of the ORM."""
    values = {name: array.slice(0, count).to_pylist() for name, array in legs.items()}
    values["snapshot_id"] = owners(number, count).to_pylist()
    for column in _TABLE.columns:
        if isinstance(column.type, ExactInteger):
            values[column.name] = [None if v is None else int(v) for v in values[column.name]]
    return [PositionRow(**dict(zip(values, row, strict=True))) for row in zip(*values.values(), strict=True)]


def write_columns(path: Path, number: int, legs: dict[str, pa.Array]) -> None:
    """As the warehouse writes: checked for doubled keys and by DuckDB, in one transaction."""
    count = len(legs["ordinal"])

    def work(connection: sa.Connection) -> None:
        columns = {**legs, "snapshot_id": owners(number, count)}
        bulk.check_unique(PositionRow, columns)
        bulk.insert(connection, PositionRow, columns)

    Opening(path, lock_timeout_s=1).write(work)


def write_from_rows(path: Path, number: int, rows: list[PositionRow]) -> None:
    """The same from row objects: columns are built first. The rows can be used again, in another round."""

    def work(connection: sa.Connection) -> None:
        built = {name: [getattr(row, name) for row in rows] for name in names(_TABLE, but={"snapshot_id"})}
        columns = {**built, "snapshot_id": owners(number, len(rows))}
        bulk.check_unique(PositionRow, columns)
        bulk.insert(connection, PositionRow, columns)

    Opening(path, lock_timeout_s=1).write(work)


def add_all(path: Path, rows: list[PositionRow]) -> None:
    """The peer: what SQLModel's documentation shows. The rows are used up."""

    def work(connection: sa.Connection) -> None:
        with Session(connection) as session:
            session.add_all(rows)
            session.flush()

    Opening(path, lock_timeout_s=1).write(work)


def write_unchecked(path: Path, number: int, legs: dict[str, pa.Array]) -> None:
    """The floor: Arrow into a table without any condition."""
    count = len(legs["ordinal"])
    schema = arrow_schema(_TABLE)

    def work(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        columns = {**legs, "snapshot_id": owners(number, count)}
        incoming = pa.table([columns[name] for name in schema.names], names=schema.names)
        driver.register("incoming", incoming)
        driver.execute("INSERT INTO bare BY NAME SELECT * FROM incoming")
        driver.unregister("incoming")

    Opening(path, lock_timeout_s=1).write(work)


def make_bare(path: Path) -> None:
    """The table of `write_unchecked`."""
    make = 'CREATE TABLE bare AS SELECT * FROM "position" LIMIT 0'
    Opening(path, lock_timeout_s=1).write(lambda connection: connection.exec_driver_sql(make))


def digest(path: Path, table: str, count: int) -> tuple[int, str, str]:
    """The first legs of the first round in a file: rows, exact sum, and a hash of all columns."""
    everything = ", ".join(f'"{name}"' for name in names(_TABLE))
    query = (
        "SELECT count(*), sum(coalesce(amount_raw, mark_price_raw)::BIGNUM)::VARCHAR,"  # noqa: S608  # ours
        f" sum(hash({everything}))::VARCHAR"
        f" FROM \"{table}\" WHERE snapshot_id LIKE 'round 0 %' AND ordinal < {count}"
    )
    row = Opening(path, lock_timeout_s=1).read(lambda connection: connection.exec_driver_sql(query).one())
    return int(row[0]), str(row[1]), str(row[2])


def _repeated(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text])).cast(
        pa.string()
    )


def _where(condition: pa.Array, values: pa.Array) -> pa.Array:
    return pa.compute.if_else(condition, values, pa.scalar(None, values.type))
