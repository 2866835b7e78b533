"""A TCP proxy before the node that adds a round-trip time, counts HTTP requests and keeps their bodies.

Runs in a process of its own: `with DelayingProxy(node.port) as proxy`. It passes bytes on as they come and
reads only the head of a request, so that it costs every contender the same and little. The whole delay lies
on the way to the node; setting up a connection is not delayed.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

HOST = "127.0.0.1"


@dataclass
class Traffic:
    """What went through since the last reset. `bodies` is kept only while `keep` is on."""

    delay_s: float = 0.0
    keep: bool = False
    requests: int = 0
    open: int = 0
    most_open: int = 0
    bodies: list[bytes] = field(default_factory=list)

    def begin(self) -> None:
        """A request has begun."""
        self.requests += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)


class _Requests:
    """Finds where requests begin and end in what a client sends; no pipelining, no chunked bodies."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._head = b""
        self._left = 0
        self._body: list[bytes] = []
        self.busy = False

    def feed(self, data: bytes) -> None:
        while data:
            if self._left:
                taken, data = data[: self._left], data[self._left :]
                self._left -= len(taken)
                if self._traffic.keep:
                    self._body.append(taken)
                if not self._left:
                    self._complete()
                continue
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = b""
            self._left = _length(head)
            self._traffic.begin()
            self.busy = True

    def _complete(self) -> None:
        if self._traffic.keep:
            self._traffic.bodies.append(b"".join(self._body))
            self._body = []

    def answered(self) -> None:
        """The first bytes of a reply, or the end of the connection."""
        if self.busy:
            self.busy = False
            self._traffic.open -= 1


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("a request without a content-length")


class _Upstream(asyncio.Protocol):
    def __init__(self, client: _Client) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.requests.answered()
        self._client.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self._client.transport.close()


class _Client(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, traffic: Traffic, port: int) -> None:
        self.requests = _Requests(traffic)
        self._traffic = traffic
        self._port = port
        self._upstream: asyncio.Transport | None = None
        self._waiting: deque[bytes] = deque()
        self._due = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        upstream, _ = await loop.create_connection(lambda: _Upstream(self), HOST, self._port)
        self._upstream = upstream
        self._pass_on()

    def data_received(self, data: bytes) -> None:
        self.requests.feed(data)
        self._waiting.append(data)
        if self._traffic.delay_s:
            asyncio.get_running_loop().call_later(self._traffic.delay_s, self._release)
        else:
            self._release()

    def _release(self) -> None:
        self._due += 1
        self._pass_on()

    def _pass_on(self) -> None:
        while self._upstream is not None and self._due:
            self._due -= 1
            self._upstream.write(self._waiting.popleft())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self.requests.answered()
        if self._upstream is not None:
            self._upstream.close()


async def _serve(port: int) -> None:
    traffic = Traffic()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Client(traffic, port), HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    commands = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        command = json.loads(line)
        told = {
            "requests": traffic.requests,
            "most_open": traffic.most_open,
            "bodies": [body.decode() for body in traffic.bodies],
        }
        traffic.delay_s, traffic.keep = command["delay_s"], command["keep"]
        traffic.requests, traffic.most_open, traffic.bodies = 0, traffic.open, []
        print(json.dumps(told), flush=True)


class DelayingProxy:
    """The proxy's process; `port` is where contenders connect."""

    def __init__(self, node_port: int) -> None:
        command = [sys.executable, "-m", "benchmarks.delaying_proxy", str(node_port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line())

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{HOST}:{self.port}"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def reset(self, *, delay_s: float = 0.0, keep: bool = False) -> Traffic:
        """What went through until now; from now on with this delay."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"delay_s": delay_s, "keep": keep}) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._line())
        bodies = [body.encode() for body in told["bodies"]]
        return Traffic(requests=told["requests"], most_open=told["most_open"], bodies=bodies)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()  # the end of its input ends it


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
