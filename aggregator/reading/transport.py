"""JSON-RPC over the endpoints of one chain: retry what may pass, fail over, check the chain id once.

An endpoint is named in messages by its configured name or its host: a URL may carry a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

ATTEMPTS = 3
TIMEOUT_S = 30.0
MAX_REPLY_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a chain can be asked; `name` is what is shown and stored."""

    name: str
    url: str

    @classmethod
    def of(cls, url: str) -> Endpoint:
        """An endpoint named after its host."""
        parts = urlsplit(url)
        return cls(parts.hostname or "rpc", url)


class RpcError(Exception):
    """The node answered with a JSON-RPC error: it was reached, and it refused this request."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return f"{self.message} (code {self.code})"


class _MayPassError(Exception):
    """Carries a fault after which the same endpoint is tried again."""

    def __init__(self, error: TransportError) -> None:
        super().__init__(error)
        self.error = error


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
        by_id = {item.get("id"): item for item in reply if isinstance(item, dict)}
        return [_result(endpoint, by_id.get(i), i) for i in range(len(bodies))]

    async def _post(self, endpoint: Endpoint, body: Any) -> Any:
        retrying = stamina.AsyncRetryingCaller(
            attempts=ATTEMPTS, timeout=2 * TIMEOUT_S, wait_initial=0.2, wait_max=3.0, wait_jitter=0.3
        )
        try:
            return await retrying(_MayPassError, self._once, endpoint, orjson.dumps(body))
        except _MayPassError as last:
            raise last.error from None

    async def _once(self, endpoint: Endpoint, content: bytes) -> Any:
        self.requests += 1
        try:
            async with self._client.stream(
                "POST", endpoint.url, content=content, headers={"content-type": "application/json"}
            ) as response:
                _check_status(endpoint, response.status_code)
                chunks, received = [], 0
                async for chunk in response.aiter_bytes():
                    received += len(chunk)
                    if received > MAX_REPLY_BYTES:
                        raise ProviderUnavailable(endpoint.name, f"sent over {MAX_REPLY_BYTES} bytes")
                    chunks.append(chunk)
        except httpx.InvalidURL as error:
            raise ProviderUnavailable(endpoint.name, f"its URL is not valid: {error}") from None
        except httpx.UnsupportedProtocol:
            raise ProviderUnavailable(endpoint.name, "its URL must start with http:// or https://") from None
        except httpx.TimeoutException:
            raise _may_pass(endpoint, "did not answer in time") from None
        except httpx.HTTPError as error:
            # The text of some errors carries the URL, and with it a key: only the kind is told.
            raise _may_pass(endpoint, f"connection failed ({type(error).__name__})") from None
        try:
            return orjson.loads(b"".join(chunks))
        except orjson.JSONDecodeError:
            raise _may_pass(endpoint, "answered something that is not JSON") from None


def _may_pass(endpoint: Endpoint, why: str) -> _MayPassError:
    return _MayPassError(ProviderUnavailable(endpoint.name, why))


def _check_status(endpoint: Endpoint, status: int) -> None:
    if status in (401, 403):
        raise AuthenticationFailed(endpoint.name, f"refused access (HTTP {status}): check its key")
    if status == 429:
        why = "too many requests (HTTP 429): wait, or configure another endpoint"
        raise _MayPassError(RateLimited(endpoint.name, why))
    if status >= 500:
        raise _may_pass(endpoint, f"failed (HTTP {status})")
    if status not in (200, 400):  # nodes answer JSON-RPC errors with 400 too
        raise ProviderUnavailable(endpoint.name, f"refused the request (HTTP {status})")


def _result(endpoint: Endpoint, reply: Any, number: int) -> Any | RpcError:
    if not isinstance(reply, dict) or reply.get("id") != number:
        raise ProviderUnavailable(endpoint.name, "answered something that is not JSON-RPC")
    error = reply.get("error")
    if error is not None:
        code = error.get("code") if isinstance(error, dict) else None
        message = str(error.get("message", "") if isinstance(error, dict) else error)
        return RpcError(code if isinstance(code, int) else 0, message[:300])
    if "result" not in reply:
        raise ProviderUnavailable(endpoint.name, "answered neither a result nor an error")
    return reply["result"]
