"""Reading configuration tables strictly: every line is known, of its type and in its range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from aggregator.model.errors import BadConfiguration


def merged(*layers: Mapping[str, object]) -> dict[str, object]:
    """Nested tables, a later layer overriding an earlier one line by line."""
    result: dict[str, object] = {}
    for layer in layers:
        for key, value in layer.items():
            before = result.get(key)
            if isinstance(value, Mapping) and isinstance(before, Mapping):
                result[key] = merged(before, value)
            else:
                result[key] = value
    return result


class Table:
    """A table that remembers which of its lines were read, so that a misspelt one is found."""

    def __init__(self, data: Mapping[str, object], where: str, path: str = "") -> None:
        self._data, self._where, self._path = data, where, path
        self._read: dict[str, Table | None] = {}

    def number(self, key: str, low: float, high: float) -> float:
        """A number in [low, high]; raises BadConfiguration otherwise."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error(key, f"must be a number, not {value!r}")
        if not low <= value <= high:
            raise self._error(key, f"is {value}, must be between {low} and {high}")
        return float(value)

    def whole(self, key: str, low: int, high: int) -> int:
        """A whole number in [low, high]; raises BadConfiguration otherwise."""
        value = self.number(key, low, high)
        if value != int(value):
            raise self._error(key, f"is {value}, must be a whole number")
        return int(value)

    def text(self, key: str) -> str:
        """A text; raises BadConfiguration otherwise."""
        value = self._get(key)
        if not isinstance(value, str):
            raise self._error(key, f"must be a text, not {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; raises BadConfiguration otherwise."""
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._error(key, f"must be a list of texts, not {value!r}")
        return tuple(value)

    def table(self, key: str) -> Table:
        """A table inside; raises BadConfiguration where there is none."""
        value = self._get(key)
        if not isinstance(value, Mapping):
            raise self._error(key, "must be a table")
        inner = Table(cast("Mapping[str, object]", value), self._where, self._name(key))
        self._read[key] = inner
        return inner

    def tables(self, key: str) -> dict[str, Table]:
        """The tables inside a table, by name, in their order."""
        outer = self.table(key)
        return {name: outer.table(name) for name in outer.names}

    @property
    def names(self) -> tuple[str, ...]:
        """The lines of this table, in their order."""
        return tuple(self._data)

    def finish(self) -> None:
        """Raises BadConfiguration where a line was never asked for."""
        for key in self._data:
            if key not in self._read:
                raise self._error(key, "is not a parameter; is it misspelt?")
            inner = self._read[key]
            if inner is not None:
                inner.finish()

    def _get(self, key: str) -> object:
        if key not in self._data:
            raise self._error(key, "is missing")
        self._read.setdefault(key, None)
        return self._data[key]

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _error(self, key: str, why: str) -> BadConfiguration:
        return BadConfiguration(self._where, f"{self._name(key)} {why}")
