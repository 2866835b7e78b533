"""`crossmargin query list|show|run|sql|schema`, `query -` and `query --sql TEXT`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli import options
from cli.query_output import Output, print_answer

if TYPE_CHECKING:
    from aggregator.store.library import Query
    from aggregator.store.limits import Limits
    from aggregator.store.query import Answer

_HELP = ("-h", "--help")


class _OwnSql(TyperGroup):
    """`query -` and `query --sql TEXT` are short for `query sql …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        short = bool(args) and args[0].startswith("-") and args[0] not in _HELP
        return super().parse_args(ctx, ["sql", *args] if short else args)


app = typer.Typer(cls=_OwnSql, help="Ask the database.", no_args_is_help=True)

Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of the query (repeatable)."),
]
OwnParameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME[:TYPE]=VALUE",
        help="The value of $NAME: text, address, integer, number, boolean or time (repeatable).",
    ),
]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="One JSON object per row on stdout.")]
Parquet = Annotated[
    Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file instead.")
]
Arrow = Annotated[
    Path | None,
    typer.Option("--arrow", metavar="FILE", help="Write a file in Arrow's stream format instead."),
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0.001, max=86_400, help="Stop after this time.")
]
Memory = Annotated[
    float, typer.Option("--memory", metavar="GB", min=0.01, max=100_000, help="Use at most this much memory.")
]


@app.command("list")
def list_queries(*, json: options.Json = False) -> None:
    """List the queries that ship, and what each asks."""
    from aggregator.app import queries  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415
    from cli.table import table  # noqa: PLC0415

    found = queries.queries()
    if json:
        envelope.write(envelope.envelope("query list", [_summary(query) for query in found]))
        return
    typer.echo(table(("query", "question"), [(query.name, query.question) for query in found]))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A query's name.")],
    *,
    json: options.Json = False,
) -> None:
    """Show a query: parameters, grain, units, which snapshots it answers from, and its SQL."""
    from aggregator.app import queries  # noqa: PLC0415
    from cli import envelope  # noqa: PLC0415

    query = queries.find(name)
    if json:
        envelope.write(envelope.envelope("query show", {**_summary(query), "sql": query.sql}))
        return
    typer.echo(f"{query.name}: {query.question}\n")
    for parameter in query.parameters:
        default = "" if parameter.default is None else f", {_spelled(parameter.default)} by default"
        typer.echo(f"  -p {parameter.name}=… ({parameter.kind}{default}): {parameter.meaning}")
    typer.echo(f"\ngrain: {query.grain}\nunits: {query.units}\nsnapshots: {query.snapshots}\n\n{query.sql}")


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A query's name.")],
    *,
    param: Parameters = None,
    csv: options.Csv = False,
    json: options.Json = False,
    jsonl: JsonLines = False,
    parquet: Parquet = None,
    arrow: Arrow = None,
    timeout: Timeout = 60.0,
    memory: Memory = 2.0,
    config: options.Config = None,
) -> None:
    """Run a query that ships on the newest published state of the database."""
    from aggregator.app import queries  # noqa: PLC0415

    output = Output(csv, json, jsonl, parquet, arrow)
    query, given, settings = queries.find(name), given_parameters(param), options.settings(config)

    def answered(take: Callable[[Answer], Any], limits: Limits) -> Any:
        return queries.run(query, given, settings, take, limits)

    print_answer("query run", query.name, answered, output, timeout, memory)


@app.command("sql")
def sql(
    source: Annotated[
        str | None, typer.Argument(metavar="[-]", help="-: read the statement from stdin.")
    ] = None,
    *,
    statement: Annotated[str | None, typer.Option("--sql", metavar="TEXT", help="The statement.")] = None,
    param: OwnParameters = None,
    csv: options.Csv = False,
    json: options.Json = False,
    jsonl: JsonLines = False,
    parquet: Parquet = None,
    arrow: Arrow = None,
    timeout: Timeout = 60.0,
    memory: Memory = 2.0,
    config: options.Config = None,
) -> None:
    """Run one SELECT of your own; `query -` and `query --sql TEXT` are short for it.

    It can't write, read files, or load anything, and sees $NAME only where -p gives it.
    """
    from aggregator.app import queries  # noqa: PLC0415
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    if (source is None) == (statement is None) or source not in (None, "-"):
        raise BadConfiguration("query", "give one statement: --sql TEXT, or - to read it from stdin")
    output = Output(csv, json, jsonl, parquet, arrow)
    given, settings = given_parameters(param), options.settings(config)
    text = sql_from_stdin() if statement is None else statement

    def answered(take: Callable[[Answer], Any], limits: Limits) -> Any:
        return queries.run_sql(text, given, settings, take, limits)

    print_answer("query sql", "sql", answered, output, timeout, memory)


@app.command("schema")
def schema(
    name: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="Only this table or view.")] = None,
    *,
    csv: options.Csv = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """List the columns of all tables and views, with their types, units and meaning."""
    from aggregator.app import queries  # noqa: PLC0415

    settings = options.settings(config)

    def answered(take: Callable[[Answer], Any], limits: Limits) -> Any:
        return queries.schema(name, settings, take, limits)

    print_answer("query schema", "schema", answered, Output(csv, json), 60.0, 2.0)


def sql_from_stdin() -> str:
    """The statement on stdin; raises BadConfiguration where it is no text."""
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise BadConfiguration("stdin", f"the statement is no text ({error})") from error


def given_parameters(param: Sequence[str] | None) -> dict[str, str]:
    """Parameters by name; raises BadConfiguration on what is not NAME=VALUE, or given twice."""
    from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

    given: dict[str, str] = {}
    for entry in param or ():
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise BadConfiguration("-p", f"{entry!r} is not NAME=VALUE")
        if name in given:
            raise BadConfiguration("-p", f"{name} is given twice")
        given[name] = value
    return given


def _summary(query: Query) -> dict[str, Any]:
    return {
        "name": query.name,
        "question": query.question,
        "parameters": [
            {
                "name": p.name,
                "type": p.kind,
                "default": None if p.default is None else _spelled(p.default),
                "meaning": p.meaning,
            }
            for p in query.parameters
        ],
        "grain": query.grain,
        "units": query.units,
        "snapshots": query.snapshots,
    }


def _spelled(value: Any) -> str:
    """A default as `-p` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
