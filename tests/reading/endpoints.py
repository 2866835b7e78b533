"""Answers of endpoints, good and bad, and one way to ask them."""

from __future__ import annotations

import asyncio
from typing import Any

from aggregator.model.units import ChainId
from aggregator.reading.transport import Client, Endpoint, Rpc, RpcError
from tests.reading.servers import Answer, Refusal, Reply, on_chain

CHAIN = ChainId(31337)
NUMBER: tuple[str, list[Any]] = ("eth_blockNumber", [])


def send(*urls: str, calls: int = 1, expected: ChainId | None = CHAIN) -> tuple[list[Any | RpcError], Rpc]:
    """The answers to equal calls, and the Rpc that asked."""

    async def live() -> tuple[list[Any | RpcError], Rpc]:
        async with Client() as client:
            rpc = Rpc([Endpoint.of(url) for url in urls], expected, client)
            return await rpc.send([NUMBER] * calls), rpc

    return asyncio.run(live())


def then(*answers: Answer) -> Answer:
    """One answer after another; the last one for good."""
    left = list(answers)

    def answer(body: Any) -> Reply:
        now = left.pop(0) if len(left) > 1 else left[0]
        return now(body)

    return answer


def always(reply: Reply) -> Answer:
    """The same reply whatever is asked."""
    return lambda _: reply


GOOD = on_chain(CHAIN)


PASSING: dict[str, Answer] = {
    "500": always(Reply(500)),
    "502 with a page": always(Reply(502, b"<html>bad gateway</html>")),
    "429": always(Reply(429)),
    "a rate limit as JSON-RPC": lambda body: (
        GOOD(body)
        if isinstance(body, list)
        else on_chain(CHAIN, lambda *_: Refusal(-32005, "slow down"))(body)
    ),
    "a page": always(Reply(200, b"<html>login</html>")),
    "nothing": always(Reply(200, b"")),
    "half of a number": always(Reply(200, b'{"jsonrpc"')),
    "a cut connection": always(Reply(200, b"x" * 1000, cut=10)),
    "bytes that are not gzip": always(Reply(200, b"plain", {"content-encoding": "gzip"})),
}
