"""A chain with the stand-ins, and the adapter over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.derive_v2.live import Site
from tests.devnet.derive import Derive
from tests.devnet.world import World


@pytest.fixture(scope="module")
def derive_world() -> Iterator[World]:
    """The tokens and the stand-ins, nothing else."""
    with World.start(protocols=()) as world:
        world.add(Derive)
        yield world


@pytest.fixture
def site(derive_world: World) -> Iterator[Site]:
    """The chain, to do anything to."""
    with derive_world.isolated():
        yield Site(derive_world)
