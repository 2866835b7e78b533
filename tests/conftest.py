"""Fixtures and settings for all tests."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ["tests.devnet.fixtures"]

# The same examples in every run; machines are too unequal for a time limit per example.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# Every test reads as if for the first time, and leaves the user's own cache alone.
os.environ["CROSSMARGIN_CACHE"] = "off"

# Files with few but long tests: two workers end together where these come first.
LONG = ("app", "schedule", "adapters", "cli", "store", "risk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders of `LONG` first, in that order; `--no-loadscope-reorder` lets xdist keep it."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.removeprefix("tests/").split("/")[0], len(LONG)))
