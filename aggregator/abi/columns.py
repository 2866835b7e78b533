"""Columns of fixed-layout values: many calls of one function encoded and decoded as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aggregator.abi.types import AbiType
from aggregator.abi.words import WordError, address_bytes, reader, writer
from aggregator.model.errors import UNANSWERED, MalformedReply, NoContract, ReadError
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
    kinds = inputs.leaves if inputs.words is not None else None
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

    @staticmethod
    def misfit(outputs: AbiType, raw: bytes, origin: str) -> ReadError | None:
        """Why a reply can't be a row: nothing was answered, or not as many bytes as the outputs take."""
        width = 32 * (outputs.words or 0)
        if len(raw) == width:
            return None
        if not raw:
            return NoContract(origin)
        return MalformedReply(origin, f"{len(raw)} bytes where {outputs.canonical} takes {width}")

    @property
    def unanswered(self) -> ReadError | None:
        """The error of the first call that nobody answered, if there is one."""
        return next((error for error in self.failures.values() if isinstance(error, UNANSWERED)), None)

    def __len__(self) -> int:
        return len(self.raw) // (32 * (self.outputs.words or 1))

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
        kind = self.outputs.leaves[word]
        limbs = self._limbs(word)
        if len(limbs) >= _MANY and (found := _fast(kind, limbs)) is not None:
            return found
        try:
            return list(map(reader(kind), np.ascontiguousarray(limbs).view("V32").ravel().tolist()))
        except WordError as error:
            raise MalformedReply(self.origin, str(error)) from error

    def _limbs(self, word: int) -> NDArray[np.uint64]:
        """Output word `word` of every call as four numbers of 64 bits, the highest first."""
        limbs = np.frombuffer(self.raw, dtype=">u8").reshape(-1, 4 * (self.outputs.words or 0))
        return limbs[:, 4 * word : 4 * word + 4]

    def _small(self, word: int) -> NDArray[np.uint64] | None:
        limbs = self._limbs(word)
        return None if limbs[:, :3].any() else limbs[:, 3].astype(np.uint64)


def _fast(kind: str, limbs: NDArray[np.uint64]) -> list[Any] | None:
    """All words at once; None where the type has no way to, or a word needs a closer look."""
    if kind.startswith("uint"):
        return _unsigned(int(kind[4:]), limbs)
    if kind == "address":
        if limbs[:, 0].any() or (limbs[:, 1] >> np.uint64(32)).any():
            return None
        digits = np.ascontiguousarray(limbs).view(np.uint8)[:, 12:].tobytes().hex()
        return ["0x" + digits[i : i + 40] for i in range(0, len(digits), 40)]
    if kind == "bool":
        if limbs[:, :3].any() or (limbs[:, 3] > 1).any():
            return None
        return limbs[:, 3].astype(bool).tolist()  # type: ignore[no-any-return]
    if kind.startswith("int"):
        return _signed(int(kind[3:]), limbs)
    return None


def _unsigned(bits: int, limbs: NDArray[np.uint64]) -> list[Any] | None:
    if limbs[:, :3].any():
        return None
    low = limbs[:, 3]
    if bits < 64 and (low >> np.uint64(bits)).any():
        return None
    return low.tolist()  # type: ignore[no-any-return]


def _signed(bits: int, limbs: NDArray[np.uint64]) -> list[Any] | None:
    signed = limbs.view(">i8")
    sign, low = signed[:, :3], signed[:, 3].astype(np.int64)
    if (sign != (low >> 63)[:, None]).any():
        return None  # beyond 64 bits
    if bits < 64 and ((low >> (bits - 1)) != (low >> 63)).any():
        return None
    return low.tolist()  # type: ignore[no-any-return]
