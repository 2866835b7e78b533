"""The cache folder outside of git, and building a folder in it exactly once.

Every entry is named after a hash of everything that it is made from, is built in a temporary
folder beside its place and renamed into it when complete: a reader sees a whole entry or none.
A file lock per entry keeps parallel test workers from building the same one twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KIT = Path(__file__).resolve().parent
CACHE_VARIABLE = "CROSSMARGIN_DEVNET_CACHE"


def cache_root() -> Path:
    """Folder of all cached packages, artifacts and states: `.cache/devnet` unless overridden."""
    override = os.environ.get(CACHE_VARIABLE)
    root = Path(override).expanduser() if override else KIT.parent.parent / ".cache" / "devnet"
    root.mkdir(parents=True, exist_ok=True)
    return root


def digest(*parts: bytes | str) -> str:
    """Name of a cache entry made from these parts, in this order: 20 hex digits."""
    whole = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        whole.update(len(raw).to_bytes(8, "big"))
        whole.update(raw)
    return whole.hexdigest()[:20]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; the operating system frees it if we die."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def prune(prefix: str, keep: int) -> None:
    """Remove the oldest entries whose names start so, all but `keep`; the newest are never touched."""
    entries = sorted(cache_root().glob(f"{prefix}*/"), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in entries[keep:]:
        shutil.rmtree(entry, ignore_errors=True)


def build_once(name: str, build: Callable[[Path], None]) -> Path:
    """Folder `name` of the cache, filled by `build(temporary_folder)` if it is not there yet.

    An exception in `build` leaves nothing behind and is raised to the caller.
    """
    root = cache_root()
    entry = root / name
    if entry.is_dir():
        return entry
    with locked(root / f"{name}.lock"):
        if entry.is_dir():
            return entry
        work = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
        try:
            build(work)
            work.rename(entry)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return entry
