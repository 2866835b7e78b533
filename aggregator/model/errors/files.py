"""Recordings, exports and the database: files that can't be used."""

from __future__ import annotations

from aggregator.model.errors.root import CrossmarginError


class RecordingError(CrossmarginError):
    """A recording that can't be read; `path` names it."""

    code = "recording"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path, self.why = path, why

    def __str__(self) -> str:
        return f"recording {self.path}: {self.why}"


class ExchangeError(CrossmarginError):
    """An export that can't be written or imported; `path` names its folder."""

    code = "exchange"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path, self.why = path, why

    def __str__(self) -> str:
        return f"export {self.path}: {self.why}"


class StoreError(CrossmarginError):
    """The database can't be used."""

    code = "database"

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path, self.why = path, why

    def __str__(self) -> str:
        return f"database {self.path}: {self.why}"


class StoreLocked(StoreError):
    """Another process holds the database file."""

    code = "database_locked"
