"""The recording that ships: it is what the local chain answers, and the demo says what it is."""

from __future__ import annotations

from pathlib import Path

from aggregator import app
from aggregator.reading.recording import Recording
from tests.cli.runner import crossmargin
from tests.devnet import demo
from tests.devnet.world import World


def test_the_demo_is_what_the_local_chain_answers(world: World, tmp_path: Path) -> None:
    """Recording again gives the same replies; after a change of the kit: python -m tests.devnet.demo."""
    demo.record(world, tmp_path / "again.cmrec")
    assert Recording.load(tmp_path / "again.cmrec") == app.demo()


def test_the_demo_shows_three_kinds_and_one_score() -> None:
    """All protocols, one verdict for the whole, one for the weakest account, and where it comes from."""
    shown = crossmargin("health", "--demo")
    assert shown.code == 0
    assert "replayed from a recording of a local node" in shown.out
    for word in ("Aave", "Lyra", "Synthetix", "Wallet", "WETH", "perp", " C ", " P ", "WHOLE", "WEAKEST"):
        assert word in shown.out


def test_the_demo_is_the_same_every_time() -> None:
    """Same snapshot and configuration: identical bytes."""
    first = crossmargin("health", "--demo", "--json")
    assert first.out == crossmargin("health", "--demo", "--json").out
    assert first.json()["ok"] is True
