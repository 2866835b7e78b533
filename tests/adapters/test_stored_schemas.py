"""Every query of every adapter is valid by the schema that its folder stores, as gql checks it offline."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from gql import Client, GraphQLRequest
from graphql import GraphQLError

import adapters
from aggregator.contract import Query
from tests.reading.graph_server import stored_schema


def queries() -> Iterator[tuple[str, str, Query[object]]]:
    """Package, name and query of all that stand in modules of adapters."""
    for found in pkgutil.walk_packages(adapters.__path__, "adapters."):
        module = import_module(found.name)
        package = ".".join(found.name.split(".")[:2])
        for name, value in vars(module).items():
            if isinstance(value, Query):
                yield package, f"{found.name}.{name}", value


FOUND = list(queries())


@pytest.mark.parametrize(("package", "query"), [(p, q) for p, _, q in FOUND], ids=[n for _, n, _ in FOUND])
def test_a_query_is_valid(package: str, query: Query[object]) -> None:
    """Fields, arguments, filters, and the types of variables."""
    Client(schema=stored_schema(package, query.schema)).validate(GraphQLRequest(query.document))


def test_each_stored_schema_is_one_of_a_query() -> None:
    """None lies there unused, and Messari's three kinds are there."""
    used = {(package, query.schema) for package, _, query in FOUND}
    there = {
        (f"adapters.{path.parts[-3]}", path.stem)
        for folder in adapters.__path__
        for path in Path(folder).glob("*/schemas/*.graphql")
    }
    assert used == there
    assert {schema for package, schema in used if package == "adapters.messari"} == {
        "lending-2",
        "lending-3",
        "options",
        "perpetuals",
    }


@pytest.mark.parametrize(
    "query",
    [
        Query("positions", "colour", schema="perpetuals", into=id, id_type="Bytes"),
        Query("position", "side", schema="perpetuals", into=id, id_type="Bytes"),
        Query("positions", "side", schema="perpetuals", into=id),
        Query("positions", "side", schema="perpetuals", into=id, id_type="Bytes", where="colour: 1"),
        Query(
            "positions", "side", schema="perpetuals", into=id, id_type="Bytes", where="account: $a", a="Int!"
        ),
        Query("positions", "side", schema="perpetuals", into=id, id_type="Bytes", where="account: $missing"),
    ],
    ids=["field", "list", "type of ids", "filter", "type of a variable", "variable"],
)
def test_a_wrong_query_is_found(query: Query[object]) -> None:
    """So that the test above can fail."""
    with pytest.raises(GraphQLError):
        Client(schema=stored_schema("adapters.messari", query.schema)).validate(
            GraphQLRequest(query.document)
        )
