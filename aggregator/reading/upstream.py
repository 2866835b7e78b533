"""One endpoint in use: JSON-RPC with retries, its chain id checked once, and what was learned of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeAlias

import orjson
import stamina

from aggregator.model.errors import BlockUnavailable, ProviderUnavailable, TransportError, WrongChain
from aggregator.model.units import ChainId
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.faults import MayPassError, RpcError, TooMuch, check_rate
from aggregator.reading.health import Health
from aggregator.reading.limits import Gate, Sizing

# Retries are told to whoever configures logging. Without a handler Python would print them.
logging.getLogger("stamina").addHandler(logging.NullHandler())

ATTEMPTS = 3
MAX_WAIT_S = 10.0
"""The longest Retry-After that is worth waiting for."""
_RETRY_S = 60.0

RpcCall: TypeAlias = tuple[str, list[Any]]
"""A method and its parameters."""


@dataclass(slots=True)
class Identity:
    """The chain that the endpoints of one Rpc serve: configured, or what the first of them answers."""

    chain: ChainId | None


class Upstream:
    """An endpoint and its state.

    `requests` counts HTTP requests. `by_hash` is False once it refused a block's hash as a parameter. `seen`
    holds the hashes of blocks that it has shown to have, `lacking` why it can't answer at one, and until
    when that is believed. `overrides` tells whether it takes state overrides, None before it was tried.
    """

    def __init__(self, endpoint: Endpoint, client: Client, identity: Identity) -> None:
        self.endpoint = endpoint
        self.identity = identity
        self.requests = 0
        self.health = Health()
        self.sizing = Sizing()
        self.by_hash = True
        self.seen: set[str] = set()
        self.lacking: dict[str, tuple[BlockUnavailable, float]] = {}
        self.overrides: bool | None = None if endpoint.state_overrides else False
        self._gate = Gate(endpoint.concurrency, endpoint.rate_per_s)
        self._client = client
        self._verified = False
        self._verifying = asyncio.Lock()

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return self.endpoint.name

    @property
    def resting(self) -> bool:
        """Whether it failed lately, so that others are asked before it."""
        return self.health.resting(monotonic())

    async def identify(self) -> ChainId:
        """The chain id that it answers; asked once. Raises TransportError."""
        await self.ask([])
        if self.identity.chain is None:
            raise RuntimeError("an endpoint was verified without a chain id")
        return self.identity.chain

    async def ask(
        self, calls: Sequence[RpcCall], *, patient: bool = True, splittable: bool = False
    ) -> list[Any | RpcError]:
        """The results of one JSON-RPC batch; a refused call answers with its RpcError as a value.

        What may pass is retried where `patient`; what took too long is not where it is `splittable`, since
        asking for less of it is better. Raises TransportError.
        """
        started = monotonic()
        try:
            results = await self._verified_ask(calls, 1 if not patient else ATTEMPTS, splittable)
        except MayPassError as fault:
            self.health.failed(started, monotonic(), fault.wait_s or 0.0)
            raise fault.error from None
        except TransportError:
            self.health.failed(started, monotonic())
            raise
        self.health.succeeded()
        return results

    async def _verified_ask(
        self, calls: Sequence[RpcCall], attempts: int, splittable: bool
    ) -> list[Any | RpcError]:
        if not self._verified:
            async with self._verifying:  # others that start together wait instead of asking as well
                if not self._verified:
                    identity, *results = await self._exchange(
                        [("eth_chainId", []), *calls], attempts, splittable
                    )
                    self._check(identity)
                    return results
        return await self._exchange(calls, attempts, splittable) if calls else []

    def _check(self, answer: Any) -> None:
        try:
            chain = ChainId(int(answer, 16))
        except (TypeError, ValueError):
            told = self.endpoint.redacted(str(answer)[:80])
            raise ProviderUnavailable(self.name, f"eth_chainId answered {told!r}") from None
        if self.identity.chain is not None and chain != self.identity.chain:
            raise WrongChain(self.name, self.identity.chain, chain)
        self.identity.chain = chain
        self._verified = True

    async def _exchange(
        self, calls: Sequence[RpcCall], attempts: int, splittable: bool
    ) -> list[Any | RpcError]:
        bodies: list[dict[str, Any]] = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": params}
            for i, (method, params) in enumerate(calls)
        ]
        post = partial(self._post, attempts=attempts, splittable=splittable)
        if len(bodies) == 1:
            return [self._result(await post(bodies[0]), 0)]
        reply = await post(bodies)
        if not isinstance(reply, list):  # an endpoint without batches answers one error for all
            return [self._result(await post(body), body["id"]) for body in bodies]
        by_id = {item["id"]: item for item in reply if isinstance(item, dict) and _is_number(item.get("id"))}
        return [self._result(by_id.get(i), i) for i in range(len(bodies))]

    async def _post(self, body: Any, *, attempts: int, splittable: bool) -> Any:
        content = orjson.dumps(body)
        if attempts == 1:
            return await self._once(content)
        retrying = stamina.AsyncRetryingCaller(
            attempts=attempts, timeout=_RETRY_S, wait_initial=0.2, wait_max=3.0, wait_jitter=0.3
        )
        return await retrying(partial(_retry, splittable), self._once, content)

    async def _once(self, content: bytes) -> Any:
        async with self._gate.turn():
            self.requests += 1
            received = await self._client.post(self.endpoint, content)
        try:
            reply = orjson.loads(received)
        except orjson.JSONDecodeError:
            why = "answered something that is not JSON"
            raise MayPassError(ProviderUnavailable(self.name, why)) from None
        check_rate(self.endpoint, reply)
        return reply

    def _result(self, reply: Any, number: int) -> Any | RpcError:
        # A node that could not tell which request it refuses answers with an id of null.
        known = (number, None) if isinstance(reply, dict) and reply.get("error") is not None else (number,)
        if not isinstance(reply, dict) or reply.get("id") not in known:
            raise ProviderUnavailable(self.name, "answered something that is not JSON-RPC")
        error = reply.get("error")
        if error is not None:
            code = error.get("code") if isinstance(error, dict) else None
            message = str(error.get("message", "") if isinstance(error, dict) else error)
            return RpcError(code if isinstance(code, int) else 0, self.endpoint.redacted(message[:300]))
        if "result" not in reply:
            raise ProviderUnavailable(self.name, "answered neither a result nor an error")
        return reply["result"]


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _retry(splittable: bool, error: Exception) -> bool | float:
    if not isinstance(error, MayPassError) or (splittable and isinstance(error.error, TooMuch)):
        return False
    if error.wait_s is None:
        return True
    return error.wait_s if error.wait_s <= MAX_WAIT_S else False
