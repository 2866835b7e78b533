"""The texts that name a block: `latest`, `-64`, `16M`, a number, a hash, a time. One parser for all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from aggregator.model.errors import BadConfiguration
from aggregator.reading.moments import Moment

FORMS = "latest, safe, finalized, a number such as 21500000 or 21.5M, -N to count back, a hash, or a time"
TAGS = ("latest", "safe", "finalized")
_NUMBER = re.compile(r"0|[1-9]\d{0,18}|0x[0-9a-f]{1,16}")
_ROUND = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([km])")
_BACK = re.compile(r"-[1-9]\d{0,18}")
_HASH = re.compile(r"0x[0-9a-f]{64}")
_NAIVE = re.compile(r"(?:\w+@)?\d{4}-\d\d-\d\dt[\d:.]+")


@dataclass(frozen=True, slots=True)
class Tag:
    """`latest`, `safe` or `finalized`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Number:
    """A block's height."""

    number: int

    def __str__(self) -> str:
        return str(self.number)


@dataclass(frozen=True, slots=True)
class Back:
    """So many blocks before the latest, at least 1; before the first one means the first one."""

    blocks: int


@dataclass(frozen=True, slots=True)
class Hash:
    """A block's hash as 0x hex in lower case."""

    hash: str

    def __str__(self) -> str:
        return self.hash


BlockName: TypeAlias = Tag | Number | Back | Hash | Moment


def parse_block(text: str, where: str = "") -> BlockName:
    """What a text names: see FORMS; `k` and `M` are thousands and millions of blocks, 64 digits a hash.

    A time bears its zone (`2026-11-22T13:45Z`, `…+01:00`) and may be bounded (`finalized@…`). Upper and lower
    case are one. Raises BadConfiguration, which names `where` the text comes from.
    """
    lower = text.lower()
    if lower in TAGS:
        return Tag(lower)
    if _HASH.fullmatch(lower):
        return Hash(lower)
    if _NUMBER.fullmatch(lower):
        return Number(int(lower, 0))
    if _BACK.fullmatch(lower):
        return Back(-int(lower))
    if match := _ROUND.fullmatch(lower):
        number = Decimal(match[1]) * {"k": 1_000, "m": 1_000_000}[match[2]]
        if number == int(number):
            return Number(int(number))
    moment = Moment.parse(text)
    if moment is not None:
        return moment
    where = where or f"block {text!r}"
    if _NAIVE.fullmatch(lower):
        raise BadConfiguration(where, f"{text!r} has no zone: add Z for UTC, or an offset such as +01:00")
    raise BadConfiguration(where, f"{text!r} is no block: give {FORMS}")
