"""`crossmargin query list|show|run|sql|schema`, `query -` and `query --sql TEXT`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli import options

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
Csv = Annotated[bool, typer.Option("--csv", help="Comma-separated values on stdout.")]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="One JSON object per row on stdout.")]
Parquet = Annotated[
    Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file instead.")
]
Arrow = Annotated[
    Path | None,
    typer.Option("--arrow", metavar="FILE", help="Write a file in Arrow's stream format instead."),
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Stop after this time.")
]
Memory = Annotated[
    float, typer.Option("--memory", metavar="GB", min=0.01, help="Use at most this much memory.")
]


@dataclass(frozen=True, slots=True)
class _Output:
    """How an answer is to be printed: one of these, or a table."""

    csv: bool = False
    json: bool = False
    jsonl: bool = False
    parquet: Path | None = None
    arrow: Path | None = None

    def check(self) -> None:
        from aggregator.model.errors import BadConfiguration  # noqa: PLC0415

        named = {f"--{name}": getattr(self, name) for name in self.__slots__}
        chosen = [name for name, value in named.items() if value]
        if len(chosen) > 1:
            raise BadConfiguration(chosen[0], f"not together with {chosen[1]}")


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
    csv: Csv = False,
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

    output = _Output(csv, json, jsonl, parquet, arrow)
    query, given, settings = queries.find(name), _given(param), options.settings(config)

    def answered(take: Callable[[Answer], Any], limits: Limits) -> Any:
        return queries.run(query, given, settings, take, limits)

    _print("query run", query.name, answered, output, timeout, memory)


@app.command("sql")
def sql(
    source: Annotated[
        str | None, typer.Argument(metavar="[-]", help="-: read the statement from stdin.")
    ] = None,
    *,
    statement: Annotated[str | None, typer.Option("--sql", metavar="TEXT", help="The statement.")] = None,
    param: OwnParameters = None,
    csv: Csv = False,
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
    output = _Output(csv, json, jsonl, parquet, arrow)
    given, settings = _given(param), options.settings(config)
    text = sys.stdin.read() if statement is None else statement

    def answered(take: Callable[[Answer], Any], limits: Limits) -> Any:
        return queries.run_sql(text, given, settings, take, limits)

    _print("query sql", "sql", answered, output, timeout, memory)


@app.command("schema")
def schema(
    name: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="Only this table or view.")] = None,
    *,
    csv: Csv = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """List the columns of all tables and views, with their types, units and meaning."""
    from aggregator.app import queries  # noqa: PLC0415

    settings = options.settings(config)

    def answered(take: Callable[[Answer], Any], limits: Limits) -> Any:
        return queries.schema(name, settings, take, limits)

    _print("query schema", "schema", answered, _Output(csv, json), 60.0, 2.0)


def _print(
    command: str,
    name: str,
    answered: Callable[[Callable[[Answer], Any], Limits], Any],
    output: _Output,
    timeout_s: float,
    memory_gb: float,
) -> None:
    """Print an answer as was asked, and say on stderr how much of it is incomplete."""
    from aggregator.app.queries import FileFormat, write_file  # noqa: PLC0415
    from aggregator.store.limits import Limits  # noqa: PLC0415
    from cli import answers, envelope  # noqa: PLC0415

    output.check()
    counted = _Counter()
    limits = Limits(timeout_s, memory_gb)

    def take(answer: Answer) -> Any:
        answer = counted.watching(answer)
        if output.parquet is not None:
            return write_file(answer, output.parquet, FileFormat.PARQUET)
        if output.arrow is not None:
            return write_file(answer, output.arrow, FileFormat.ARROW)
        if output.csv:
            return answers.write_csv(answer)
        if output.jsonl:
            return answers.write_json_lines(answer)
        if output.json:
            columns = [{"name": c.name, "type": c.type} for c in answer.columns]
            return {"query": name, "columns": columns, "rows": list(answers.documents(answer))}
        return answers.write_table(answer)

    outcome = answered(take, limits)
    told = counted.told()
    if output.json:
        warnings = [told] if told else []
        envelope.write(envelope.envelope(command, outcome, warnings=warnings))
        return
    file = output.parquet or output.arrow
    if file is not None:
        typer.echo(f"{file.name}: {outcome:,} rows", err=True)
    if told:
        typer.echo(f"warning: {told}", err=True)


class _Counter:
    """Counts rows, and those that are flagged in a column `partial`, as they pass."""

    def __init__(self) -> None:
        self.rows = self.partial = 0

    def watching(self, answer: Answer) -> Answer:
        flags = [i for i, column in enumerate(answer.columns) if column.name == "partial"]

        def batches() -> Any:
            for rows in answer.batches:
                self.rows += len(rows)
                self.partial += sum(row[i] is True for row in rows for i in flags)
                yield rows

        return replace(answer, batches=batches())

    def told(self) -> str | None:
        """A sentence, or None where nothing is partial."""
        if not self.partial:
            return None
        return f"{self.partial:,} of {self.rows:,} rows rest on snapshots in which a read failed"


def _given(param: Sequence[str] | None) -> dict[str, str]:
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
