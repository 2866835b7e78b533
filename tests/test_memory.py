"""The measure of memory that other tests rely on."""

from __future__ import annotations

import subprocess
import sys

from tests.memory import peak_kib

SIZE = 256 * 2**20


def test_a_child_does_not_inherit_the_peak_of_its_parent() -> None:
    """A process that has been large starts one that is not."""
    ballast = bytearray(SIZE)
    ballast[::4096] = b"x" * (SIZE // 4096)
    command = [sys.executable, "-c", "from tests.memory import peak_kib; print(peak_kib())"]
    child = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert peak_kib() >= len(ballast) // 1024
    assert child < len(ballast) // 2048
