"""For which reads it is foreseen what they will ask: a few speak for all wallets of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from aggregator.contract import Read
from aggregator.model.readings import Block, Reading
from aggregator.model.units import Address
from aggregator.reading.foresight import Foresight
from aggregator.reading.jobs import Job, reading_of

R = TypeVar("R")

TWINS = 16
"""Wallets of a deployment for which it is foreseen what a read will ask."""


def twins_of(jobs: Sequence[Job]) -> dict[int, Callable[[Block], Read[Reading]]]:
    """Twins of a few jobs of each deployment, by the place of the job."""
    chosen: dict[str, int] = {}
    twins: dict[int, Callable[[Block], Read[Reading]]] = {}
    for i, job in enumerate(jobs):
        chosen[job.deployment.key] = chosen.get(job.deployment.key, 0) + 1
        if chosen[job.deployment.key] <= TWINS:
            twins[i] = partial(reading_of, job)
    return twins


def told_when_ended(read: Read[R], ended: Callable[[], None]) -> Read[R]:
    """A read that tells when it has ended, however it does."""
    try:
        return (yield from read)
    finally:
        ended()


def follower(jobs: Sequence[Job], foresight: Foresight | None) -> Callable[[Address], None]:
    """Tells foresight of the addresses that a search meets; the first few have twins."""
    places = {job.deployment.key: job for job in jobs}
    met: set[Address] = {job.wallet for job in jobs}
    room = TWINS

    def follow(address: Address) -> None:
        nonlocal room
        if foresight is None or address in met:
            return
        met.add(address)
        twins = [partial(reading_of, replace(job, wallet=address)) for job in places.values()]
        foresight.follow(address, twins if room > 0 else ())
        room -= 1

    return follow
