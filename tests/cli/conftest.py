"""The local chain as the command line sees it: through a configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.devnet.world import World
from tests.store.blank import blank


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the configuration or the database of whoever runs it."""
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setenv("CROSSMARGIN_DATABASE", str(tmp_path / "test.duckdb"))
    (tmp_path / "none.toml").write_text("", encoding="utf-8")


@pytest.fixture
def local(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The seeded local chain and an empty database, configured."""
    blank(tmp_path / "test.duckdb")
    path = tmp_path / "local.toml"
    path.write_text(world.config(), encoding="utf-8")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(path))
    return world
