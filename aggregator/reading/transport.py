"""The endpoints of one chain as one: the healthiest is asked first, and the next where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from aggregator.model.errors import (
    BlockUnavailable,
    MalformedReply,
    ProviderUnavailable,
    Reorganised,
    TransportError,
)
from aggregator.model.units import ChainId
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.faults import NotYet, OtherBlock, RpcError, combined
from aggregator.reading.upstream import Identity, RpcCall, Upstream

__all__ = ["Client", "Endpoint", "Rpc", "RpcError", "by_chain"]

T = TypeVar("T")


class Rpc:
    """The endpoints of one chain, in order of preference.

    `expected` is the chain id that every endpoint must answer, None to accept the first one's.
    """

    def __init__(self, endpoints: Sequence[Endpoint], expected: ChainId | None, client: Client) -> None:
        identity = Identity(expected)
        self.upstreams = [Upstream(endpoint, client, identity) for endpoint in _named(endpoints)]
        self._identity = identity
        self._back()

    @classmethod
    def over(cls, upstreams: Sequence[Upstream], chain: ChainId, client: Client) -> Rpc:
        """Endpoints that were found to serve this chain; what is known of them stays."""
        rpc = cls([], chain, client)
        for upstream in upstreams:
            upstream.identity = rpc._identity
        rpc.upstreams = list(upstreams)
        rpc._back()
        return rpc

    def _back(self) -> None:
        for upstream in self.upstreams:
            upstream.backed = len(self.upstreams) > 1

    @property
    def chain(self) -> ChainId | None:
        """The chain id that was configured or answered."""
        return self._identity.chain

    @property
    def requests(self) -> int:
        """HTTP requests so far, to all endpoints."""
        return sum(upstream.requests for upstream in self.upstreams)

    @property
    def ordered(self) -> list[Upstream]:
        """The endpoints in the order in which they are asked now: those that failed lately come last."""
        return sorted(self.upstreams, key=lambda upstream: upstream.resting)

    async def send(self, calls: Sequence[RpcCall]) -> list[Any | RpcError]:
        """The results of one JSON-RPC batch; a refused call answers with its RpcError as a value.

        Raises a TransportError that names every endpoint where none answers.
        """
        return await self.through(lambda upstream: upstream.ask(calls, patient=self.patient(upstream)))

    def patient(self, upstream: Upstream) -> bool:
        """Whether to retry: an endpoint that failed before is tried once where there are others."""
        return len(self.upstreams) == 1 or upstream.health.failures == 0

    async def through(self, use: Callable[[Upstream], Awaitable[T]]) -> T:
        """What `use` makes of the first endpoint with which it raises no TransportError or MalformedReply.

        Raises Reorganised at once and where those who answer have another block, and where all fail
        otherwise an error that names each with its reason.
        """
        failures: dict[Upstream, TransportError | MalformedReply] = {}
        for upstream in self.ordered:
            try:
                return await use(upstream)
            except Reorganised:
                raise
            except (TransportError, MalformedReply) as error:
                failures[upstream] = error
        if not failures:
            raise ProviderUnavailable(f"chain {self.chain}", "no endpoint is configured")
        if len(failures) == 1:
            [found] = failures.values()
            raise found
        named = [
            ProviderUnavailable(upstream.name, str(error)) if isinstance(error, MalformedReply) else error
            for upstream, error in failures.items()
        ]
        all_failed = combined(named)
        if others := _without_the_chain(failures):
            for upstream in others:
                upstream.rest()
            raise Reorganised(all_failed.endpoint, all_failed.why)
        raise all_failed


def _without_the_chain(failures: Mapping[Upstream, TransportError | MalformedReply]) -> list[Upstream]:
    """Those that fail while the others are well but on another branch, or behind: none where that is not so.

    The block must then be named anew, by one that answers.
    """
    others = {u: error for u, error in failures.items() if not isinstance(error, OtherBlock | NotYet)}
    elsewhere = any(isinstance(error, OtherBlock) for error in failures.values())
    down = any(not isinstance(error, BlockUnavailable) for error in others.values())
    return list(others) if elsewhere or (down and len(others) < len(failures)) else []


async def by_chain(
    endpoints: Sequence[Endpoint], client: Client
) -> tuple[dict[ChainId, Rpc], list[TransportError]]:
    """The endpoints by the chain that each answers, all asked at once, and why some answered none."""
    alone = [Upstream(endpoint, client, Identity(None)) for endpoint in _named(endpoints)]
    told = await asyncio.gather(*(_identified(upstream) for upstream in alone))
    chains: dict[ChainId, list[Upstream]] = {}
    failures: list[TransportError] = []
    for upstream, chain in zip(alone, told, strict=True):
        if isinstance(chain, TransportError):
            failures.append(chain)
        else:
            chains.setdefault(chain, []).append(upstream)
    return {chain: Rpc.over(upstreams, chain, client) for chain, upstreams in chains.items()}, failures


async def _identified(upstream: Upstream) -> ChainId | TransportError:
    try:
        return await upstream.identify()
    except TransportError as error:
        return error


def _named(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Two of one name are told apart in messages."""
    seen: dict[str, int] = {}
    named = []
    for endpoint in endpoints:
        seen[endpoint.name] = count = seen.get(endpoint.name, 0) + 1
        named.append(endpoint if count == 1 else replace(endpoint, name=f"{endpoint.name} ({count})"))
    return named
