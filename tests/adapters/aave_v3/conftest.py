"""A chain with both markets of Aave alone: tests mine their blocks faster than beside all other protocols."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.devnet.aave import AaveV36, AaveV301
from tests.devnet.fixtures import started
from tests.devnet.world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The chain of this folder's tests."""
    yield from started((AaveV36, AaveV301))
