"""HTTP servers on this machine that answer as endpoints do, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

GIVE_UP_S = 20.0


@dataclass(frozen=True)
class Reply:
    """What is sent back; only `cut` bytes of it where given, and nothing at all while `silent`."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    silent: bool = False
    drip_s: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is sent at once, as long as its headers say."""
        own = {name.lower() for name in self.headers} & {"content-length", "transfer-encoding"}
        return not (self.silent or own) and self.cut is None and self.drip_s is None


Answer: TypeAlias = Callable[[Any], Reply]


class Server:
    """An endpoint whose every request body goes through `answer`, of a GET its path; `requests` keeps them.

    `paths` keeps where they went.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Any] = []
        self.paths: list[str] = []
        self._closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections are kept, as endpoints do
            disable_nagle_algorithm = True  # else a body waits for the client's word that its head is there

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def do_GET(self) -> None:
                self._answer(self.path)

            def _answer(self, body: Any) -> None:
                server.requests.append(body)
                server.paths.append(self.path)
                server._send(self, server.answer(body))
                # Whoever listens no longer answers nothing more on what was opened before, either.
                self.close_connection |= server._closing.is_set()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
                """Keep the tests' output clean."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that leaves early is what some tests are about."""

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        # Only a whole answer of the length that it says leaves room for another one behind it.
        handler.close_connection |= not reply.whole
        if reply.silent:
            self._closing.wait(GIVE_UP_S)
            return
        handler.send_response(reply.status)
        for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        if reply.drip_s is None:
            handler.wfile.write(body)
            return
        for i in range(len(body)):
            handler.wfile.write(body[i : i + 1])
            handler.wfile.flush()
            if self._closing.wait(reply.drip_s):
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def as_json(document: Any) -> Reply:
    """A document with status 200."""
    return Reply(body=json.dumps(document).encode())


def rpc(result: Callable[[str, list[Any]], Any]) -> Answer:
    """An endpoint that gives `result(method, params)`; a Refusal becomes a JSON-RPC error."""

    def one(body: Any) -> Any:
        found = result(body["method"], body["params"])
        answer = {"error": found.error} if isinstance(found, Refusal) else {"result": found}
        return {"jsonrpc": "2.0", "id": body["id"], **answer}

    return lambda body: as_json([one(item) for item in body] if isinstance(body, list) else one(body))


@dataclass(frozen=True)
class Refusal:
    """A JSON-RPC error."""

    code: int
    message: str

    @property
    def error(self) -> dict[str, Any]:
        """As it is sent."""
        return {"code": self.code, "message": self.message}


def on_chain(chain: int, other: Callable[[str, list[Any]], Any] = lambda *_: "0x1") -> Answer:
    """An endpoint of this chain id that answers anything else with `other`."""
    return rpc(lambda method, params: hex(chain) if method == "eth_chainId" else other(method, params))


def proxy(node_url: str, change: Callable[[str, list[Any]], Any] | None = None) -> Answer:
    """An endpoint that passes on to a node what `change` answers with None."""

    def result(method: str, params: list[Any]) -> Any:
        found = change(method, params) if change is not None else None
        if found is not None:
            return found
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        connection = HTTPConnection(urlsplit(node_url).netloc, timeout=GIVE_UP_S)
        try:
            connection.request("POST", "/", json.dumps(body), {"content-type": "application/json"})
            answered = connection.getresponse()
            if answered.status != 200:
                return Refusal(answered.status, answered.reason)
            reply = json.loads(answered.read())
        finally:
            connection.close()
        error = reply.get("error")
        return Refusal(error["code"], error["message"]) if error else reply["result"]

    return rpc(result)
