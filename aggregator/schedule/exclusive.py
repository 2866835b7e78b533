"""One process at a time takes slots of a database."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aggregator.model.errors import StoreError, StoreLocked


@contextmanager
def exclusive(database: Path) -> Iterator[None]:
    """Hold the schedule of a database; the system lets go of it however the process ends.

    Raises StoreLocked where another process has it, StoreError where its file can't be made.
    """
    path = database.with_name(f"{database.stem}.schedule.lock")
    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context(path.open("a")), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            why = "another `schedule run` or `schedule once` works on it: stop that one first"
            raise StoreLocked(str(database), why) from None
        except OSError as error:
            raise StoreError(str(path), f"it can't be used ({error.strerror or error})") from error
        yield
