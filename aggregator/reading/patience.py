"""Asking the same endpoint again after what may pass."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import stamina

from aggregator.reading.faults import MayPassError, TooMuch

# Retries are told to whoever configures logging. Without a handler Python would print them.
logging.getLogger("stamina").addHandler(logging.NullHandler())

ATTEMPTS = 3
MAX_WAIT_S = 10.0
"""The longest Retry-After that is worth waiting for."""
_RETRY_S = 60.0

T = TypeVar("T")


async def patiently(
    once: Callable[[], Awaitable[T]], *, attempts: int = ATTEMPTS, elsewhere: bool = False
) -> T:
    """What `once` gives, which is tried again where it raises MayPassError, and raises its last one.

    What took too long is not tried again where it is better asked `elsewhere`, or for less.
    """
    try:
        return await once()
    except MayPassError as fault:
        if attempts == 1:
            raise
        failed = [fault]

    async def again() -> T:
        if failed:  # the attempt that was made; its machinery takes longer than a request needs
            raise failed.pop()
        return await once()

    retrying = stamina.AsyncRetryingCaller(
        attempts=attempts, timeout=_RETRY_S, wait_initial=0.2, wait_max=3.0, wait_jitter=0.3
    )
    return await retrying(partial(_retry, elsewhere), again)


def _retry(elsewhere: bool, error: Exception) -> bool | float:
    if not isinstance(error, MayPassError) or (elsewhere and isinstance(error.error, TooMuch)):
        return False
    if error.wait_s is None:
        return True
    return error.wait_s if error.wait_s <= MAX_WAIT_S else False
