"""GraphQL over our own HTTP client: gql parses and sends documents, and what comes back stays exact.

gql's own transports have no limit of size, log replies, and hide no keys; this one has the limits, retries
and hidden keys of JSON-RPC endpoints.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from functools import cache
from typing import Any

from gql import Client as GqlClient
from gql import GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.async_transport import AsyncTransport
from gql.transport.exceptions import TransportQueryError
from graphql import DocumentNode, ExecutionResult, parse

from aggregator.model.errors import AuthenticationFailed, ProviderUnavailable, RateLimited, SubgraphRefused
from aggregator.reading.client import Client
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.faults import MayPassError
from aggregator.reading.json_endpoint import JsonEndpoint

_LIMITED = ("rate limit", "too many requests")
_UNKNOWN_KEY = ("auth error", "api key", "unauthorized")
_SHOWN = 300


class GraphTransport(AsyncTransport):
    """One GraphQL endpoint for gql."""

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        self._endpoint = endpoint
        self._json = JsonEndpoint(endpoint, client)

    async def connect(self) -> None:
        """Connections are the client's."""

    async def close(self) -> None:
        """See connect."""

    def subscribe(self, request: GraphQLRequest) -> AsyncGenerator[ExecutionResult, None]:
        """The protocol has no subscriptions."""
        raise NotImplementedError

    async def execute(self, request: GraphQLRequest) -> ExecutionResult:
        """The reply; raises TransportError after retries of what may pass."""
        body = json.dumps(request.payload).encode()  # what ids are made of may not be text for others
        return await self._json.post(body, self._result)

    def _result(self, reply: dict[str, Any]) -> ExecutionResult:
        errors, data = reply.get("errors"), reply.get("data")
        if errors is not None and not isinstance(errors, list):
            raise ProviderUnavailable(self._endpoint.name, "answered errors that are no list")
        if not errors and not isinstance(data, dict):
            raise ProviderUnavailable(self._endpoint.name, "answered neither data nor errors")
        told = [_message(error) for error in errors or ()]
        self._check_access(told)
        return ExecutionResult(data=data, errors=told or None)  # type: ignore[arg-type]  # gql shows the first

    def _check_access(self, told: list[str]) -> None:
        """Gateways say with status 200 that they refuse a key, or refuse for now."""
        said = " ".join(told).lower()
        if any(words in said for words in _LIMITED):
            why = "too many requests: wait, or configure another endpoint"
            raise MayPassError(RateLimited(self._endpoint.name, why))
        if any(words in said for words in _UNKNOWN_KEY):
            shown = self._endpoint.redacted(told[0][:_SHOWN])
            raise AuthenticationFailed(self._endpoint.name, f"refused access ({shown}): check its key")


class GraphEndpoint:
    """A GraphQL endpoint in use."""

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        # No time limit of gql's: the client has one for a request, the chain's reader one for a read.
        gql = GqlClient(transport=GraphTransport(endpoint, client), execute_timeout=None)
        self._session = AsyncClientSession(client=gql)

    async def data(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The reply's data; raises SubgraphRefused on errors, be there data beside them, and TransportError.

        Numbers in it are integers, or text where they have a fraction.
        """
        request = GraphQLRequest(_parsed(document), variable_values=variables)
        try:
            found: dict[str, Any] = await self._session.execute(request)
        except TransportQueryError as error:
            told = [self._endpoint.redacted(str(one)[:_SHOWN]) for one in error.errors or ()]
            more = f", and {len(told) - 1} more" if len(told) > 1 else ""
            beside = " beside data" if error.data else ""
            raise SubgraphRefused(self.name, f"answered an error{beside}: {told[0]}{more}") from None
        return found


@cache
def _parsed(document: str) -> DocumentNode:
    return parse(document)


def _message(error: object) -> str:
    said = error.get("message") if isinstance(error, dict) else error
    return str(said)
