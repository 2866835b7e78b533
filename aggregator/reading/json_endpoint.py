"""An endpoint that answers JSON objects: asked within its limits, again after what may pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aggregator.abi.json_rows import loads
from aggregator.model.errors import ProviderUnavailable
from aggregator.reading.client import TOO_LARGE, Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.faults import MayPassError, may_pass
from aggregator.reading.limits import Gate
from aggregator.reading.patience import patiently

T = TypeVar("T")


class JsonEndpoint:
    """One endpoint in use. Numbers in what it answers are integers, or text where they have a fraction.

    `use` makes of a reply what is returned; where it raises MayPassError the endpoint is asked again. Raises
    TransportError.
    """

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        self.endpoint = endpoint
        self._client = client
        self._gate = Gate(endpoint.concurrency, endpoint.rate_per_s)

    async def post(
        self, body: bytes, use: Callable[[dict[str, Any]], T], path: str = "", list_as: str = ""
    ) -> T:
        """POST to a path below the URL; see `loads` for `list_as`."""
        return await self._patiently(lambda: self._client.post(self.endpoint, body, path), use, list_as)

    async def get(self, path: str, query: str, use: Callable[[dict[str, Any]], T], list_as: str = "") -> T:
        """GET of a path below the URL; see `loads` for `list_as`."""
        return await self._patiently(lambda: self._client.get(self.endpoint, path, query), use, list_as)

    async def _patiently(
        self, send: Callable[[], Awaitable[bytes]], use: Callable[[dict[str, Any]], T], list_as: str
    ) -> T:
        async def once() -> T:
            async with self._gate.turn():
                received = await send()
            if received is TOO_LARGE:
                raise ProviderUnavailable(self.endpoint.name, "the request is too large for it (HTTP 413)")
            try:
                reply = loads(received, list_as)
            except ValueError as error:
                why = (
                    f"answered something that is no JSON object ({self.endpoint.redacted(str(error))[:100]})"
                )
                raise may_pass(self.endpoint, why) from None
            return use(reply)

        try:
            return await patiently(once)
        except MayPassError as fault:
            raise fault.error from None
