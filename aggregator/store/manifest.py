"""What an export folder holds: a manifest with a hash of every file, checked before anything is believed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from aggregator.model.errors import ExchangeError
from aggregator.store.encodings import Encoding

MANIFEST = "manifest.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TableFile(_Strict):
    """One table's file, `<table>.<encoding>`; `sha256` in hex, sizes exact."""

    rows: int
    bytes: int
    sha256: str


class Manifest(_Strict):
    """What was exported by which release. `created_at` and `since` are UTC.

    `wallets` and `since` tell what was chosen: no wallets means all, no time means from the first on.
    `sha256` covers the manifest itself, with an empty text in its own place.
    """

    format: Literal["crossmargin-export/1"] = "crossmargin-export/1"
    encoding: Encoding
    schema_revision: str
    tool_version: str
    created_at: datetime
    wallets: tuple[str, ...]
    since: datetime | None
    tables: dict[str, TableFile]
    sha256: str = ""

    def file(self, folder: Path, table: str) -> Path:
        """Where a table lies."""
        return folder / f"{table}.{self.encoding}"

    def write(self, folder: Path) -> Manifest:
        """Write the manifest, sealed, into a folder that has none; returns it so."""
        sealed = self.model_copy(update={"sha256": _seal(self)})
        with (folder / MANIFEST).open("xb") as file:
            file.write(_text(sealed))
        return sealed


def describe(path: Path, rows: int) -> TableFile:
    """The entry of a file that was written; reads it once."""
    return TableFile(rows=rows, bytes=path.stat().st_size, sha256=_sha256(path))


def verified(folder: Path, *, tables: Iterable[str], revision: str) -> Manifest:
    """The manifest of an export in which not a byte differs from what was written.

    `tables` and `revision` are those of this release's schema. Raises ExchangeError on anything else.
    """
    manifest = _parsed(folder)
    if manifest.schema_revision != revision:
        newer = manifest.schema_revision > revision
        advice = (
            "use that release or a later one"
            if newer
            else "import it with that release; this one then brings the database up to date"
        )
        told = f"has schema {manifest.schema_revision} of crossmargin {manifest.tool_version}"
        raise ExchangeError(str(folder), f"it {told}, this release knows {revision}: {advice}")
    if set(manifest.tables) != set(tables):
        odd = ", ".join(sorted(set(manifest.tables) ^ set(tables)))
        raise ExchangeError(str(folder), f"its manifest names other tables than the schema has: {odd}")
    expected = {manifest.file(folder, table).name: entry for table, entry in manifest.tables.items()}
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    if missing := sorted(set(expected) - present):
        raise ExchangeError(str(folder), f"it lacks {', '.join(missing)}: copy the whole folder again")
    if unknown := sorted(present - set(expected)):
        raise ExchangeError(
            str(folder), f"it holds files that its manifest does not name: {', '.join(unknown)}"
        )
    for name, entry in expected.items():
        path = folder / name
        if path.stat().st_size != entry.bytes or _sha256(path) != entry.sha256:
            raise ExchangeError(str(folder), f"{name} is not what was exported: copy the whole folder again")
    return manifest


def is_replaceable(folder: Path) -> bool:
    """Whether a folder holds nothing but an export, or nothing: then no file of anybody's is lost with it."""
    present = {path.name for path in folder.iterdir()}
    if MANIFEST not in present:
        return not present
    manifest = _parsed(folder)
    return present <= {MANIFEST, *(manifest.file(folder, table).name for table in manifest.tables)}


def _parsed(folder: Path) -> Manifest:
    if not folder.is_dir():
        raise ExchangeError(str(folder), "there is no such folder")
    text = _read(folder)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ExchangeError(str(folder), f"{MANIFEST}: {where}: {first['msg']}") from error
    # Compared as bytes: whatever differs, even between two spellings of the same JSON, is a change.
    if text != _text(manifest) or _seal(manifest) != manifest.sha256:
        raise ExchangeError(str(folder), f"{MANIFEST} is not what was exported: copy the whole folder again")
    return manifest


def _read(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise ExchangeError(str(folder), f"{MANIFEST} can't be read ({error.strerror})") from error


def _text(manifest: Manifest) -> bytes:
    return f"{manifest.model_dump_json(indent=2)}\n".encode()


def _seal(manifest: Manifest) -> str:
    return hashlib.sha256(_text(manifest.model_copy(update={"sha256": ""}))).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
