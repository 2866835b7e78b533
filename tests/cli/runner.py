"""Runs the command line in this process: same entry point, exit code and streams as the real one."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

import typer.main

from cli.main import main

# The same tree of commands for every run: making it takes as long as a small command.
_TREE = patch.object(typer.main, "get_command", cache(typer.main.get_command))


@dataclass(frozen=True)
class Result:
    """What a run printed and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The only envelope on stdout."""
        [line] = self.out.splitlines()
        return json.loads(line)


def as_process(*arguments: str) -> None:
    """Be `crossmargin ARGUMENTS`: for a process of its own."""
    sys.argv = ["crossmargin", *arguments]
    main()


def crossmargin(*arguments: str) -> Result:
    """Run `crossmargin ARGUMENTS`."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    code: Any = 0
    argv = patch.object(sys, "argv", ["crossmargin", *arguments])
    with _TREE, argv, redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    out.flush()
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    return Result(int(code or 0), buffer.getvalue().decode(), err.getvalue())
