"""The made-up warehouse as a file, and a way to ask it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.queries.asking import World
from tests.queries.synthetic import generate


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Written once; nobody changes it."""
    data = generate()
    path: Path = tmp_path_factory.mktemp("queries") / "synthetic.duckdb"
    data.write(path)
    return World(path, data)
