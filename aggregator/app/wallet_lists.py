"""Lists of wallets from files and queries: checked as a whole before anything is read, each wallet once.

A wallet takes twenty bytes here, so a million of them take what a hundred portfolios do.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from aggregator.app import queries
from aggregator.app.naming import is_name
from aggregator.model.errors import BadConfiguration, InvalidAddress
from aggregator.model.units import Address, parse_address
from aggregator.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from aggregator.store.query import Answer

COLUMNS = ("wallet", "address")
"""Columns that hold wallets where the user names none, the first that is there."""

_BYTES = 20
_ADDRESS_DIGITS = 2 * _BYTES
_PARQUET = b"PAR1"
_LONGEST_LINE = 1_000_000
_ROWS = 10_000
_SHOWN_FAULTS = 10
_SHOWN_CELL = 48
_SEPARATORS = (",", ";", "\t")


class WalletList:
    """Wallets in their order, each once; `duplicates` counts what was left out."""

    def __init__(self, packed: bytes) -> None:
        import numpy as np  # noqa: PLC0415

        rows = np.frombuffer(packed, dtype=np.dtype((np.void, _BYTES)))
        first = np.sort(np.unique(rows, return_index=True)[1])
        self._packed = rows[first].tobytes()
        self.duplicates = len(rows) - len(first)

    def __len__(self) -> int:
        return len(self._packed) // _BYTES

    def part(self, start: int, stop: int) -> tuple[Address, ...]:
        """Those from one position up to another, which may lie behind the end."""
        packed = self._packed[start * _BYTES : stop * _BYTES]
        cells = (packed[i : i + _BYTES] for i in range(0, len(packed), _BYTES))
        return tuple(Address("0x" + cell.hex()) for cell in cells)

    @property
    def sha256(self) -> str:
        """A hash over the wallets and their order, in hex."""
        return hashlib.sha256(self._packed).hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list came from: `name` for people, `key` tells it from others.

    `lasting`: asked again it gives the same, or has another key.
    """

    name: str
    key: str
    lasting: bool
    wallets: WalletList


def of_addresses(addresses: Iterable[Address]) -> WalletList:
    """The list of these."""
    return WalletList(b"".join(bytes.fromhex(address[2:]) for address in addresses))


def of_file(path: Path, column: str | None = None) -> Source:
    """The wallets of a CSV or Parquet file, told apart by how it begins.

    A CSV file has a header, or one column and none. Raises BadConfiguration where the file can't be read or
    names no such column, and on rows without a valid address, with their lines.
    """
    name = path.name.encode(errors="backslashreplace").decode()
    try:
        with path.open("rb") as file:
            is_parquet = file.peek(len(_PARQUET))[: len(_PARQUET)] == _PARQUET
            rows = _parquet(name, path, column) if is_parquet else _csv(name, file, column)
            wallets = _packed(name, rows)
    except OSError as error:
        raise BadConfiguration(name, f"it can't be read: {error.strerror or error}") from error
    return Source(name, f"wallets {wallets.sha256}", lasting=True, wallets=wallets)


def of_query(
    name: str, sql: str | None, given: Mapping[str, str], config: Settings, column: str | None = None
) -> Source:
    """The wallets that a query that ships answers, or `sql`; it may answer others the next time.

    Raises QueryError and StoreError as `queries.run` does, and BadConfiguration as `of_file`.
    """
    from aggregator.store.limits import Limits  # noqa: PLC0415  # DuckDB

    where = f"query {name}"

    def take(answer: Answer) -> WalletList:
        at = _place(where, [found.name for found in answer.columns], column)
        cells = (row[at] for rows in answer.batches for row in rows)
        return _packed(where, ((f"row {i}", cell) for i, cell in enumerate(cells, start=1)))

    if sql is None:
        query = queries.find(name)
        text, wallets = query.sql, queries.run(query, given, config, take, Limits())
    else:
        text, wallets = sql, queries.run_sql(sql, given, config, take, Limits())
    key = hashlib.sha256(repr((text, sorted(given.items()), column)).encode()).hexdigest()
    return Source(where, f"query {key}", lasting=False, wallets=wallets)


def _packed(where: str, cells: Iterable[tuple[str, object]]) -> WalletList:
    """Every cell as a wallet, each with where it stands; raises BadConfiguration naming the first faults."""
    packed, faults, count = bytearray(), list[str](), 0
    for place, cell in cells:
        try:
            packed += _bytes(cell)
        except InvalidAddress as error:
            count += 1
            if len(faults) < _SHOWN_FAULTS:
                faults.append(f"{place}: {error.text} ({error.why})")
    if count:
        more = f"; and {count - len(faults):,} more" if count > len(faults) else ""
        told = f"{count:,} {'row has' if count == 1 else 'rows have'} no wallet address"
        raise BadConfiguration(where, f"{told}: {'; '.join(faults)}{more}. Nothing was read")
    if not packed:
        raise BadConfiguration(where, "it holds no wallet")
    return WalletList(bytes(packed))


def _bytes(cell: object) -> bytes:
    """A wallet as 20 bytes, from its hex text or as such; raises InvalidAddress with a text to show."""
    match cell:
        case bytes() if len(cell) == _BYTES:
            return cell
        case str():
            try:
                return bytes.fromhex(parse_address(cell.strip())[2:])
            except InvalidAddress as error:
                raise InvalidAddress(_shown(cell), error.why) from error
        case None | b"":
            raise InvalidAddress("empty", "there is no text")
        case _:
            raise InvalidAddress(_shown(str(cell)), "it is neither text nor 20 bytes")


def _shown(text: str) -> str:
    """Text of strangers, in quotes and without anything that a terminal would obey."""
    return ascii(text if len(text) <= _SHOWN_CELL else text[:_SHOWN_CELL] + "...")


def _place(where: str, names: Sequence[str], column: str | None) -> int:
    """Which column holds the wallets; raises BadConfiguration where that is not clear."""
    if column is None and len(names) == 1:
        return 0
    plain = [name.strip().lower() for name in names]
    for wanted in COLUMNS if column is None else (column.strip().lower(),):
        if plain.count(wanted) == 1:
            return plain.index(wanted)
    has = ", ".join(_shown(name) for name in names[:20])
    missing = "none is named wallet or address" if column is None else f"none is named {_shown(column)}"
    raise BadConfiguration(where, f"{missing} among its columns {has}: name one with --column")


def _csv(where: str, file: BinaryIO, column: str | None) -> Iterator[tuple[str, object]]:
    with TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        lines = _lines(where, text)
        rows = csv.reader(())
        try:
            first = next(lines, "")
            separator = next((one for one in _SEPARATORS if one in first), ",")
            rows = csv.reader(_again(first, lines), delimiter=separator, strict=True)
            header = next((row for row in rows if any(row)), [])
            if len(header) == 1 and column is None and _no_header(header[0]):
                at = 0
                yield f"line {rows.line_num}", header[0]
            elif header:
                at = _place(where, header, column)
            for row in rows:
                if any(row):
                    yield f"line {rows.line_num}", row[at] if at < len(row) else None
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadConfiguration(where, f"line {rows.line_num + 1} is no CSV in UTF-8 ({error})") from error


def _no_header(cell: str) -> bool:
    """Whether the first line is meant as a wallet, maybe a mistyped one: none is left out in silence."""
    text = cell.strip()
    return text.lower().startswith("0x") or len(text) >= _ADDRESS_DIGITS or is_name(text)


def _lines(where: str, text: TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise BadConfiguration(where, f"a line has {_LONGEST_LINE:,} characters or more: is it CSV?")
        yield line


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _parquet(where: str, path: Path, column: str | None) -> Iterator[tuple[str, object]]:
    import pyarrow as pa  # noqa: PLC0415  # a fifth of a second
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            name = names[_place(where, names, column)]
            kind = file.schema_arrow.field(name).type
            plain = kind.value_type if pa.types.is_dictionary(kind) else kind
            if not any(fits(plain) for fits in _text_or_bytes()):
                raise BadConfiguration(where, f"its column {_shown(name)} holds {kind}, not addresses")
            row = 0
            for batch in file.iter_batches(_ROWS, columns=[name]):
                for cell in batch.column(0).to_pylist():
                    row += 1
                    yield f"row {row}", cell
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise BadConfiguration(where, f"it is no whole Parquet file ({error})") from error


def _text_or_bytes() -> tuple[Callable[[pa.DataType], bool], ...]:
    from pyarrow import types  # noqa: PLC0415

    text = (types.is_string, types.is_large_string, types.is_string_view)
    return (*text, types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
