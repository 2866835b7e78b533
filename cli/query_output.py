"""Answers of queries as the user asked for them: a table, CSV, JSON lines, an envelope, or a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from aggregator.model.errors import CrossmarginError
    from aggregator.store.limits import Limits
    from aggregator.store.query import Answer


@dataclass(frozen=True, slots=True)
class Output:
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


def print_answer(
    command: str,
    name: str,
    answered: Callable[[Callable[[Answer], Any], Limits], Any],
    output: Output,
    timeout_s: float,
    memory_gb: float,
) -> None:
    """Print an answer as was asked, and say on stderr how much of it is incomplete."""
    from aggregator.app.queries import FileFormat, write_file  # noqa: PLC0415
    from aggregator.store.limits import Limits  # noqa: PLC0415
    from cli import answers, envelope  # noqa: PLC0415

    output.check()
    counted = _Counter()
    limits = Limits(timeout_s, memory_gb, abandon=_end)

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


def _end(error: CrossmarginError) -> None:
    """End the process as `main` would, whatever DuckDB is busy with."""
    from cli.main import told  # noqa: PLC0415  # it imports this package

    code = told(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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
