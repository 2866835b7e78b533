"""The floor of a way to read: its own request bodies, premade, sent again with as many at once.

Nothing is packed, decoded or even looked at beyond the length of the reply: what is left is the node and the
loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._done: asyncio.Future[int] | None = None

    async def post(self, request: bytes) -> int:
        """Bytes of the reply's body; raises RuntimeError where it is no success of known length."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._done = done
        self._head, self._size, self._left = b"", 0, -1
        self.transport.write(request)
        return await done

    def data_received(self, data: bytes) -> None:
        assert self._done is not None
        if self._left < 0:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            lowered = head.lower()
            if not lowered.startswith(b"http/1.1 200") or b"\r\ncontent-length:" not in lowered:
                self._done.set_exception(RuntimeError(f"the node answered {head[:80]!r}"))
                return
            length = lowered.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            self._size = self._left = int(length)
        self._left -= len(data)
        if self._left == 0:
            self._done.set_result(self._size)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or RuntimeError("the connection was closed"))
        self.closed.set_result(None)


class Replay:
    """Premade requests over connections that stay open between rounds, until `close`."""

    def __init__(self, port: int, bodies: Sequence[bytes], at_once: int) -> None:
        self._port = port
        self._at_once = at_once
        self._connections: list[_Connection] = []
        self._requests = [_post(port, body) for body in bodies]

    async def run(self) -> int:
        """Bytes that the node answered in all."""
        loop = asyncio.get_running_loop()
        while len(self._connections) < self._at_once:
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
            self._connections.append(connection)
        left = iter(self._requests)
        return sum(await asyncio.gather(*(_drain(connection, left) for connection in self._connections)))

    async def close(self) -> None:
        """Close the connections and wait until they are."""
        for connection in self._connections:
            connection.transport.close()
        await asyncio.gather(*(connection.closed for connection in self._connections))
        self._connections = []


async def _drain(connection: _Connection, left: Iterator[bytes]) -> int:
    total = 0
    for request in left:
        total += await connection.post(request)
    return total


def _post(port: int, body: bytes) -> bytes:
    head = (
        f"POST / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
