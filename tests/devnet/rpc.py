"""JSON-RPC over one connection that is kept open, about 1 ms a request."""

from __future__ import annotations

import http.client
import itertools
import json
from typing import TypeAlias

from tests.devnet.errors import NodeError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Rpc:
    """A client of one node. Not for use by several threads at once."""

    def __init__(self, host: str, port: int, *, timeout_seconds: float = 60.0) -> None:
        self.url = f"http://{host}:{port}"
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
        self._ids = itertools.count(1)

    def request(self, method: str, *params: Json) -> Json:
        """Result of one request.

        Raises `NodeError` if the node is gone, answers something else than JSON-RPC, or answers
        with an error, whose code and revert data it then carries.
        """
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
        headers = {"Content-Type": "application/json"}
        try:
            self._connection.request("POST", "/", json.dumps(body).encode(), headers)
            raw = self._connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
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

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        self._connection.close()


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
