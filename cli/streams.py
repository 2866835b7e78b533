"""Standard output and error that outlive their readers."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def keep_going() -> None:
    """Let a command go on, and its exit code stand, where the reader of its output went away (`| head`).

    What was closed before the start writes nowhere. A character that the locale can't spell is escaped.
    Streams that a test put in place are left alone.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _text(_Patient(os.devnull, "wb"), "utf-8", line_buffering=True))
        elif isinstance(getattr(stream, "buffer", None), io.BufferedWriter | io.FileIO):
            patient = _Patient(stream.fileno(), "wb", closefd=False)
            setattr(sys, name, _text(patient, stream.encoding, line_buffering=stream.line_buffering))


def _text(raw: io.RawIOBase, encoding: str, *, line_buffering: bool) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(
        buffer, encoding=encoding, errors="backslashreplace", line_buffering=line_buffering
    )


class _Patient(io.FileIO):
    """A file that takes everything once nobody reads it any more, and fails once where it can't write."""

    _over = False

    def write(self, data: ReadableBuffer, /) -> int:
        """See FileIO."""
        if not self._over:
            try:
                return super().write(data)
            except OSError as error:
                self._over = True
                if not isinstance(error, BrokenPipeError):
                    raise
        return memoryview(data).nbytes
