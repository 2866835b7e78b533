"""Stretches of blocks whose logs are known: what they leave open, and what of them is worth keeping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from aggregator.abi.logs import Log, Logs, pack
from aggregator.model.errors import MalformedReply
from aggregator.model.readings import Block
from aggregator.reading.cache import Stretch

MERGED_BYTES = 256 * 2**10
"""Up to which neighbouring stretches become one."""

Span: TypeAlias = tuple[int, int]
"""First and last block."""


def gaps(first: int, last: int, stretches: Sequence[Stretch]) -> Iterator[Span]:
    """What no stretch covers of a span."""
    at = first
    for stretch in stretches:
        if stretch.first > at:
            yield at, min(last, stretch.first - 1)
        at = max(at, stretch.last + 1)
    if at <= last:
        yield at, last


def in_order(stretches: Iterable[Stretch]) -> list[Stretch]:
    """As they stand on the chain."""
    return sorted(stretches, key=lambda stretch: stretch.first)


def readable(stretches: Iterable[Stretch], request: Logs) -> Iterator[Stretch]:
    """Those that hold what the request asks for."""
    for stretch in stretches:
        try:
            decoded(stretch, request)
        except MalformedReply:
            continue
        yield stretch


def decoded(stretch: Stretch, request: Logs) -> tuple[Log, ...]:
    """The logs of a stretch; raises MalformedReply where they are not the request's."""
    return replace(request, from_block=stretch.first, to_block=stretch.last).decode(stretch.packed)


def clipped(stretch: Stretch, request: Logs, first: int, last: int) -> bytes:
    """Its logs in blocks `first` to `last`, packed."""
    if first <= stretch.first and stretch.last <= last:
        return stretch.packed
    return pack(log for log in decoded(stretch, request) if first <= log.block_number <= last)


def final(stretches: Sequence[Stretch], request: Logs, finalized: Block) -> Iterator[Stretch]:
    """What is at or below the last finalized block."""
    for stretch in stretches:
        if stretch.last <= finalized.number:
            yield stretch
        elif stretch.first <= finalized.number:
            packed = clipped(stretch, request, stretch.first, finalized.number)
            yield Stretch(stretch.first, finalized.number, finalized.hash, packed)


def runs(stretches: Iterable[Stretch]) -> Iterator[list[Stretch]]:
    """Neighbours without a gap between them."""
    run: list[Stretch] = []
    for stretch in stretches:
        if run and run[-1].last + 1 != stretch.first:
            yield run
            run = []
        run.append(stretch)
    if run:
        yield run


def merged(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Neighbours as fewer and longer ones."""
    before: Stretch | None = None
    for stretch in stretches:
        if before is None:
            before = stretch
        elif len(before.packed) + len(stretch.packed) <= MERGED_BYTES:
            before = Stretch(before.first, stretch.last, stretch.hash, before.packed + stretch.packed)
        else:
            yield before
            before = stretch
    if before is not None:
        yield before
