"""Tables as files: Parquet, CSV or Arrow, each exact for every type that a column can have."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import sqlalchemy as sa

from aggregator.store.bulk import arrow_type


class Encoding(StrEnum):
    """How the tables of an export are written; the value is also the files' ending."""

    PARQUET = "parquet"
    CSV = "csv"
    ARROW = "arrow"


def arrow_schema(table: sa.Table) -> pa.Schema:
    """The columns of a table as a file has them; comments are the metadata `comment` of each field."""
    return pa.schema(
        pa.field(column.name, arrow_type(column.type), column.nullable, {"comment": column.comment or ""})
        for column in table.columns
    )


def write(encoding: Encoding, path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches, whose columns are those of the schema in order, into a new file; the number of rows.

    Raises pyarrow's ArrowException and OSError where that fails.
    """
    rows = 0
    with path.open("xb") as file:
        with _writer(encoding, file, schema) as writer:
            for batch in batches:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
                rows += batch.num_rows
        file.flush()
        os.fsync(file.fileno())
    return rows


@contextmanager
def reading(encoding: Encoding, path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatchReader]:
    """The batches of a file, for as long as the context lasts.

    Raises ValueError where its columns are not those of the schema, and pyarrow's ArrowException and OSError
    where it can't be read; later batches may raise them too.
    """
    match encoding:
        case Encoding.PARQUET:
            with pyarrow.parquet.ParquetFile(path) as file:
                _require(schema, file.schema_arrow, path)
                yield pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())
        case Encoding.ARROW:
            with pyarrow.ipc.open_stream(pa.memory_map(str(path))) as reader:
                _require(schema, reader.schema, path)
                yield reader
        case Encoding.CSV:
            with pyarrow.csv.open_csv(
                path, read_options=_READ, parse_options=_PARSED, convert_options=_converted(schema)
            ) as reader:
                # The header decides the order of columns; nullability is no part of a CSV file.
                _require(pa.schema(pa.field(f.name, f.type) for f in schema), reader.schema, path)
                yield reader


def _writer(encoding: Encoding, file: object, schema: pa.Schema) -> pyarrow.ipc.RecordBatchStreamWriter:
    match encoding:
        case Encoding.PARQUET:
            return pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")
        case Encoding.ARROW:
            return pyarrow.ipc.new_stream(file, schema)
        case Encoding.CSV:
            return pyarrow.csv.CSVWriter(file, schema)


# The reader needs each row whole in one block.
_READ = pyarrow.csv.ReadOptions(block_size=2**24)
# Texts are quoted and NULL is not, so an empty text and NULL differ; a text may contain line breaks.
_PARSED = pyarrow.csv.ParseOptions(newlines_in_values=True)


def _converted(schema: pa.Schema) -> pyarrow.csv.ConvertOptions:
    return pyarrow.csv.ConvertOptions(
        column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )


def _require(expected: pa.Schema, found: pa.Schema, path: Path) -> None:
    if not found.equals(expected):
        told = ", ".join(f"{field.name} {field.type}" for field in found)
        raise ValueError(f"{path.name} has other columns than its table: {told}")
