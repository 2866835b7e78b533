"""What the benchmark of plans measures, one question at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """Contenders of one question, what says that they agree, and figures from their seconds."""

    contenders: Mapping[str, Callable[[], object]]
    check: Callable[[], None]
    figures: Callable[[Mapping[str, list[float]]], dict[str, Any]]
