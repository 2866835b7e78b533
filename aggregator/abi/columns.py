"""Columns of fixed-layout values: many calls of one function encoded and decoded as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from aggregator.abi.types import AbiType
from aggregator.abi.words import WordError, address_bytes, leaves, reader, writer
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.units import Address

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MANY = 48
"""From so many words on, arrays are faster than reading one word after another."""


def columnar(
    inputs: AbiType,
    outputs: AbiType,
    selector: bytes,
    targets: Address | Sequence[Address],
    arguments: Sequence[Any],
) -> tuple[bytes, bytes]:
    """Targets (20 bytes each) and calldata rows of equal width of as many calls as the sequences are long.

    Raises WordError where a layout is not flat and fixed, or the sequences differ in length.
    """
    kinds = list(leaves(inputs)) if inputs.words is not None else None
    if kinds is None or not outputs.words or len(kinds) != len(inputs.components):
        raise WordError(f"{inputs.canonical} -> {outputs.canonical} has no flat fixed layout")
    if len(arguments) != len(kinds):
        raise WordError(f"{inputs.canonical} takes {len(kinds)} arguments, not {len(arguments)}")
    lengths = {len(x) for x in (targets, *arguments) if _is_column(x)}
    if len(lengths) != 1:
        raise WordError(f"columns of one length are needed, not of {sorted(lengths)}")
    count = lengths.pop()
    places = address_bytes(targets) if _is_column(targets) else address_bytes([targets]) * count
    if not any(map(_is_column, arguments)):
        words = [_word(kind, value) for kind, value in zip(kinds, arguments, strict=True)]
        return places, b"".join([selector, *words]) * count
    rows = np.zeros((count, 4 + 32 * len(kinds)), dtype=np.uint8)
    rows[:, :4] = np.frombuffer(selector, dtype=np.uint8)
    for i, (kind, values) in enumerate(zip(kinds, arguments, strict=True)):
        rows[:, 4 + 32 * i : 36 + 32 * i] = _words(kind, values)
    return places, rows.tobytes()


def _is_column(values: Any) -> bool:
    return not isinstance(values, (str, bytes, int))


def _word(kind: str, value: Any) -> bytes:
    return writer(kind)(value)


def _words(kind: str, values: Any) -> NDArray[np.uint8]:
    if not _is_column(values):
        return np.frombuffer(_word(kind, values), dtype=np.uint8)
    if kind == "address":
        words = np.zeros((len(values), 32), dtype=np.uint8)
        words[:, 12:] = np.frombuffer(address_bytes(values), dtype=np.uint8).reshape(-1, 20)
        return words
    write = writer(kind)
    return np.frombuffer(b"".join([write(v) for v in values]), dtype=np.uint8).reshape(-1, 32)


@dataclass(frozen=True, eq=False)
class Column:
    """The replies of many calls: `raw` holds them one after another, zeros where a call failed.

    `failures` maps the number of a call to its error. Values are read by output word; a failed call has
    none, so that its zeros are never taken for a figure.
    """

    origin: str
    outputs: AbiType
    raw: bytes
    failures: Mapping[int, ReadError]

    @cached_property
    def _words(self) -> NDArray[np.uint8]:
        width = self.outputs.words or 0
        return np.frombuffer(self.raw, dtype=np.uint8).reshape(-1, width, 32)

    @cached_property
    def _kinds(self) -> list[str]:
        return list(leaves(self.outputs))

    def __len__(self) -> int:
        return len(self._words)

    def values(self, word: int = 0) -> list[Any]:
        """Output word `word` of every call, decoded by its type.

        Raises the first call's error that failed, MalformedReply where a word is outside its type.
        """
        self._check()
        return self._read(word)

    def outcomes(self, word: int = 0) -> list[Any | ReadError]:
        """As `values`, with the error of a call that failed in its place."""
        found = self._read(word)
        for i, error in self.failures.items():
            found[i] = error
        return found

    def uint64(self, word: int = 0) -> NDArray[np.uint64] | None:
        """Output word `word` of every call as uint64; None where one is larger than 64 bits.

        Raises the first call's error that failed.
        """
        self._check()
        return self._small(word)

    def _check(self) -> None:
        for error in self.failures.values():
            raise error.with_traceback(None)

    def _read(self, word: int) -> list[Any]:
        kind = self._kinds[word]
        column = np.ascontiguousarray(self._words[:, word, :])
        if len(column) >= _MANY and (found := _fast(kind, column)) is not None:
            return found
        try:
            return list(map(reader(kind), column.view("V32").ravel().tolist()))
        except WordError as error:
            raise MalformedReply(self.origin, str(error)) from error

    def _small(self, word: int) -> NDArray[np.uint64] | None:
        column = np.ascontiguousarray(self._words[:, word, :])
        return None if column[:, :24].any() else _low(column)


def _fast(kind: str, column: NDArray[np.uint8]) -> list[Any] | None:
    """All words at once; None where the type has no way to, or a word needs a closer look."""
    if kind == "address":
        if column[:, :12].any():
            return None
        digits = column[:, 12:].tobytes().hex()
        return ["0x" + digits[i : i + 40] for i in range(0, len(digits), 40)]
    if kind == "bool":
        if column[:, :31].any() or (column[:, 31] > 1).any():
            return None
        return column[:, 31].astype(bool).tolist()  # type: ignore[no-any-return]
    if kind.startswith("uint"):
        return _unsigned(int(kind[4:]), column)
    if kind.startswith("int"):
        return _signed(int(kind[3:]), column)
    return None


def _low(column: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The lowest 64 bits of each word."""
    return column.view(">u8")[:, 3].astype(np.uint64)


def _unsigned(bits: int, column: NDArray[np.uint8]) -> list[Any] | None:
    if column[:, :24].any():
        return None
    low = _low(column)
    if bits < 64 and (low >> np.uint64(bits)).any():
        return None
    return low.tolist()  # type: ignore[no-any-return]


def _signed(bits: int, column: NDArray[np.uint8]) -> list[Any] | None:
    limbs = column.view(">i8")
    sign, low = limbs[:, :3], limbs[:, 3].astype(np.int64)
    if (sign != (low >> 63)[:, None]).any():
        return None  # beyond 64 bits
    if bits < 64 and ((low >> (bits - 1)) != (low >> 63)).any():
        return None
    return low.tolist()  # type: ignore[no-any-return]
