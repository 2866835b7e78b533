"""Two histories of one local chain that part a few blocks before their heads, and what was read of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import aiohttp
import orjson

from tests.devnet.world import World

FORK = 4
"""Blocks that only one of the histories has, at least."""
MOST_KEPT = 50_000


@dataclass
class History:
    """A node that nobody changes any more: whatever it answered once it answers again.

    `hashes` are those of its last blocks by number.
    """

    name: str
    world: World
    hashes: dict[int, str]
    _kept: dict[bytes, Any] = field(default_factory=dict)

    @property
    def head(self) -> int:
        """The number of its latest block."""
        return max(self.hashes)

    async def answer(self, session: aiohttp.ClientSession, method: str, params: list[Any]) -> dict[str, Any]:
        """`result` or `error` of one JSON-RPC call."""
        asked = orjson.dumps([method, params])
        key = blake2b(asked, digest_size=16).digest()
        if key not in self._kept:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            async with session.post(self.world.node.url, data=orjson.dumps(body)) as response:
                if response.status == 413:
                    reply = {"error": {"code": 413, "message": "the request is too large"}}
                else:
                    reply = orjson.loads(await response.read())
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = {k: v for k, v in reply.items() if k in ("result", "error")}
        return self._kept[key]  # type: ignore[no-any-return]


@contextmanager
def two_histories() -> Iterator[tuple[History, History]]:
    """Both with all protocols; prices and balances differ between them and between their last blocks."""
    with ExitStack() as stack:
        worlds = [stack.enter_context(World.start()) for _ in range(2)]
        for world, price, seconds in zip(worlds, ("2010", "1985.5"), (3, 5), strict=True):
            world.node.warp(seconds)
            world.prices.set(ETH=price)
            for step in range(1, FORK):
                for i, wallet in enumerate(world.wallets.values()):
                    world.node.set_balance(wallet, 10**17 * step + i + seconds)
                world.tokens.mint("USDC", world.wallets["hedged"], 10 * step + seconds)
        top = max(world.node.block_number for world in worlds)
        for world in worlds:
            world.node.mine(top - world.node.block_number)
        yield (_history("a", worlds[0]), _history("b", worlds[1]))


def _history(name: str, world: World) -> History:
    head = world.node.block_number
    hashes = {n: str(world.node.block(n)["hash"]) for n in range(head - 30, head + 1)}
    return History(name, world, hashes)
