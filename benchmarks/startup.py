"""How long a whole process takes: `crossmargin --help`, and `health --demo` from the shipped recording.

The floor is the interpreter itself; the peer is a bare Typer application with one command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import interleaved, report

PEER = "import typer; app = typer.Typer(); app.command()(lambda: None); app(['--help'])"
GOALS_S = {"crossmargin --help": 0.15, "crossmargin health --demo": 1.0}


def run(*command: str) -> str:
    """A process's standard output; raises CalledProcessError where it fails."""
    environment = {**os.environ, "CROSSMARGIN_CONFIG": str(Path(tempfile.gettempdir()) / "absent.toml")}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def main() -> None:
    """Measure, check that the answers are what they should be, and print."""
    crossmargin = str(Path(sys.executable).with_name("crossmargin"))
    Path(tempfile.gettempdir(), "absent.toml").write_text("", encoding="utf-8")
    assert "Usage" in run(crossmargin, "--help")
    assert run(crossmargin, "health", "--demo") == run(crossmargin, "health", "--demo")
    seconds = interleaved(
        {
            "python -c pass": lambda: run(sys.executable, "-c", "pass"),
            "a bare Typer --help": lambda: run(sys.executable, "-c", PEER),
            "crossmargin --help": lambda: run(crossmargin, "--help"),
            "crossmargin health --demo": lambda: run(crossmargin, "health", "--demo"),
            "crossmargin health --demo --json": lambda: run(crossmargin, "health", "--demo", "--json"),
        }
    )
    report("startup", seconds, goals_s=GOALS_S)


if __name__ == "__main__":
    main()
