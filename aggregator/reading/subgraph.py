"""Reads subgraphs at the pinned block: every page of a reply is of one block, or there is no reply.

The block is asked for by its hash, which no reorganisation can change. A subgraph that refuses it is asked
how far it has come. If that is beyond the block, it is asked by number, and a hash that it answers must be
the pinned one. If it is behind, it is asked at its own head where that is near enough. Lag is measured by
blocks alone: `hasIndexingErrors` stays false where indexing has halted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from aggregator.abi.graph import HEAD, Page, Subgraph, pack, page_of, state_of
from aggregator.model.errors import (
    BlockUnavailable,
    MalformedReply,
    NoSubgraph,
    ProviderUnavailable,
    ReadError,
    StaleSource,
    SubgraphRefused,
)
from aggregator.model.readings import Block
from aggregator.reading.client import Client
from aggregator.reading.deadline import Deadline
from aggregator.reading.endpoint import Endpoint
from aggregator.reading.together import together

if TYPE_CHECKING:
    from aggregator.reading.graph_transport import GraphEndpoint

PAGE = 1_000
"""Rows of a page: the most that The Graph gives."""
MAX_ROWS = 200_000
"""Rows of one reply, at most."""

At: TypeAlias = dict[str, Any]
"""A block as the protocol names it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A configured subgraph of one chain: `endpoint.name` is its name."""

    endpoint: Endpoint
    schema: str
    max_lag_blocks: int


class Subgraphs:
    """The subgraphs of one chain. gql is imported when the first of them is asked."""

    def __init__(self, sources: Sequence[Source], client: Client) -> None:
        self._sources = sources
        self._client = client
        self._used: dict[str, GraphEndpoint] = {}

    async def read(
        self, block: Block, requests: Sequence[Subgraph[Any]], in_time: Deadline
    ) -> list[bytes | ReadError]:
        """The replies, one per request, failures as values. `in_time` ends a read that takes too long."""
        return await together(self._one(block, request, in_time) for request in requests)

    async def states(self) -> list[tuple[Source, Page | ReadError]]:
        """How far each has come, without rows, or why that is not known."""
        return await together(self._state(source) for source in self._sources)

    async def _state(self, source: Source) -> tuple[Source, Page | ReadError]:
        try:
            return source, await self._head(source, f"_meta@subgraph {source.endpoint.name}")
        except ReadError as error:
            return source, error

    async def _one(self, block: Block, request: Subgraph[Any], in_time: Deadline) -> bytes | ReadError:
        try:
            source = self._named(block, request.source)
            return await in_time(self._pages(source, block, request), source.endpoint.name)
        except ReadError as error:
            return error

    def _named(self, block: Block, name: str) -> Source:
        """By name, else the only one of this schema; raises NoSubgraph."""
        named = [source for source in self._sources if source.endpoint.name == name]
        found = named or [source for source in self._sources if source.schema == name]
        if len(found) != 1:
            raise NoSubgraph(block.chain, name)
        return found[0]

    def _endpoint(self, source: Source) -> GraphEndpoint:
        from aggregator.reading.graph_transport import GraphEndpoint  # noqa: PLC0415  # gql takes a while

        name = source.endpoint.name
        if name not in self._used:
            self._used[name] = GraphEndpoint(source.endpoint, self._client)
        return self._used[name]

    async def _pages(self, source: Source, block: Block, request: Subgraph[Any]) -> bytes:
        at, first = await self._first(source, block, request)
        pages, count = [first], len(first.rows)
        while len(pages[-1].rows) == PAGE:
            if count >= MAX_ROWS:
                why = f"has more than {MAX_ROWS:,} rows of {request.query.entities}: ask for less of them"
                raise ProviderUnavailable(source.endpoint.name, why)
            after = pages[-1].rows[-1].text("id")
            page, _ = await self._page(source, request, at, after)
            if page.state != first.state:
                told = [f"block {one.number} ({one.hash}) of {one.deployment}" for one in (page, first)]
                raise _malformed(source, request, f"one page is of {told[0]}, another of {told[1]}")
            pages.append(page)
            count += len(page.rows)
        return _decodable(source, request, pack(block.number, pages))

    async def _first(self, source: Source, block: Block, request: Subgraph[Any]) -> tuple[At, Page]:
        """The first page, and the block that the others must be asked at."""
        start, by_hash = request.query.start, {"hash": block.hash}
        try:
            page, head = await self._page(source, request, by_hash, start)
        except SubgraphRefused:  # it lacks the block, or knows no hash of it: which of these, its head tells
            head = await self._head(source, request.origin)
        else:
            # Some answer a block that they have not indexed with their head's rows.
            if head.number >= block.number:
                return by_hash, _checked(page, block, source)
        at = _nearest(head, block, source)
        page, _ = await self._page(source, request, at, start)
        if head.number < block.number:
            if page.state != head.state:
                why = f"it was asked at block {head.number}, and answers of block {page.number}"
                raise _malformed(source, request, why)
            return at, page
        return at, _checked(page, block, source)

    async def _page(self, source: Source, request: Subgraph[Any], at: At, after: str) -> tuple[Page, Page]:
        """Rows beyond an id, and the head of the subgraph."""
        variables = {**dict(request.variables), "block": at, "first": PAGE, "after": after}
        data = await self._endpoint(source).data(request.query.document, variables)
        try:
            page, head = page_of(data, after), state_of(data, "head")
        except ValueError as error:
            raise _malformed(source, request, str(error)) from None
        if len(page.rows) > PAGE:
            why = f"{len(page.rows)} rows where at most {PAGE} were asked for"
            raise _malformed(source, request, why)
        return page, head

    async def _head(self, source: Source, origin: str) -> Page:
        data = await self._endpoint(source).data(f"query Head {{ {HEAD} }}", {})
        try:
            return state_of(data, "head")
        except ValueError as error:
            raise MalformedReply(origin, source.endpoint.redacted(str(error))) from None


def _malformed(source: Source, request: Subgraph[Any], why: str) -> MalformedReply:
    """It may quote what the endpoint said, and that the key in its URL."""
    return MalformedReply(request.origin, source.endpoint.redacted(why))


def _decodable(source: Source, request: Subgraph[Any], raw: bytes) -> bytes:
    """The reply, which whoever decodes it can't redact: raises MalformedReply where it has no such rows."""
    try:
        request.decode(raw)
    except MalformedReply as error:
        raise _malformed(source, request, error.why) from None
    return raw


def _nearest(head: Page, block: Block, source: Source) -> At:
    """The pinned block by number, or the subgraph's head; raises StaleSource where that is too far behind."""
    if head.number >= block.number:
        return {"number": block.number}
    check_lag(head, block, source)
    return {"number": head.number} if head.hash is None else {"hash": head.hash}


def check_lag(head: Page, block: Block, source: Source) -> None:
    """Raises StaleSource where a subgraph's head is further behind a block than it may be."""
    if block.number - head.number > source.max_lag_blocks:
        raise StaleSource(source.endpoint.name, head.number, block.number, source.max_lag_blocks)


def _checked(page: Page, block: Block, source: Source) -> Page:
    """A page that is of the pinned block; raises BlockUnavailable where it is of another."""
    if page.number != block.number or page.hash not in (None, block.hash):
        told = f"answers of block {page.number} ({page.hash}), not {block.number} ({block.hash})"
        raise BlockUnavailable(source.endpoint.name, f"{told}: it follows another branch")
    return page
