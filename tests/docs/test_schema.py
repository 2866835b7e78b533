"""The JSON schemas of docs/schema: valid, strict, consistent, and met by what the commands print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from aggregator.app import Checked
from aggregator.model.accounts import ProtocolKind
from aggregator.model.comparison import MarginBand, Method
from aggregator.model.errors import StoreLocked
from aggregator.model.results import Band, Verdict
from aggregator.store.saved import Summary
from cli import documents, envelope, snapshot
from cli.main import app
from tests.docs.generated import ROOT, leaf_commands
from tests.store.samples import PORTFOLIO, RESULT

FOLDER = ROOT / "docs" / "schema"
NAMES = sorted(path.name for path in FOLDER.glob("*.json"))


@cache
def schema(name: str) -> dict[str, Any]:
    """One schema."""
    found: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


def errors(name: str, document: Any) -> list[str]:
    """Where a document, as JSON text would carry it, breaks a schema."""
    carried = json.loads(json.dumps(document))
    found = Draft202012Validator(schema(name)).iter_errors(carried)
    return [f"{error.json_path}: {error.message}" for error in found]


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a JSON document."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from parts(child)
    elif isinstance(node, list):
        for child in node:
            yield from parts(child)


@pytest.mark.parametrize("name", NAMES)
def test_is_told_where_people_look(name: str) -> None:
    """Every schema has its line in docs/json.md."""
    assert f"](schema/{name})" in (ROOT / "docs" / "json.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_is_a_valid_strict_schema(name: str) -> None:
    """Draft 2020-12; every object lists its fields; every reference and every definition has the other."""
    found = schema(name)
    Draft202012Validator.check_schema(found)
    used = set()
    for part in parts(found):
        if part.get("type") == "object":
            assert "additionalProperties" in part, part
        if "$ref" in part:
            used.add(part["$ref"].removeprefix("#/$defs/"))
    assert used == set(found.get("$defs", {}))


def test_definitions_that_schemas_share_are_the_same() -> None:
    """Each file stands alone, so they repeat each other."""
    seen: dict[str, Any] = {}
    for name in NAMES:
        for key, definition in schema(name).get("$defs", {}).items():
            assert seen.setdefault(key, definition) == definition, f"{key} in {name}"


def test_every_command_with_json_has_a_schema() -> None:
    """`replay` answers as the command that it is given."""
    commands = {words for words, command in leaf_commands() if any(p.name == "json" for p in command.params)}
    described = {schema(name)["properties"]["schema"]["const"].split("/")[1] for name in NAMES}
    assert described == commands
    assert sorted(f"{words.replace(' ', '-')}.json" for words in described) == NAMES


def test_choices_are_those_of_the_code() -> None:
    """Bands, verdicts and kinds of account."""
    definitions = schema("health.json")["$defs"]
    assert definitions["band"]["enum"] == [band.value for band in Band]
    assert definitions["verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert definitions["account_health"]["properties"]["kind"]["enum"] == list(get_args(ProtocolKind))
    compared = definitions["margin_comparison"]["properties"]
    methods = compared["methods"]["items"]["properties"]["method"]["enum"]
    assert sorted(methods) == sorted(method.value for method in Method)
    assert compared["exchange"]["properties"]["band"]["enum"] == [band.value for band in MarginBand]


def health_document() -> dict[str, Any]:
    """The envelope of a partial answer with every kind of position and several infinite figures."""
    portfolio = replace(PORTFOLIO, accounts=tuple(replace(a, label="market") for a in PORTFOLIO.accounts))
    history = replace(RESULT.history, hash="2" * 64) if RESULT.history else None
    result = replace(RESULT, parameters_hash="0" * 64, scenario_hash="1" * 64, history=history)
    return envelope.of_portfolio("health", portfolio, documents.health(Checked(portfolio, result)))


def test_health_meets_its_schema() -> None:
    """Accounts with and without health."""
    document = health_document()
    assert len(document["data"]["accounts"]) > 1
    assert errors("health.json", document) == []


def test_positions_meet_their_schema() -> None:
    """Positions of every kind."""
    document = envelope.of_portfolio("positions", PORTFOLIO, documents.positions(PORTFOLIO))
    kinds = {p["kind"] for account in document["data"]["accounts"] for p in account["positions"]}
    assert kinds == {"holding", "supply", "debt", "perp", "option"}
    assert errors("positions.json", document) == []


def test_the_schema_finds_what_is_wrong() -> None:
    """A field too much, one too few, a number for dollars, an infinity in disguise, a silent failure."""
    assert errors("health.json", health_document() | {"more": 1})
    wrong: list[dict[str, Any]] = [
        {"score": "65"},
        {"equity_usd": 1.5},
        {"kappa_infinite": True, "kappa": 3.0},
        {"band": "FINE"},
        {"extra": 0},
    ]
    for change in wrong:
        document = health_document()
        document["data"] |= change
        assert errors("health.json", document), change
    document = health_document()
    del document["data"]["flags"]
    assert errors("health.json", document)
    assert errors("health.json", health_document() | {"errors": []})
    assert errors("health.json", health_document() | {"coverage": None})


@pytest.mark.parametrize("name", NAMES)
def test_a_command_that_can_not_answer(name: str) -> None:
    """Data is null, and one error says why."""
    command = schema(name)["properties"]["schema"]["const"].split("/")[1]
    document = envelope.of_error(command, StoreLocked("x.duckdb", "another process has it open"))
    assert errors(name, document) == []
    assert errors(name, document | {"ok": True})
    assert errors(name, document | {"errors": []})


def test_a_listed_snapshot_meets_its_schema() -> None:
    """As `snapshot list` prints it."""
    time = datetime(2026, 11, 22, 12, 30, 5, tzinfo=UTC).replace(tzinfo=None)
    summary = Summary(
        id="20261122T123005Z-a1a1a1-0",
        wallet=PORTFOLIO.wallet,
        as_of=time,
        taken_at=time,
        trigger="health",
        source="chain",
        status="partial",
        reads_expected=4,
        reads_ok=3,
        reads_failed=1,
        tool_version="0.1.0",
        content_hash="0" * 64,
        score=None,
        band=Band.NONE,
        verdict=Verdict.UNKNOWN,
    )
    document = envelope.envelope("snapshot list", [snapshot.row(summary)])
    assert errors("snapshot-list.json", document) == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["health", "--demo"], "health.json"),
        (["version"], "version.json"),
        (["chains"], "chains.json"),
        (["adapters", "list"], "adapters-list.json"),
        (["adapters", "show", "aave_v3"], "adapters-show.json"),
    ],
)
def test_what_needs_no_chain_meets_its_schema(
    arguments: list[str], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The real commands, with no configuration of the user's."""
    monkeypatch.delenv("CROSSMARGIN_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    printed = CliRunner().invoke(app, [*arguments, "--json"])
    assert printed.exit_code == 0, printed.output
    assert errors(name, json.loads(printed.stdout)) == []
