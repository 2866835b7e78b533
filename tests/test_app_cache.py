"""The use cases with a cache: all adapters on the local chain take fewer rounds, and answer the same."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aggregator import app
from aggregator.app import Answer
from aggregator.reading import cache_file
from aggregator.settings import Settings
from tests.devnet.world import World
from tests.test_app import configured, selection
from tests.volume import volume

SEEDS = volume(5, 25)


def cached(world: World, path: Path) -> Settings:
    """The settings of a world with a cache."""
    return configured(world).model_copy(update={"cache": path})


def reading(answer: Answer) -> Any:
    """All of an answer that a user sees."""
    return answer.portfolios


def rounds(answer: Answer) -> int:
    """Dependent rounds of the only chain."""
    [count] = answer.rounds.values()
    return count


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that the tests of this module share."""
    return tmp_path_factory.mktemp("cache") / "reading.sqlite"


def test_one_wallet_takes_three_rounds_cold_and_two_warm(world: World, path: Path) -> None:
    """The pin, the rounds and logs are all requests; the adapters answer as they do without a cache."""
    config, chosen = cached(world, path), selection(world.wallets["hedged"])
    plain, cold, warm = (
        app.read(chosen, configured(world)),
        app.read(chosen, config),
        app.read(chosen, config),
    )
    assert {account.kind for account in warm.portfolios[0].accounts} == {
        "wallet",
        "lending",
        "perp",
        "option",
    }
    assert reading(plain) == reading(cold) == reading(warm)
    assert (rounds(plain), rounds(cold), rounds(warm)) == (3, 3, 2)
    # With a cache, logs take two: the finalized block, and what is new since then.
    assert (cold.requests, warm.requests) == (6, 5)
    assert warm.notices == ()


def test_every_wallet_is_read_in_two_rounds_warm(world: World, path: Path) -> None:
    """Together or one by one, whatever they hold."""
    config = cached(world, path)
    for wallets in (*([wallet] for wallet in world.wallets.values()), list(world.wallets.values())):
        chosen = selection(*wallets)
        app.read(chosen, config)
        warm = app.read(chosen, config)
        assert reading(warm) == reading(app.read(chosen, configured(world)))
        assert rounds(warm) <= 2


def test_doctored_predictions_change_nothing(world: World, tmp_path: Path) -> None:
    """Replies that were exchanged, cut, zeroed or made up, all with valid digests: the same portfolios."""
    path = tmp_path / "reading.sqlite"
    config, chosen = cached(world, path), selection(*world.wallets.values())
    expected = reading(app.read(chosen, config))
    for seed in range(SEEDS):
        doctor(path, random.Random(seed))
        answer = app.read(chosen, config)
        assert reading(answer) == expected
        assert rounds(answer) <= 3
        assert answer.notices == ()


def doctor(path: Path, chance: random.Random) -> None:
    """Other replies in the rows of all predictions."""
    with closing(sqlite3.connect(path)) as raw, raw:
        rows = raw.execute("SELECT chain, request, hash, reply FROM prediction ORDER BY request").fetchall()
        assert len(rows) > 30
        replies = [reply for *_, reply in rows]
        for chain, request, block_hash, reply in rows:
            made = chance.choice(
                (
                    chance.choice(replies),
                    reply[: chance.randrange(len(reply) + 1)],
                    bytes(len(reply)),
                    b"\0" + chance.randbytes(max(len(reply) - 1, 0)),
                    b"\0" + b"".join(chance.randrange(300).to_bytes(32) for _ in range(len(reply) // 32)),
                    b"\1",
                    reply,
                )
            )
            digest = cache_file._digest((chain, request, block_hash, made))
            raw.execute(
                "UPDATE prediction SET reply = ?, digest = ? WHERE chain = ? AND request = ?",
                (made, digest, chain, request),
            )


def test_a_cache_that_cannot_be_used_is_told_and_done_without(world: World, tmp_path: Path) -> None:
    """The answer is the same, and a notice says why it took longer."""
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no cache " * 1_000)
    chosen = selection(world.wallets["hedged"])
    answer = app.read(chosen, cached(world, broken))
    assert reading(answer) == reading(app.read(chosen, configured(world)))
    [notice] = answer.notices
    assert "broken.sqlite" in notice


def test_a_recording_takes_nothing_from_the_cache(world: World, path: Path, tmp_path: Path) -> None:
    """Whoever replays it has no cache: the same file, with one or without."""
    chosen = selection(world.wallets["hedged"])
    app.read(chosen, cached(world, path))
    app.read(chosen, cached(world, path), record_to=tmp_path / "with.cmrec")
    app.read(chosen, configured(world), record_to=tmp_path / "without.cmrec")
    assert (tmp_path / "with.cmrec").read_bytes() == (tmp_path / "without.cmrec").read_bytes()


def test_no_wallet_is_in_the_cache(world: World, path: Path) -> None:
    """Nobody learns from the file whose positions were read."""
    config = cached(world, path)
    app.read(selection(*world.wallets.values()), config)
    content = b"".join(each.read_bytes() for each in path.parent.iterdir())
    for wallet in world.wallets.values():
        assert bytes.fromhex(wallet[2:]) not in content
        assert wallet.lower().encode() not in content.lower()
