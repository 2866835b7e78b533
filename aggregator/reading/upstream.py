"""One endpoint in use: JSON-RPC with retries, its chain id checked once, and what was learned of it."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeAlias, TypeVar

import orjson

from aggregator.model.errors import (
    BlockUnavailable,
    GarbledReply,
    ProviderUnavailable,
    TransportError,
    WrongChain,
)
from aggregator.model.units import ChainId
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.faults import MayPassError, RpcError, check_rate
from aggregator.reading.health import Health
from aggregator.reading.limits import GRID_CALLS, Gate, Sizing
from aggregator.reading.patience import ATTEMPTS, patiently

RpcCall: TypeAlias = tuple[str, list[Any]]
"""A method and its parameters."""


_CALL = b'{"jsonrpc":"2.0","id":0,"method":"eth_call","params":[{"to":'
_PLAIN = b'{"jsonrpc":"2.0","id":0,"result":"0x'

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _How:
    """How often to try, and whether what takes too long is better split, or asked elsewhere, than again."""

    attempts: int
    elsewhere: bool


@dataclass(slots=True)
class Identity:
    """The chain that the endpoints of one Rpc serve: configured, or what the first of them answers."""

    chain: ChainId | None


class Upstream:
    """An endpoint and its state.

    `requests` counts HTTP requests. One that is `backed` by others is not asked again what it took too long
    for: they may be quicker, and a read has a deadline.

    `sizing` is of batches of aggregate3, `cells` of the reader contract's.
    `by_hash` tells whether it takes a block's hash as a parameter, None before it was tried. `seen`
    holds the hashes of blocks that it has shown to have, `lacking` why it can't answer at one, and until
    when that is believed. `overrides` tells whether it takes state overrides, None before it was tried.
    """

    def __init__(self, endpoint: Endpoint, client: Client, identity: Identity) -> None:
        self.endpoint = endpoint
        self.identity = identity
        self.requests = 0
        self.backed = False
        self.health = Health()
        self.sizing = Sizing()
        self.cells = Sizing(calls=GRID_CALLS, most_calls=GRID_CALLS)
        self.by_hash: bool | None = None
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

    def rest(self) -> None:
        """Have others asked before it for a while, since it lost the block."""
        self.health.astray(monotonic())

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
        how = self._how(patient=patient, splittable=splittable)
        return await self._judged(self._verified_ask(calls, how))

    async def call(
        self, to: str, data: bytes | bytearray, *more: Any, patient: bool = True, splittable: bool = False
    ) -> bytes | RpcError:
        """What eth_call answers to `data`, calldata as hex digits without 0x; `more` are its parameters
        behind the call: the block, and overrides.

        Raises as `ask` does, and GarbledReply where the answer is not whole bytes in hex.
        """
        if not self._verified:
            call = {"to": to, "data": "0x" + data.decode("ascii")}
            [answer] = await self.ask([("eth_call", [call, *more])], patient=patient, splittable=splittable)
        else:
            how = self._how(patient=patient, splittable=splittable)
            answer = await self._judged(self._call(to, data, more, how))
        if isinstance(answer, RpcError | bytes):
            return answer
        if not isinstance(answer, str) or not answer.startswith("0x"):
            raise ProviderUnavailable(self.name, "eth_call answered something that is not hex")
        try:
            return binascii.a2b_hex(answer[2:])
        except ValueError:
            raise GarbledReply(f"eth_call of {self.name}", "not hex") from None

    def _how(self, *, patient: bool, splittable: bool) -> _How:
        return _How(ATTEMPTS if patient else 1, splittable or self.backed)

    async def _judged(self, work: Awaitable[T]) -> T:
        started = monotonic()
        try:
            found = await work
        except MayPassError as fault:
            self.health.failed(started, monotonic(), fault.wait_s or 0.0)
            raise fault.error from None
        except TransportError:
            self.health.failed(started, monotonic())
            raise
        self.health.succeeded()
        return found

    async def _call(self, to: str, data: bytes | bytearray, more: Sequence[Any], how: _How) -> Any:
        """An eth_call put together, and its reply taken apart, with no copy more than it needs."""
        rest = b"".join(b"," + orjson.dumps(parameter) for parameter in more)
        parts = (_CALL, orjson.dumps(to), b',"data":"0x', data, b'"}', rest, b"]}")
        reply = await self._post(b"".join(parts), how, _data_of)
        return reply if isinstance(reply, bytes) else self._result(reply, 0)

    async def _verified_ask(self, calls: Sequence[RpcCall], how: _How) -> list[Any | RpcError]:
        if not self._verified:
            async with self._verifying:  # others that start together wait instead of asking as well
                if not self._verified:
                    identity, *results = await self._exchange([("eth_chainId", []), *calls], how)
                    self._check(identity)
                    return results
        return await self._exchange(calls, how) if calls else []

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

    async def _exchange(self, calls: Sequence[RpcCall], how: _How) -> list[Any | RpcError]:
        bodies: list[dict[str, Any]] = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": params}
            for i, (method, params) in enumerate(calls)
        ]
        if len(bodies) == 1:
            return [self._result(await self._post(orjson.dumps(bodies[0]), how), 0)]
        reply = await self._post(orjson.dumps(bodies), how)
        if not isinstance(reply, list):  # an endpoint without batches answers one error for all
            return [self._result(await self._post(orjson.dumps(body), how), body["id"]) for body in bodies]
        by_id = {item["id"]: item for item in reply if isinstance(item, dict) and _is_number(item.get("id"))}
        if len(reply) > len(by_id):
            raise ProviderUnavailable(
                self.name, "answered a batch with something twice, or that is no answer"
            )
        return [self._result(by_id.get(i), i) for i in range(len(bodies))]

    async def _post(self, content: bytes, how: _How, parse: Callable[[bytes], Any] = orjson.loads) -> Any:
        once = partial(self._once, content, parse)
        return await patiently(once, attempts=how.attempts, elsewhere=how.elsewhere)

    async def _once(self, content: bytes, parse: Callable[[bytes], Any]) -> Any:
        async with self._gate.turn():
            self.requests += 1
            received = await self._client.post(self.endpoint, content)
        try:
            reply = parse(received)
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


def _data_of(received: bytes) -> Any:
    """The data of a plain reply to eth_call; any other reply as JSON."""
    if received.startswith(_PLAIN) and received.endswith(b'"}'):
        with suppress(ValueError):  # anything but hex between the quotes is left to the parser
            return binascii.a2b_hex(memoryview(received)[len(_PLAIN) : -2])
    return orjson.loads(received)
