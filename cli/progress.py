"""A line on the terminal that tells how far a long command is, at which rate, and when it may end."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

_WINDOW_S = 30.0
_BAR = 24


class Progress:
    """Counts of `total` on one line of a terminal; nothing without one, on a dumb one, or where `quiet`."""

    def __init__(
        self,
        what: str,
        total: int,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._total, self._clock = what, total, clock
        self._stream = sys.stderr if stream is None else stream
        self._shown = not quiet and self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, done: int, note: str = "") -> None:
        """Show that so many are done; the rate is that of the last half minute."""
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _WINDOW_S:
            self._seen.popleft()
        if self._shown:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{self.line(note)[:width]}")
            self._stream.flush()

    def line(self, note: str = "") -> str:
        """What is shown."""
        (first, begun), (last, done) = self._seen[0], self._seen[-1]
        share = done / self._total if self._total else 1.0
        bar = "#" * int(share * _BAR)
        parts = [f"{self._what} [{bar:.<{_BAR}}] {done:,} of {self._total:,}", f"{int(share * 100)}%"]
        if last > first and done > begun:
            rate = (done - begun) / (last - first)
            parts += [f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"]
            parts += [f"{duration((self._total - done) / rate)} left"]
        return " · ".join([*parts, note] if note else parts)

    def close(self) -> None:
        """Leave an empty line for what is said next."""
        if self._shown and self._seen:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60:,} h {minutes % 60:02} min"
