"""Answers as Parquet or Arrow files, with every integer and decimal as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from aggregator.model.errors import QueryError
from aggregator.store.query import Answer

_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_TYPES = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}


def write(answer: Answer, path: Path, *, arrow: bool) -> int:
    """Write an answer to a Parquet file, or with `arrow` to one in Arrow's stream format; returns its rows.

    The file appears whole or not at all; a former one is replaced. Raises QueryError where it can't be
    written.
    """
    schema = pa.schema(
        pa.field(column.name, _arrow_type(column.fetched), metadata={"duckdb_type": column.type})
        for column in answer.columns
    )
    temporary = path.with_name(f".{path.name}.part")
    rows = 0
    try:
        with temporary.open("wb") as file:
            writer = (
                pyarrow.ipc.new_stream(file, schema)
                if arrow
                else pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")
            )
            with writer:
                for batch in _arrow(answer, schema):
                    writer.write_batch(batch)
                    rows += batch.num_rows
        temporary.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise QueryError("file", f"{path.name} can't be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return rows


def _arrow(answer: Answer, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for rows in answer.batches:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _arrow_type(kind: str) -> pa.DataType:
    decimal = _DECIMAL.fullmatch(kind)
    if decimal is not None:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    return _TYPES.get(kind, pa.string())
