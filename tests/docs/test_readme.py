"""The README shows what the commands really print."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.runner import crossmargin

README = Path(__file__).parents[2] / "README.md"


def test_the_demo_in_the_readme_is_the_demo() -> None:
    """The block is the output of `crossmargin health --demo`, line by line."""
    [block] = re.findall(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert block.strip() == crossmargin("health", "--demo").out.strip()
