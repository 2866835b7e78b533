"""The local chain as the command line sees it: through a configuration file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.price_feeds import configure, deployed
from tests.devnet.chain import Contract
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


@pytest.fixture(scope="module")
def feeds(world: World) -> Iterator[dict[str, Contract]]:
    """Price feeds on the local chain, gone again afterwards."""
    with world.isolated():
        yield deployed(world)


@pytest.fixture
def priced(
    world: World, feeds: dict[str, Contract], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """The chain with these feeds configured in local.toml, and a cache of its own in reading.sqlite."""
    configure(world, feeds, tmp_path / "local.toml")
    monkeypatch.setenv("CROSSMARGIN_CONFIG", str(tmp_path / "local.toml"))
    monkeypatch.setenv("CROSSMARGIN_CACHE", str(tmp_path / "reading.sqlite"))
    return world
