"""Running coroutines at once so that none outlives the others' failure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Their results in order; where one raises, the others are cancelled and awaited before it is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def pair(first: Coroutine[Any, Any, S], second: Coroutine[Any, Any, T]) -> tuple[S, T]:
    """As `together`, of two kinds."""
    found: list[Any] = await together([first, second])
    return found[0], found[1]


async def in_turn(place: int) -> None:
    """Let those of lower places begin first: a request is on its way before the next one is packed."""
    for _ in range(place):
        await asyncio.sleep(0)
