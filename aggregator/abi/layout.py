"""Checks that a reply of dynamic types is laid out as compilers lay it out, before it is decoded.

Canonical means: every tail stands where the previous one ended, and nothing follows the last. A reply of
other bytes comes from another version of the structs, whose fields would be read from the wrong places, or
from a contract that means harm: overlapping tails let a small reply decode for hours. The walk is linear.
"""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.abi.types import AbiType
from aggregator.abi.words import WordError

_WORD = 32


def check_canonical(outputs: AbiType, raw: bytes) -> None:
    """Returns where `raw` is the canonical layout of a value of `outputs`; raises WordError elsewhere."""
    end = _end(outputs, raw, 0)
    if end != len(raw):
        raise WordError(f"{len(raw)} bytes, not the {end} that the values take")


def _end(kind: AbiType, raw: bytes, at: int) -> int:
    """Where the value of `kind` ends that begins at byte `at`."""
    if kind.words is not None:
        return _inside(raw, at + _WORD * kind.words)
    if kind.dims:
        count = kind.dims[-1]
        if count is None:
            count, at = _uint(raw, at), at + _WORD
        element = kind.element
        # Before any loop, so that a promise of 2**200 items costs nothing.
        end = _inside(raw, at + _WORD * (element.words or 1) * count)
        return end if element.words is not None else _tails([element] * count, raw, at)
    if kind.base == "tuple":
        return _tails([component for _, component in kind.components], raw, at)
    length = _uint(raw, at)
    return _inside(raw, at + _WORD + (length + _WORD - 1) // _WORD * _WORD)


def _tails(kinds: Sequence[AbiType], raw: bytes, at: int) -> int:
    head, tail = at, at + _WORD * sum(kind.words or 1 for kind in kinds)
    for kind in kinds:
        if kind.words is None:
            if _uint(raw, head) != tail - at:
                raise WordError(f"the offset at byte {head} does not lead to where the previous value ends")
            tail = _end(kind, raw, tail)
        head += _WORD * (kind.words or 1)
    return tail


def _uint(raw: bytes, at: int) -> int:
    return int.from_bytes(raw[at : _inside(raw, at + _WORD)])


def _inside(raw: bytes, end: int) -> int:
    if end > len(raw):
        raise WordError(f"{len(raw)} bytes end before byte {end}")
    return end
