"""The queries that ship: files of SQL with a header that says what they ask and how they are to be read.

    -- name: health_history
    -- question: How did the score of each wallet move?
    -- parameter: since time = NULL; no snapshot before
    -- grain: one row per snapshot
    -- units: USD, …
    --   more of it
    -- snapshots: latest; which of them

The lines come in this order, each once, `parameter` as often as there are any. Anything else is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TypeAlias

from aggregator.model.errors import InvalidAddress, QueryError
from aggregator.model.units import parse_address

Value: TypeAlias = str | int | float | bool | datetime | None
"""What a parameter is bound to; times are naive UTC."""

_KEYS = ("name", "question", "parameter", "grain", "units", "snapshots")
_LINE = re.compile(r"-- ([a-z]+): (\S.*)")
_MORE = re.compile(r"--   (\S.*)")
_PARAMETER = re.compile(r"(?P<name>[a-z][a-z0-9_]*) (?P<kind>\w+) = (?P<default>[^;]+); (?P<meaning>\S.*)")
_NULL = "NULL"


class Kind(StrEnum):
    """What a parameter can be."""

    TEXT = "text"
    ADDRESS = "address"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"

    def parse(self, text: str) -> Value:
        """The value that a text spells; raises ValueError with what was expected.

        Times are ISO 8601, UTC where they name no zone; a date is its first moment.
        """
        try:
            match self:
                case Kind.TEXT:
                    return text
                case Kind.ADDRESS:
                    return parse_address(text)
                case Kind.INTEGER:
                    return _integer(text)
                case Kind.NUMBER:
                    return _finite(float(text))
                case Kind.BOOLEAN:
                    return {"true": True, "false": False}[text.lower()]
                case Kind.TIME:
                    moment = datetime.fromisoformat(text)
                    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        except InvalidAddress as error:
            raise ValueError(error.why) from error
        except (ValueError, KeyError, OverflowError) as error:
            raise ValueError(f"give {_EXPECTED[self]}") from error


_EXPECTED: Mapping[Kind, str] = {
    Kind.TEXT: "a text",
    Kind.ADDRESS: "a 0x address",
    Kind.INTEGER: "a whole number of at most 18 digits",
    Kind.NUMBER: "a finite number, such as 0.2",
    Kind.BOOLEAN: "true or false",
    Kind.TIME: "a UTC date or time, such as 2026-11-22 or 2026-11-22T12:30:00Z",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What can be said of a query: `$name` in its SQL. A default of None leaves the choice open."""

    name: str
    kind: Kind
    default: Value
    meaning: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question with its SQL. `snapshots` begins with `latest` or `all`."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    grain: str
    units: str
    snapshots: str
    sql: str

    def values(self, given: Mapping[str, str]) -> dict[str, Value]:
        """The value of every parameter, from texts for some; raises QueryError naming the choices."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise QueryError(self.name, f"has no parameter {name!r}; it has {', '.join(known) or 'none'}")
        return {p.name: _value(self.name, p, given.get(p.name)) for p in self.parameters}


def parse(text: str, where: str) -> Query:
    """The query that a file's text holds; `where` is named in errors. Raises ValueError on any other text."""
    lines = text.splitlines()
    length = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    entries = list(_entries(lines[:length], where))
    order = [key for key, _ in entries]
    expected = [key for key in _KEYS if key != "parameter" or key in order]
    twice = any(order.count(key) > 1 for key in _KEYS if key != "parameter")
    if twice or [key for key, _ in groupby(order)] != expected:
        raise ValueError(f"{where}: the header must have {', '.join(_KEYS)} in this order, each once")
    parameters = tuple(_parameter(value, where) for key, value in entries if key == "parameter")
    if len({p.name for p in parameters}) != len(parameters):
        raise ValueError(f"{where}: a parameter stands twice")
    values = {key: value for key, value in entries if key != "parameter"}
    if values["snapshots"].partition(";")[0] not in ("latest", "all"):
        raise ValueError(f"{where}: snapshots must begin with latest or all")
    sql = "\n".join(lines[length:]).strip()
    if not sql:
        raise ValueError(f"{where}: there is no SQL after the header")
    return Query(parameters=parameters, sql=sql, **values)


@cache
def queries() -> tuple[Query, ...]:
    """The queries that ship, by name."""
    found = []
    for file in sorted(files("queries").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            query = parse(file.read_text(encoding="utf-8"), file.name)
            if query.name != file.name.removesuffix(".sql"):
                raise ValueError(f"{file.name}: its name is {query.name}")
            found.append(query)
    return tuple(found)


def find(name: str) -> Query:
    """The query of this name; raises QueryError naming all."""
    by_name = {query.name: query for query in queries()}
    if name not in by_name:
        raise QueryError(repr(name), f"is not there; there are {', '.join(by_name)}")
    return by_name[name]


def _entries(lines: Sequence[str], where: str) -> Iterator[tuple[str, str]]:
    """The keys of a header with their texts, continuation lines joined."""
    key, parts = "", [""]
    for line in lines:
        match, more = _LINE.fullmatch(line), _MORE.fullmatch(line)
        if match is not None:
            if key:
                yield key, " ".join(parts)
            key, parts = match[1], [match[2]]
        elif more is not None and key:
            parts.append(more[1])
        else:
            raise ValueError(f"{where}: {line!r} is no line of a header")
    if key:
        yield key, " ".join(parts)


def _parameter(text: str, where: str) -> Parameter:
    match = _PARAMETER.fullmatch(text)
    if match is None or match["kind"] not in list(Kind):
        raise ValueError(f"{where}: {text!r} is no parameter: NAME TYPE = DEFAULT; MEANING")
    kind = Kind(match["kind"])
    default = None if match["default"] == _NULL else kind.parse(match["default"])
    return Parameter(match["name"], kind, default, match["meaning"])


def _value(query: str, parameter: Parameter, given: str | None) -> Value:
    if given is None:
        return parameter.default
    try:
        return parameter.kind.parse(given)
    except ValueError as error:
        raise QueryError(query, f"parameter {parameter.name} can't be {given!r}: {error}") from error


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError(text)
    return int(text)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return value
