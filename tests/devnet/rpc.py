"""JSON-RPC over one connection that is kept open.

A test run makes tens of thousands of requests of nodes that it started. Their HTTP is so plain that a few
lines speak it, in a fraction of the time of `http.client`, which sends two packets and parses e-mail.
"""

from __future__ import annotations

import itertools
import json
import socket
from typing import TypeAlias

from tests.devnet.errors import NodeError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Rpc:
    """A client of one node. Not for use by several threads at once."""

    def __init__(self, host: str, port: int, *, timeout_seconds: float = 60.0) -> None:
        self.url = f"http://{host}:{port}"
        self._address = (host, port)
        self._timeout_seconds = timeout_seconds
        self._socket: socket.socket | None = None
        self._ids = itertools.count(1)

    def request(self, method: str, *params: Json) -> Json:
        """Result of one request.

        Raises `NodeError` if the node is gone, answers something else than JSON-RPC, or answers
        with an error, whose code and revert data it then carries.
        """
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
        try:
            raw = self._exchange(json.dumps(body).encode())
        except OSError as error:
            self.close()
            raise NodeError(f"{method}: no answer from the node at {self.url}: {error!r}") from error
        try:
            reply: Json = json.loads(raw)
        except ValueError as error:
            raise NodeError(f"{method}: the node answered {raw[:200]!r}") from error
        if not isinstance(reply, dict) or ("result" not in reply and "error" not in reply):
            raise NodeError(f"{method}: the node answered {raw[:200]!r}")
        if "error" in reply:
            raise _error(method, reply["error"])
        return reply["result"]

    def _exchange(self, body: bytes) -> bytes:
        """What is answered to one body. Raises `OSError` where it is not all there."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, self._timeout_seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(
            b"POST / HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(body)
            + body
        )
        received = self._receive(self._socket)
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive(self._socket)
        parts, length = [received[end + 4 :]], _length(received[:end])
        left = length - len(parts[0])
        while left > 0:
            parts.append(self._receive(self._socket))
            left -= len(parts[-1])
        return b"".join(parts)

    def _receive(self, connection: socket.socket) -> bytes:
        part = connection.recv(1 << 20)
        if not part:
            raise ConnectionError("the node closed the connection")
        return part

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _length(head: bytes) -> int:
    """Of the body, by a reply's status line and headers. Raises `ConnectionError` if it is not told."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ConnectionError(f"the node answered {head[:200]!r}")


def _error(method: str, error: Json) -> NodeError:
    if not isinstance(error, dict):
        return NodeError(f"{method}: {error!r}")
    code, data = error.get("code"), error.get("data")
    return NodeError(
        f"{method}: {error.get('message')}",
        code=code if isinstance(code, int) else 0,
        data=bytes.fromhex(data.removeprefix("0x"))
        if isinstance(data, str) and data.startswith("0x")
        else b"",
    )


def as_text(value: Json) -> str:
    """The value as text. Raises `NodeError` if it is something else."""
    if not isinstance(value, str):
        raise NodeError(f"expected text from the node, got {value!r}")
    return value


def as_int(value: Json) -> int:
    """The number in a `0x` quantity or a plain JSON number. Raises `NodeError` otherwise."""
    if isinstance(value, int):
        return value
    return int(as_text(value), 16)


def as_bytes(value: Json) -> bytes:
    """The bytes in `0x` data. Raises `NodeError` otherwise."""
    return bytes.fromhex(as_text(value).removeprefix("0x"))


def as_object(value: Json) -> dict[str, Json]:
    """The value as a JSON object. Raises `NodeError` if it is something else."""
    if not isinstance(value, dict):
        raise NodeError(f"expected an object from the node, got {value!r}")
    return value


def as_list(value: Json) -> list[Json]:
    """The value as a JSON array. Raises `NodeError` if it is something else."""
    if not isinstance(value, list):
        raise NodeError(f"expected an array from the node, got {value!r}")
    return value
