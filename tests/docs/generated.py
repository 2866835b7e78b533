"""The parts of the documentation that are made from the code.

`python -m tests.docs.generated` writes them again; a test fails where that would change a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

import typer
from duckdb_sqlalchemy import Dialect
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from aggregator.model.errors import CrossmarginError
from aggregator.store import library, schema
from aggregator.store.columns import Table, table_of
from cli.main import app

ROOT = Path(__file__).parents[2]
_SECTION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def leaf_commands() -> Iterator[tuple[str, TyperCommand]]:
    """Every command that does something, by the words that call it."""

    def below(words: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
        if isinstance(command, TyperGroup):
            for name, child in command.commands.items():
                yield from below(f"{words} {name}".strip(), child)
        elif isinstance(command, TyperCommand):
            yield words, command

    yield from below("", typer.main.get_command(app))


def commands() -> str:
    """A section per command: what it does, its arguments and options."""
    parts = []
    for words, command in leaf_commands():
        arguments = [p for p in command.params if isinstance(p, TyperArgument)]
        options = [p for p in command.params if isinstance(p, TyperOption)]
        usage = " ".join(["crossmargin", words, *(_argument(argument) for argument in arguments)])
        parts += [f"## {words}", "", f"`{usage}`", "", command.help or "", ""]
        parts += ["| | |", "|---|---|"]
        parts += [f"| `{_cell(_argument(a))}` | {_explained(a)} |" for a in arguments]
        parts += [f"| `{_spelling(option)}` | {_explained(option)} |" for option in options]
        parts.append("")
    return "\n".join(parts)


def _argument(argument: TyperArgument) -> str:
    if argument.metavar:
        return argument.metavar
    kind = type(argument.default)
    return f"[{'|'.join(kind)}]" if issubclass(kind, StrEnum) else (argument.name or "").upper()


def _spelling(option: TyperOption) -> str:
    return ", ".join([*option.opts, *option.secondary_opts]) + (
        f" {option.metavar}" if option.metavar else ""
    )


def _explained(parameter: TyperArgument | TyperOption) -> str:
    given = parameter.default
    default = f" Default: `{given}`." if isinstance(given, str) else ""
    return _cell(f"{parameter.help or ''}{default}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def tables() -> str:
    """A section per table of the database, from its comments."""
    parts: list[str] = []
    dialect = Dialect()
    rows = [row for module in schema.TABLE_MODULES for row in vars(module).values() if _is_table(row)]
    for table in dict.fromkeys(table_of(row) for row in rows):
        parts += [f"### {table.name}", "", f"{table.comment}.", "", "| column | type | |", "|---|---|---|"]
        for column in table.columns:
            nullable = "" if column.nullable else " NOT NULL"
            parts.append(f"| `{column.name}` | {column.type.compile(dialect)}{nullable} | {column.comment} |")
        parts.append("")
    return "\n".join(parts)


def _is_table(row: object) -> bool:
    return isinstance(row, type) and issubclass(row, Table) and hasattr(row, "__table__")


def errors() -> str:
    """A row per code that an error in JSON can have."""
    rows = ["| code | meaning |", "|---|---|"]
    rows += [f"| `{kind.code}` | {(kind.__doc__ or '').partition(chr(10))[0]} |" for kind in _coded()]
    return "\n".join(rows)


def _coded() -> list[type[CrossmarginError]]:
    found: list[type[CrossmarginError]] = []

    def visit(kind: type[CrossmarginError]) -> None:
        if "code" in vars(kind) and kind.__module__.startswith("aggregator.model.errors."):
            found.append(kind)
        for child in kind.__subclasses__():
            visit(child)

    visit(CrossmarginError)
    return sorted(found[1:], key=lambda kind: kind.code)  # the root itself is never raised


def queries() -> str:
    """A section per query that ships, from its header."""
    parts: list[str] = []
    for query in library.queries():
        parts += [f"### {query.name}", "", query.question, ""]
        for parameter in query.parameters:
            default = "" if parameter.default is None else f"; `{parameter.default}` by default"
            parts.append(f"* `-p {parameter.name}=…` ({parameter.kind}{default}): {parameter.meaning}")
        parts += ["", f"Grain: {query.grain}. Units: {query.units}. Snapshots: {query.snapshots}.", ""]
    return "\n".join(parts)


SECTIONS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "tables": tables,
    "errors": errors,
    "queries": queries,
}
PAGES = ("docs/commands.md", "docs/database.md", "docs/json.md", "docs/queries.md")


def filled(text: str) -> str:
    """A page with its generated sections as the code has them now."""
    return _SECTION.sub(lambda m: f"{m[1]}{SECTIONS[m[2]]().strip()}\n{m[3]}", text)


if __name__ == "__main__":
    for name in PAGES:
        page = ROOT / name
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
