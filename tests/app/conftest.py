"""A short list of wallets on the local chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from tests.app.index_kit import COUNT, Desk, desk
from tests.devnet.world import World
from tests.store.blank import blank


@pytest.fixture
def here(devnet: World, tmp_path: Path) -> Iterator[Desk]:
    """A few wallets and an empty database; retries happen, but nobody waits for them."""
    with desk(devnet, tmp_path, COUNT) as found, stamina.set_testing(True, attempts=2):
        blank(found.config().database)
        yield found
