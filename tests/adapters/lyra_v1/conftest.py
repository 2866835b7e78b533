"""A chain with Lyra alone: tests mine their blocks faster than beside all other protocols."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.devnet.fixtures import started
from tests.devnet.lyra import LyraV1
from tests.devnet.world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The chain of this folder's tests."""
    yield from started((LyraV1,))
