"""Rows of a subgraph: the query that asks for them, how the reply is kept as bytes, and typed rows of it.

A query is put together here and not by adapters, so that each has what The Graph's protocol needs: rows and
`_meta` at one given block, the head that the subgraph has reached, and rows in the order of their ids, so
that any number of them comes in pages. The reply to a `Subgraph` request is one string of bytes (`pack`),
whoever gave it: an endpoint or a recording. `Subgraph.decode` trusts neither.

Source of the protocol: graph-node's documentation of its GraphQL API (thegraph.com/docs), where `_meta` is
`{block {number hash} deployment hasIndexingErrors}` and `block` is `{hash}`, `{number}` or `{number_gte}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from aggregator.abi.json_rows import Row, loads
from aggregator.model.errors import MalformedReply

T = TypeVar("T")

Variable: TypeAlias = str | int | bool | tuple[str, ...]
"""What a variable of a query may be; a BigInt is its decimal text."""

META = "_meta(block: $block) { block { number hash } deployment hasIndexingErrors }"
HEAD = "head: _meta { block { number hash } deployment hasIndexingErrors }"
"""The last block that a subgraph has indexed."""
_LONGEST_NAME = 100
_OURS = ("block", "first", "after")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


class Query(Generic[T]):
    """A query such as `Query("positions", "side balance", where="account: $account", account="String!", …)`.

    `entities` is the field of the root type that lists them; `id` is asked for in any case. `schema` is the
    file in the adapter's folder `schemas` that tests validate it against, without `.graphql`. `variables` are
    the types of those that `where` or `fields` name; `block`, `first` and `after` are ours. `id_type` is
    `Bytes` where the schema says so of `id`. `into` makes what is wanted of a row; it may raise ValueError.
    """

    def __init__(
        self,
        entities: str,
        fields: str,
        *,
        schema: str,
        where: str = "",
        id_type: Literal["ID", "Bytes", "String"] = "ID",
        into: Callable[[Row], T],
        **variables: str,
    ) -> None:
        if taken := set(variables) & set(_OURS):
            raise ValueError(f"${min(taken)} is not a query's own variable")
        self.entities = entities
        self.fields = fields
        self.schema = schema
        self.where = where
        self.id_type = id_type
        self.into = into
        self.variables = tuple(sorted(variables.items()))

    def __repr__(self) -> str:
        return f"Query({self.entities!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Query):
            return NotImplemented
        return self.document == other.document and self.into == other.into

    def __hash__(self) -> int:
        return hash(self.document)

    @cached_property
    def document(self) -> str:
        """The whole query, as it is sent and as it is validated against a stored schema."""
        ours = (("after", f"{self.id_type}!"), ("block", "Block_height!"), ("first", "Int!"))
        declared = ", ".join(f"${name}: {kind}" for name, kind in (*self.variables, *ours))
        where = ", ".join(part for part in (self.where, "id_gt: $after") if part)
        order = "first: $first, orderBy: id, orderDirection: asc"
        rows = f"rows: {self.entities}(block: $block, {order}, where: {{{where}}}) {{ id {self.fields} }}"
        return f"query Rows({declared}) {{ {HEAD} {META} {rows} }}"

    @property
    def start(self) -> str:
        """What every id is greater than."""
        return "0x" if self.id_type == "Bytes" else ""

    def of(self, source: str, **values: Variable) -> Subgraph[T]:
        """The request to a subgraph, by its name or its schema's in the configuration.

        Raises ValueError where a variable is missing or none of the query's.
        """
        if set(values) != {name for name, _ in self.variables}:
            raise ValueError(f"{self!r} takes {[name for name, _ in self.variables]}, not {sorted(values)}")
        for name, value in values.items():
            if type(value) is int and not -(2**31) <= value < 2**31:
                raise ValueError(f"${name} is beyond an Int: give a BigInt as text")
        return Subgraph(self, source, tuple(sorted(values.items())))


@dataclass(frozen=True, slots=True)
class Indexed(Generic[T]):
    """What a subgraph answered: all rows, in the order of their ids, and at which block.

    `lag` is how many blocks the rows are older than the block that was asked for: 0 unless the subgraph has
    not come that far. `hash` is None where the subgraph did not say it.
    """

    source: str
    rows: tuple[T, ...]
    number: int
    hash: str | None
    lag: int
    deployment: str
    has_indexing_errors: bool

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user."""
        found = []
        if self.lag:
            behind = f"subgraph {self.source} is {self.lag:,} blocks behind"
            found.append(f"{behind}: what it says is of block {self.number:,}")
        if self.has_indexing_errors:
            found.append(f"subgraph {self.source} says that it has indexing errors: its figures may be wrong")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Subgraph(Generic[T]):
    """All rows of a query at the pinned block, or at the subgraph's own head where that is a little behind.

    Complete or a failure: errors beside data, a page of another block, a row twice are failures.
    """

    query: Query[T]
    source: str
    variables: tuple[tuple[str, Variable], ...] = ()

    @property
    def origin(self) -> str:
        """Where figures come from: `positions@subgraph aave`."""
        return f"{self.query.entities}@subgraph {self.source}"

    @property
    def key(self) -> str:
        """Equal for requests that are answered alike, whatever their rows are made into."""
        asked = json.dumps([self.query.document, self.variables])
        return f"{self.source}:{blake2b(asked.encode(), digest_size=16).hexdigest()}"

    def decode(self, raw: bytes) -> Indexed[T]:
        """The rows; raises MalformedReply where the reply is none, or rows come twice or out of order."""
        try:
            document = loads(raw)
            pinned = Row(document).integer("pinned")
            page = page_of(document, self.query.start)
            rows = tuple(self.query.into(row) for row in page.rows)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise MalformedReply(self.origin, str(error) or type(error).__name__) from error
        if page.number > pinned:
            raise MalformedReply(self.origin, f"it is of block {page.number}, beyond block {pinned}")
        return Indexed(
            source=self.source,
            rows=rows,
            number=page.number,
            hash=page.hash,
            lag=pinned - page.number,
            deployment=page.deployment,
            has_indexing_errors=page.has_indexing_errors,
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the block of which they are."""

    number: int
    hash: str | None
    deployment: str
    has_indexing_errors: bool
    rows: tuple[Row, ...] = ()

    @property
    def state(self) -> tuple[int, str | None, str]:
        """What all pages of a reply must share."""
        return self.number, self.hash, self.deployment


def page_of(data: Mapping[str, Any], after: str) -> Page:
    """The page in a reply's `data`, whose ids must be beyond `after`.

    Raises ValueError where it is none, or a row comes twice or out of order.
    """
    rows = Row(data).rows("rows")
    for row in rows:
        here = row.text("id")
        if here <= after:
            raise ValueError(f"the row {here[:100]!r} comes twice, out of order, or was not asked for")
        after = here
    return replace(state_of(data, "_meta"), rows=tuple(rows))


def state_of(data: Mapping[str, Any], meta: str) -> Page:
    """The block that a reply's `data` is of, by its field `meta`, without rows; raises ValueError."""
    whole = Row(data)
    number, block_hash = whole.integer(meta, "block", "number"), whole.at(meta, "block", "hash")
    if not 0 <= number < 2**63:
        raise ValueError(f"{number} is no block")
    if block_hash is not None and not (isinstance(block_hash, str) and _HASH.fullmatch(block_hash)):
        raise ValueError(f"{meta}.block.hash is no hash: {str(block_hash)[:80]!r}")
    deployment = whole.text(meta, "deployment")
    if len(deployment) > _LONGEST_NAME:
        raise ValueError(f"{meta}.deployment is no name: {deployment[:60]!r}")
    return Page(
        number=number,
        hash=None if block_hash is None else block_hash.lower(),
        deployment=deployment,
        has_indexing_errors=whole.flag(meta, "hasIndexingErrors"),
    )


def pack(pinned: int, pages: Sequence[Page]) -> bytes:
    """The pages of one reply as bytes that `Subgraph.decode` reads; equal content gives equal bytes."""
    first = pages[0]
    meta = {
        "block": {"number": first.number, "hash": first.hash},
        "deployment": first.deployment,
        "hasIndexingErrors": any(page.has_indexing_errors for page in pages),
    }
    rows = [dict(row) for page in pages for row in page.rows]
    document = {"pinned": pinned, "_meta": meta, "rows": rows}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
