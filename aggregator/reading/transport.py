"""JSON-RPC over the endpoints of one chain: retry what may pass, fail over, check the chain id once.

An endpoint is named in messages by its configured name or its host: a URL may carry a key.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import stamina

from aggregator.model.errors import (
    AuthenticationFailed,
    ProviderUnavailable,
    RateLimited,
    TransportError,
    WrongChain,
)
from aggregator.model.units import ChainId
from aggregator.reading.text import printable

# Retries are told to whoever configures logging. Without a handler Python would print them.
logging.getLogger("stamina").addHandler(logging.NullHandler())

ATTEMPTS = 3
TIMEOUT_S = 30.0
MAX_REPLY_BYTES = 64 * 2**20
MAX_WAIT_S = 10.0  # the longest Retry-After that is worth waiting for
_RATE_LIMIT_CODES = (-32005, 429)
_SHORTEST_SECRET = 8


@dataclass(frozen=True)
class Endpoint:
    """Where a chain can be asked; `name` is what is shown and stored."""

    name: str
    url: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """An endpoint named after its host."""
        try:
            host = urlsplit(url).hostname
        except ValueError:  # told when it is asked, as for any other URL that is not valid
            host = None
        return cls(printable(host or "rpc"), url)

    @cached_property
    def _secrets(self) -> list[str]:
        _, _, rest = self.url.partition("//")
        credentials, at, _ = rest.partition("/")[0].rpartition("@")
        _, _, path = rest.partition("/")
        pieces = re.split(r"[/?&=#:]", path) + (re.split(":", credentials) if at else [])
        return sorted((p for p in pieces if len(p) >= _SHORTEST_SECRET), key=len, reverse=True)

    def redacted(self, text: str) -> str:
        """A text of the node without control characters and without what may be a key of the URL."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return printable(text)


class RpcError(Exception):
    """The node answered with a JSON-RPC error: it was reached, and it refused this request."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return f"{self.message} (code {self.code})"


class _MayPassError(Exception):
    """Carries a fault after which the same endpoint is tried again, `wait_s` later where it says so."""

    def __init__(self, error: TransportError, wait_s: float | None = None) -> None:
        super().__init__(error)
        self.error, self.wait_s = error, wait_s


def _retry(error: Exception) -> bool | float:
    if not isinstance(error, _MayPassError):
        return False
    if error.wait_s is None:
        return True
    return error.wait_s if error.wait_s <= MAX_WAIT_S else False


class Rpc:
    """The endpoints of one chain, the first healthy one first.

    `expected` is the chain id that every endpoint must answer, None to accept the first one's. `requests`
    counts HTTP requests.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], expected: ChainId | None, client: httpx.AsyncClient
    ) -> None:
        self.endpoints = list(endpoints)
        self.chain = expected
        self.requests = 0
        self._client = client
        self._verified: set[Endpoint] = set()

    async def send(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any | RpcError]:
        """The results of one JSON-RPC batch; a refused call answers with its RpcError as a value.

        Raises the last endpoint's TransportError where none answers.
        """
        failure: TransportError | None = None
        for endpoint in list(self.endpoints):
            try:
                return await self._ask(endpoint, calls)
            except TransportError as error:
                failure = error
                # Others first from now on: a dead endpoint must not cost every round its retries.
                self.endpoints.remove(endpoint)
                self.endpoints.append(endpoint)
        if failure is None:
            raise ProviderUnavailable(f"chain {self.chain}", "no endpoint is configured")
        raise failure

    async def _ask(self, endpoint: Endpoint, calls: Sequence[tuple[str, list[Any]]]) -> list[Any | RpcError]:
        verify = endpoint not in self._verified
        results = await self._exchange(endpoint, [("eth_chainId", []), *calls] if verify else calls)
        if verify:
            self._check(endpoint, results[0])
            results = results[1:]
        return results

    def _check(self, endpoint: Endpoint, answer: Any) -> None:
        try:
            chain = ChainId(int(answer, 16))
        except (TypeError, ValueError):
            raise ProviderUnavailable(endpoint.name, f"eth_chainId answered {str(answer)[:80]!r}") from None
        if self.chain is not None and chain != self.chain:
            raise WrongChain(endpoint.name, self.chain, chain)
        self.chain = chain
        self._verified.add(endpoint)

    async def _exchange(
        self, endpoint: Endpoint, calls: Sequence[tuple[str, list[Any]]]
    ) -> list[Any | RpcError]:
        bodies: list[dict[str, Any]] = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": params}
            for i, (method, params) in enumerate(calls)
        ]
        if len(bodies) == 1:
            return [_result(endpoint, await self._post(endpoint, bodies[0]), 0)]
        reply = await self._post(endpoint, bodies)
        if not isinstance(reply, list):  # an endpoint without batches answers one error for all
            return [_result(endpoint, await self._post(endpoint, body), body["id"]) for body in bodies]
        by_id = {item["id"]: item for item in reply if isinstance(item, dict) and _is_number(item.get("id"))}
        return [_result(endpoint, by_id.get(i), i) for i in range(len(bodies))]

    async def _post(self, endpoint: Endpoint, body: Any) -> Any:
        retrying = stamina.AsyncRetryingCaller(
            attempts=ATTEMPTS, timeout=2 * TIMEOUT_S, wait_initial=0.2, wait_max=3.0, wait_jitter=0.3
        )
        try:
            return await retrying(_retry, self._once, endpoint, body)
        except _MayPassError as last:
            raise last.error from None

    async def _once(self, endpoint: Endpoint, body: Any) -> Any:
        self.requests += 1
        try:
            async with asyncio.timeout(TIMEOUT_S):  # httpx counts from byte to byte, never the whole
                content = await self._received(endpoint, orjson.dumps(body))
        except (httpx.InvalidURL, ValueError):  # their texts quote the URL
            raise ProviderUnavailable(endpoint.name, "its URL is not valid: correct it") from None
        except httpx.UnsupportedProtocol:
            raise ProviderUnavailable(endpoint.name, "its URL must start with http:// or https://") from None
        except (httpx.TimeoutException, TimeoutError):
            raise _may_pass(endpoint, "did not answer in time") from None
        except httpx.HTTPError as error:
            # The text of some errors carries the URL, and with it a key: only the kind is told.
            raise _may_pass(endpoint, f"connection failed ({type(error).__name__})") from None
        try:
            reply = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise _may_pass(endpoint, "answered something that is not JSON") from None
        if isinstance(body, dict):
            _check_rate(endpoint, reply)
        return reply

    async def _received(self, endpoint: Endpoint, content: bytes) -> bytes:
        _ = urlsplit(endpoint.url).port  # a ValueError where it is none, which httpx leaves to the socket
        async with self._client.stream(
            "POST", endpoint.url, content=content, headers={"content-type": "application/json"}
        ) as response:
            if response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
                return _TOO_LARGE
            _check_status(endpoint, response)
            chunks, received = [], 0
            async for chunk in response.aiter_bytes():
                received += len(chunk)
                if received > MAX_REPLY_BYTES:
                    raise ProviderUnavailable(endpoint.name, f"sent over {MAX_REPLY_BYTES} bytes")
                chunks.append(chunk)
        return b"".join(chunks)


# A refusal like any other of the node's, so that the batch is split.
_TOO_LARGE = b'{"id": null, "error": {"code": 413, "message": "the request is too large (HTTP 413)"}}'


def _may_pass(endpoint: Endpoint, why: str) -> _MayPassError:
    return _MayPassError(ProviderUnavailable(endpoint.name, why))


def _check_rate(endpoint: Endpoint, reply: Any) -> None:
    error = reply.get("error") if isinstance(reply, dict) else None
    if not isinstance(error, dict):
        return
    said = str(error.get("message", "")).lower()
    if error.get("code") in _RATE_LIMIT_CODES or "rate limit" in said or "too many requests" in said:
        why = "too many requests: wait, or configure another endpoint"
        raise _MayPassError(RateLimited(endpoint.name, why))


def _check_status(endpoint: Endpoint, response: httpx.Response) -> None:
    status = response.status_code
    if status in (401, 403):
        raise AuthenticationFailed(endpoint.name, f"refused access (HTTP {status}): check its key")
    if status == 429:
        why = "too many requests (HTTP 429): wait, or configure another endpoint"
        after = response.headers.get("retry-after", "")  # seconds, or a date, which is left alone
        raise _MayPassError(RateLimited(endpoint.name, why), float(after) if after.isdecimal() else None)
    if status >= 500:
        raise _may_pass(endpoint, f"failed (HTTP {status})")
    if status not in (200, 400):  # nodes answer JSON-RPC errors with 400 too
        raise ProviderUnavailable(endpoint.name, f"refused the request (HTTP {status})")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _result(endpoint: Endpoint, reply: Any, number: int) -> Any | RpcError:
    # A node that could not tell which request it refuses answers with an id of null.
    known = (number, None) if isinstance(reply, dict) and reply.get("error") is not None else (number,)
    if not isinstance(reply, dict) or reply.get("id") not in known:
        raise ProviderUnavailable(endpoint.name, "answered something that is not JSON-RPC")
    error = reply.get("error")
    if error is not None:
        code = error.get("code") if isinstance(error, dict) else None
        message = str(error.get("message", "") if isinstance(error, dict) else error)
        return RpcError(code if isinstance(code, int) else 0, endpoint.redacted(message[:300]))
    if "result" not in reply:
        raise ProviderUnavailable(endpoint.name, "answered neither a result nor an error")
    return reply["result"]
