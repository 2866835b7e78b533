"""The progress line: what it says, and where it says nothing."""

from __future__ import annotations

import io

import pytest

from cli.progress import Progress, duration


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_rate_and_estimate_are_those_of_the_last_half_minute() -> None:
    """A slow beginning is forgotten."""
    times = iter((0.0, 10.0, 50.0, 60.0, 80.0))
    stream = Terminal()
    progress = Progress("index", 10_000, stream=stream, clock=lambda: next(times))
    progress.update(0)
    assert "/s" not in progress.line()
    for done in (100, 2_100, 3_100, 5_100):
        progress.update(done)
    assert progress.line("3 incomplete") == (
        "index [############............] 5,100 of 10,000 · 51% · 100/s · 49 s left · 3 incomplete"
    )
    assert stream.getvalue().count("\r") == 5
    progress.close()
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(("stream", "term", "quiet"), [
    (io.StringIO, "xterm", False), (Terminal, "dumb", False), (Terminal, "xterm", True),
])  # fmt: skip
def test_no_line_where_nobody_looks(
    stream: type[io.StringIO], term: str, quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in files, on dumb terminals, or where it was not wanted."""
    monkeypatch.setenv("TERM", term)
    into = stream()
    progress = Progress("index", 10, quiet=quiet, stream=into)
    progress.update(5)
    progress.close()
    assert into.getvalue() == ""


def test_a_line_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each update would leave a line behind."""
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    Progress("index", 10, stream=stream).update(5)
    assert len(stream.getvalue()) == len("\r\x1b[K") + 39


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (3_600, "60 min"), (11_100, "3 h 05 min")],
)
def test_durations(seconds: float, told: str) -> None:
    """In the unit that one thinks in."""
    assert duration(seconds) == told
