"""Runs of `index` that are killed."""

from __future__ import annotations

from pathlib import Path

from tests.app.index_kills import compare, kill_often
from tests.app.index_kit import desk
from tests.devnet.world import World


def test_killed_twice_and_nothing_is_lost_or_doubled(devnet: World, tmp_path: Path) -> None:
    """`python -m tests.app.index_kills` does it to 10,000 wallets."""
    with desk(devnet, tmp_path, 60) as here:
        config = here.config()
        outcome = kill_often(here, config, 2, 8, seed=5)
        assert len(outcome.done) == 2
        assert outcome.mib < 1024
        compare(here, config, 30)
