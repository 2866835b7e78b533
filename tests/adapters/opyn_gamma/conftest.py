"""One node with the stand-ins, undone after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aggregator.model.units import Address
from tests.adapters.opyn_gamma.world import Gamma, owner_of
from tests.devnet.node import Node


@pytest.fixture(scope="package")
def deployed() -> Iterator[Gamma]:
    """The node, which no test uses itself."""
    with Node() as node:
        yield Gamma(node)


@pytest.fixture
def gamma(deployed: Gamma) -> Iterator[Gamma]:
    """The stand-ins for one test."""
    with deployed.isolated():
        yield deployed


@pytest.fixture
def me(gamma: Gamma) -> Address:
    """A wallet that has nothing yet."""
    return owner_of(gamma)
