"""Processes that start at once: forked from a server that has imported what they need.

A process of its own takes one or two seconds of imports before it does anything that a test is about. Each
process that runs tests has one server, which opens no database and no connection.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.preloaded"])


class Forked:
    """`main(*arguments)` as a process, with the streams, signals and codes of a `subprocess.Popen` of text.

    It has the environment of whoever starts it. As a context it is waited for at the end.
    """

    def __init__(self, main: Callable[..., None], *arguments: str) -> None:
        out, to_out = PROCESSES.Pipe(duplex=False)
        err, to_err = PROCESSES.Pipe(duplex=False)
        with out, to_out, err, to_err:
            given = (to_out, to_err, dict(os.environ), main, arguments)
            self._process = PROCESSES.Process(target=_run, args=given)
            self._process.start()
            self.stdout = os.fdopen(os.dup(out.fileno()), encoding="utf-8")
            self.stderr = os.fdopen(os.dup(err.fileno()), encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.join()
        self.stdout.close()
        self.stderr.close()

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal that ended it, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        """Its exit code once it has ended. Raises TimeoutExpired where it has not by then."""
        self._process.join(timeout_s)
        if (code := self.returncode) is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout_s)
        return code

    def communicate(self, timeout_s: float) -> tuple[str, str]:
        """What it wrote that nobody has read, once it has ended; raises as `wait`."""
        self.wait(timeout_s)
        return self.stdout.read(), self.stderr.read()

    def send_signal(self, number: int) -> None:
        """Send it a signal; one that has ended gets none."""
        if self.returncode is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it with -9."""
        self._process.kill()


def _run(
    out: Connection,
    err: Connection,
    environment: dict[str, str],
    main: Callable[..., None],
    arguments: tuple[str, ...],
) -> None:
    for stream, end in ((sys.stdout, out), (sys.stderr, err)):
        os.dup2(end.fileno(), stream.fileno())
        end.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by whoever runs in the background
    os.environ.clear()  # that of the server is as old as the server
    os.environ.update(environment)
    main(*arguments)
