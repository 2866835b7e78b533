"""A subgraph on this machine that behaves as The Graph's nodes do, on graphql-core.

It keeps what was indexed block by block, answers queries at any of them by hash or number, gives a thousand
rows at most, refuses blocks that it has not, and can be made to lag, to halt, to fail in part and to lie.
Its words of refusal are graph-node's own, since gateways and clients go by them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema, graphql_sync

from tests.reading.servers import Reply, as_json

MAX_FIRST = 1000
DEPLOYMENT = "QmTestDeployment"

Entity = Mapping[str, Any]


def protocol() -> str:
    """What every subgraph has beside its own types."""
    return (files("aggregator") / "data" / "graph-protocol.graphql").read_text(encoding="utf-8")


def stored_schema(package: str, name: str) -> GraphQLSchema:
    """A schema that an adapter ships, as its subgraphs would have it."""
    text = (files(package) / "schemas" / f"{name}.graphql").read_text(encoding="utf-8")
    return build_schema(protocol() + text)


@dataclass(frozen=True)
class Indexed:
    """A block, and all entities as they were after it, by the name of their list."""

    number: int
    hash: str
    entities: Mapping[str, Sequence[Entity]]


@dataclass
class Graph:
    """One subgraph. `queries` keeps what was asked.

    `hashes` False: it takes no hash and tells none. `echoes` an unknown hash with the rows of its head, as a
    hosted service once did. `indexing_errors`: indexing went wrong, and by default rows are then refused.
    `change` may alter a whole reply, or be a reply of its own, given the request's number.
    """

    schema: GraphQLSchema
    blocks: list[Indexed] = field(default_factory=list)
    hashes: bool = True
    echoes: bool = False
    indexing_errors: bool = False
    most: int = MAX_FIRST
    change: Callable[[int, dict[str, Any]], dict[str, Any] | Reply] = lambda _, reply: reply
    queries: list[dict[str, Any]] = field(default_factory=list)

    def index(self, number: int, block_hash: str, **entities: Sequence[Entity]) -> None:
        """A further block."""
        self.blocks.append(Indexed(number, block_hash, entities))

    @property
    def head(self) -> Indexed:
        """The last block that was indexed."""
        return self.blocks[-1]

    def __call__(self, body: Any) -> Reply:
        """See tests.reading.servers.Answer."""
        self.queries.append(body)
        roots = self.schema.query_type
        assert roots is not None
        root: dict[str, Any] = {name: self._list(name) for name in roots.fields if name != "_meta"}
        done = graphql_sync(
            self.schema,
            body["query"],
            root_value={**root, "_meta": self._meta},
            variable_values=body.get("variables"),
        )
        reply: dict[str, Any] = {"data": done.data}
        if done.errors:
            reply["errors"] = [{"message": error.message, "path": error.path} for error in done.errors]
        changed = self.change(len(self.queries), reply)
        return changed if isinstance(changed, Reply) else as_json(changed)

    def _meta(self, _: Any, block: Mapping[str, Any] | None = None) -> dict[str, Any]:
        found = self._at(block)
        return {
            "block": {"number": found.number, "hash": found.hash if self.hashes else None},
            "deployment": DEPLOYMENT,
            "hasIndexingErrors": self.indexing_errors,
        }

    def _list(self, name: str) -> Callable[..., list[dict[str, Any]]]:
        def resolve(_: Any, **arguments: Any) -> list[dict[str, Any]]:
            found = self._at(arguments.get("block"))
            if self.indexing_errors:
                raise GraphQLError("indexing_error")
            first = arguments.get("first", 100)
            if not 1 <= first <= self.most:
                raise GraphQLError(f"The value of the `first` argument must be between 1 and {self.most}")
            return chosen(found.entities.get(name, ()), **{**arguments, "first": first})

        return resolve

    def _at(self, block: Mapping[str, Any] | None) -> Indexed:
        if not block:
            return self.head
        if "hash" in block:
            known = [one for one in self.blocks if one.hash == block["hash"]]
            if known and self.hashes:
                return known[-1]
            if self.echoes:
                return Indexed(self.head.number, block["hash"], self.head.entities)
            raise GraphQLError("Failed to decode `block.hash` value: `no block with that hash found`")
        number = block["number"]
        if number > self.head.number:
            raise GraphQLError(
                f"Failed to decode `block.number` value: `subgraph {DEPLOYMENT} has only indexed up to "
                f"block number {self.head.number} and data for block number {number} is therefore not yet "
                "available`"
            )
        before = [one for one in self.blocks if one.number <= number]
        if not before:
            raise GraphQLError(f"Failed to decode `block.number` value: `no data before block {number}`")
        last = before[-1]
        return last if last.number == number else Indexed(number, "0x" + f"{number:064x}", last.entities)


def chosen(
    entities: Sequence[Entity],
    *,
    first: int = 100,
    where: Mapping[str, Any] | None = None,
    orderBy: str = "id",  # the protocol's name
    orderDirection: str = "asc",
    **_: Any,
) -> list[dict[str, Any]]:
    """The entities of a list that a query asks for; lists inside them answer their own arguments."""
    kept = [
        one for one in entities if all(_holds(one, name, wanted) for name, wanted in (where or {}).items())
    ]
    kept.sort(key=lambda one: one[orderBy], reverse=orderDirection == "desc")
    return [_entity(one) for one in kept[:first]]


def _holds(entity: Entity, name: str, wanted: Any) -> bool:
    if (match := re.fullmatch(r"(.+)_gt", name)) is not None:
        value = entity[match[1]]
        if match[1] == "id":
            return bool(value > wanted)
        return int(value) > int(wanted)
    value = entity.get(name)
    return bool((value["id"] if isinstance(value, Mapping) else value) == wanted)


def _entity(entity: Entity) -> dict[str, Any]:
    return {name: _nested(value) if isinstance(value, list) else value for name, value in entity.items()}


def _nested(entities: list[Entity]) -> Callable[..., list[dict[str, Any]]]:
    return lambda _, **arguments: chosen(entities, **arguments)
