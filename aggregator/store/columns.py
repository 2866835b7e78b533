"""How columns are declared: exact integers as text, finite floats, closed choices, naive-UTC times, comments.

DuckDB has no integer type of 256 bits that survives Arrow and Parquet, so raw amounts are canonical decimal
text under a CHECK. Choices are CHECK lists, because an ENUM can't be extended later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

ROW = TypeVar("ROW", bound=type[SQLModel])

USD = sa.Numeric(38, 8)
"""Dollars derived from exact amounts, rounded half to even."""

PRICE = sa.Numeric(38, 18)
"""Dollars per whole unit of an asset, rounded half to even."""


class ExactInteger(sa.types.TypeDecorator[int]):
    """An integer of a contract as canonical decimal text: no leading zeros, no sign on zero.

    Holds every uint256; where `signed`, every int256 too. One that is `checked` has a CHECK, which DuckDB
    can't give to a column that is added to a table.
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, *, signed: bool, checked: bool = True) -> None:
        super().__init__()
        self.signed = signed
        self.checked = checked

    def encode(self, value: int) -> str:
        """The text of an integer; raises ValueError outside the type's range."""
        low = -(2**255) if self.signed else 0
        if not low <= value < 2**256:
            raise ValueError(f"{value} is no integer that a contract can hold here")
        return str(int(value))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else self.encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else int(value)

    def condition(self, name: str) -> str:
        """The CHECK that keeps other writers from storing anything but such text."""
        sign = "-?" if self.signed else ""
        return f"{name} ~ '^(0|{sign}[1-9][0-9]{{0,77}})$'"


class FiniteFloat(sa.types.TypeDecorator[float]):
    """A float64 that is neither infinite nor NaN: infinity is NULL beside a flag column of its own."""

    impl = sa.Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{value} can't be stored as a finite number")
        return value


class OneOf(sa.types.TypeDecorator[str]):
    """Text out of a closed list."""

    impl = sa.String
    cache_ok = True

    def __init__(self, *choices: str) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(value)

    def condition(self, name: str) -> str:
        """The CHECK list."""
        return f"{name} IN ({', '.join(repr(choice) for choice in self.choices)})"


class Table(SQLModel):
    """The base of all tables; its metadata holds nobody else's."""

    metadata = sa.MetaData()


def column(kind: Any, comment: str, *, nullable: bool = False, key: bool = False) -> Any:
    """A documented column. `kind` is an SQLAlchemy type; `key` makes it (part of) a PRIMARY KEY."""
    return Field(sa_column=sa.Column(kind, nullable=nullable, primary_key=key, comment=comment))


def raw(comment: str, *, signed: bool = False, nullable: bool = False, checked: bool = True) -> Any:
    """An exact integer as the chain has it; see ExactInteger."""
    return column(ExactInteger(signed=signed, checked=checked), comment, nullable=nullable)


def rows_by(*columns: str) -> dict[str, list[str]]:
    """The natural key of a table without PRIMARY KEY; `bulk.check_unique` enforces it per snapshot."""
    return {"primary_key": list(columns)}


def checked(row: ROW) -> ROW:
    """Give a table the CHECK of each of its columns' types."""
    table = table_of(row)
    for col in table.columns:
        if isinstance(col.type, OneOf) or (isinstance(col.type, ExactInteger) and col.type.checked):
            name = f"{table.name}_{col.name}_valid"
            table.append_constraint(sa.CheckConstraint(col.type.condition(col.name), name=name))
    return row


def table_of(row: type[SQLModel]) -> sa.Table:
    """The table that a row class is mapped to."""
    table = sa.inspect(row).local_table
    assert isinstance(table, sa.Table)  # noqa: S101  # SQLModel maps nothing else
    return table


def utc(unix_s: int) -> datetime:
    """Unix seconds as a naive-UTC time; raises ValueError or OverflowError beyond the year 9999."""
    return datetime.fromtimestamp(unix_s, UTC).replace(tzinfo=None)


def unix(time: datetime) -> int:
    """A naive-UTC time as Unix seconds."""
    return int(time.replace(tzinfo=UTC).timestamp())


def names(table: sa.Table, *, but: Iterable[str] = ()) -> list[str]:
    """A table's column names in order."""
    left_out = set(but)
    return [col.name for col in table.columns if col.name not in left_out]
