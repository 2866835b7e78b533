"""HTTP endpoints on this machine that say byte for byte what they are told to, from one event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeVar

import aiohttp

if TYPE_CHECKING:
    from types import TracebackType

GIVE_UP_S = 30.0


@dataclass(frozen=True)
class Wire:
    """What is sent back: after `delay_s`, only `cut` bytes of the body where given, in drips where given.

    `silent` says nothing, `reset` breaks the connection before the first byte. `promised` is another
    content-length than the body's.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: int | None = None
    drip_s: float | None = None
    silent: bool = False
    reset: bool = False
    promised: int | None = None


Answer = Callable[[bytes], Awaitable[Wire]]
A = TypeVar("A", bound=Answer)


class FaultServer:
    """`count` endpoints; `answers` says what each gives to a request body, and may be replaced any time."""

    def __init__(self, count: int) -> None:
        self.answers: list[Answer | None] = [None] * count
        self.ports: list[int] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._servers: list[asyncio.Server] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    @property
    def urls(self) -> Sequence[str]:
        """Where they listen."""
        return [f"http://127.0.0.1:{port}/" for port in self.ports]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def prepare(self, make: Callable[[aiohttp.ClientSession], Sequence[A]]) -> Sequence[A]:
        """Replace all answers by those made, which may ask nodes through the session."""
        assert self._session is not None
        made = make(self._session)
        self.answers = [*made, *[None] * (len(self.answers) - len(made))]
        return made

    def hush(self) -> None:
        """End whatever is still being answered."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(headers={"content-type": "application/json"})
        for i in range(len(self.answers)):
            server = await asyncio.start_server(self._connected(i), "127.0.0.1", 0, limit=2**16)
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        await self._end()
        if self._session is not None:
            await self._session.close()

    async def _end(self) -> None:
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    def _connected(self, i: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._serve(i, reader, writer))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

        return connected

    async def _serve(self, i: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):  # the client may leave any time
                while await self._one(i, reader, writer):
                    pass
        finally:
            writer.transport.abort()

    async def _one(self, i: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; whether the connection may be used for another one."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        answer = self.answers[i]
        assert answer is not None
        wire = await answer(await reader.readexactly(int(named.get("content-length", "0"))))
        await asyncio.sleep(GIVE_UP_S if wire.silent else wire.delay_s)
        if wire.silent or wire.reset:
            return False
        length = len(wire.body) if wire.promised is None else wire.promised
        headers = {"content-type": "application/json", "content-length": str(length), **wire.headers}
        lines = [f"HTTP/1.1 {wire.status} Told", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        body = wire.body if wire.cut is None else wire.body[: wire.cut]
        if wire.drip_s is None:
            writer.write(body)
        else:
            for at in range(len(body)):
                writer.write(body[at : at + 1])
                await writer.drain()
                await asyncio.sleep(wire.drip_s)
        await writer.drain()
        return len(body) == length
