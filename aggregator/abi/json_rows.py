"""JSON without floats, and rows of it whose fields are asked for by path and kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from aggregator.model.units import Address

T = TypeVar("T")

_BEYOND = 10**80
_INTEGER = re.compile(r"-?[0-9]{1,80}")
_DECIMAL = re.compile(r"-?[0-9]{1,80}(\.[0-9]{1,80})?([eE][+-]?[0-9]{1,2})?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Row(Mapping[str, Any]):
    """One entity, whose fields are asked for by their path: `row.integer("market", "token", "decimals")`.

    Raises ValueError where a field is missing or not what it should be.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def at(self, *path: str) -> Any:
        """The value at a path, as JSON has it; None where it is null."""
        found: Any = self._fields
        for name in path:
            if not isinstance(found, Mapping) or name not in found:
                raise ValueError(f"{'.'.join(path)} is missing")
            found = found[name]
        return found

    def text(self, *path: str) -> str:
        """A text: untrusted, whoever shows it must clean it."""
        return _of(str, self.at(*path), path)

    def flag(self, *path: str) -> bool:
        """A Boolean."""
        return _of(bool, self.at(*path), path)

    def integer(self, *path: str) -> int:
        """An Int, or a BigInt, which comes as text."""
        found = self.at(*path)
        if type(found) is int and abs(found) < _BEYOND:
            return found
        if isinstance(found, str) and _INTEGER.fullmatch(found):
            return int(found)
        raise _refused(path, found, "no integer")

    def natural(self, *path: str) -> int:
        """An integer from 0 up to what 256 bits hold."""
        found = self.integer(*path)
        if 0 <= found < 2**256:
            return found
        raise _refused(path, found, "no amount")

    def moment(self, *path: str) -> int:
        """A block's number or time."""
        found = self.integer(*path)
        if 0 <= found < 2**63:
            return found
        raise _refused(path, found, "no number of a block or time")

    def small(self, *path: str) -> int:
        """An integer from 0 to 255, as decimals are."""
        found = self.integer(*path)
        if 0 <= found <= 255:
            return found
        raise _refused(path, found, "no number of decimals")

    def decimal(self, *path: str) -> Decimal:
        """A BigDecimal or a BigInt, exactly as it was sent."""
        found = self.at(*path)
        if type(found) is int and abs(found) < _BEYOND:
            return Decimal(found)
        if isinstance(found, str) and _DECIMAL.fullmatch(found):
            return Decimal(found)
        raise _refused(path, found, "no number")

    def address(self, *path: str) -> Address:
        """A contract's or account's address, in lower case."""
        found = self.at(*path)
        if isinstance(found, str) and _ADDRESS.fullmatch(found):
            return Address(found.lower())
        raise _refused(path, found, "no address")

    def rows(self, *path: str) -> list[Row]:
        """A list of entities inside this one."""
        found = self.at(*path)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise _refused(path, found, "no list of entities")
        return [Row(one) for one in found]


def _of(kind: type[T], found: Any, path: Sequence[str]) -> T:
    if isinstance(found, kind):
        return found
    raise _refused(path, found, f"no {'text' if kind is str else 'Boolean'}")


def _refused(path: Sequence[str], found: Any, what: str) -> ValueError:
    return ValueError(f"{'.'.join(path)} is {what}: {str(found)[:60]!r}")


def loads(raw: bytes | str, list_as: str = "") -> dict[str, Any]:
    """A JSON object without floats: a number with a fraction is its text, as The Graph sends its own.

    With `list_as` a list is one, too: an object that has it under this name. Raises ValueError on anything
    else, and where an object has one name twice: readers differ in which of the two they take.
    """
    try:
        found = json.loads(
            raw, parse_float=str, parse_constant=_no_number, object_pairs_hook=_without_repetition
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if list_as and isinstance(found, list):
        return {list_as: found}
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has one name twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
