"""Values of dataclasses as columns, and back: infinity is NULL beside a flag."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

from sqlmodel import SQLModel

T = TypeVar("T")


def attributes(items: Sequence[object], attributes: Iterable[str]) -> dict[str, Sequence[object]]:
    """Attributes of objects as columns by their names."""
    return {name: [getattr(item, name) for item in items] for name in attributes}


def picked(kind: type[T], row: SQLModel) -> T:
    """A dataclass whose fields are columns of the row."""
    return kind(**{f.name: getattr(row, f.name) for f in fields(cast("Any", kind))})


def is_infinite(value: float) -> bool:
    """Whether it is kept as NULL beside a flag."""
    return value == math.inf


def finite(value: float) -> float | None:
    """None for infinity."""
    return None if is_infinite(value) else value


def flagged(name: str, value: float) -> dict[str, object]:
    """A column that may be infinite, and its flag."""
    return {name: finite(value), f"{name}_infinite": is_infinite(value)}


def unflagged(row: SQLModel, name: str) -> float:
    """What `flagged` made the columns of."""
    infinite: bool = getattr(row, f"{name}_infinite")
    value: float = math.inf if infinite else getattr(row, name)
    return value
