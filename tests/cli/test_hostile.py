"""Recordings whose replies no honest contract gives: never a traceback, never a number that is none."""

from __future__ import annotations

import gzip
import json
import random
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from tests.cli.runner import Result, crossmargin

ABSURD = (0, 1, 2**64, 2**96, 2**128 - 1, 2**128, 10**40, 10**60, 2**255 - 1, 2**255, 2**256 - 1)
GREEK_CACHE = "f369f2ac"  # getGreekCacheParams(): its last word is the rate
MIN_COLLATERAL = "e8128440"  # getMinCollatParams()
FEED = "feaf968c"  # latestRoundData(): its second word is the price


def demo() -> Any:
    """The document of the recording that ships with the package."""
    return json.loads(gzip.decompress((files("aggregator") / "data" / "demo.cmrec").read_bytes()))


def replies(document: Any, selector: str = "") -> list[str]:
    """The keys of the recorded calls of a function."""
    [chain] = document["chains"].values()
    return [key for key in chain["calls"] if key.rsplit(":", 1)[1].startswith(selector)]


def change(document: Any, key: str, word: int, value: int) -> None:
    """Put a value in place of a word of a reply."""
    [chain] = document["chains"].values()
    reply = bytearray.fromhex(chain["calls"][key][2:])
    reply[32 * word : 32 * word + 32] = value.to_bytes(32, "big")
    chain["calls"][key] = "0x" + reply.hex()


def replayed(document: Any, path: Path, *arguments: str) -> Result:
    """What a replay of the document says."""
    path.write_bytes(gzip.compress(json.dumps(document).encode(), 1))
    return crossmargin("replay", str(path), *arguments)


def check(document: Any, path: Path) -> tuple[int, Any]:
    """The answer to a document, which must be one: exit code, numbers, and nothing hidden."""
    shown, result = replayed(document, path), replayed(document, path, "--json")
    assert shown.code == result.code
    assert result.code in (Exit.OK, Exit.PARTIAL)
    answer = result.json()
    assert answer["ok"] is (result.code == Exit.OK)
    assert ("INCOMPLETE" in shown.out) is (result.code == Exit.PARTIAL)
    assert "nan" not in json.dumps(answer["data"])
    return result.code, answer


@pytest.mark.parametrize("seed", range(24))
def test_absurd_words_give_an_answer_or_a_failure(seed: int, tmp_path: Path) -> None:
    """Any word of any reply, as no contract should give it."""
    draw, document = random.Random(seed), demo()
    for key in draw.sample(replies(document), 2):
        [chain] = document["chains"].values()
        words = len(chain["calls"][key]) // 64
        change(document, key, draw.randrange(max(1, words)), draw.choice(ABSURD))
    check(document, tmp_path / "hostile.cmrec")


@pytest.mark.parametrize("rate", [10**19, 10**30, 2**255 - 1, 2**255])
def test_a_rate_that_no_option_can_be_valued_at_is_no_perfect_score(rate: int, tmp_path: Path) -> None:
    """It fails its own market's read; it does not make the wallet survive everything."""
    document = demo()
    [key] = replies(document, GREEK_CACHE)
    change(document, key, 9, rate)
    code, answer = check(document, tmp_path / "hostile.cmrec")
    assert code == Exit.PARTIAL
    assert {error["adapter"] for error in answer["errors"]} == {"lyra_v1"}


@pytest.mark.parametrize(("selector", "word", "value"), [(FEED, 1, 2**128), (MIN_COLLATERAL, 6, 2**96)])
def test_terms_far_beyond_the_equity_still_add_up(
    selector: str, word: int, value: int, tmp_path: Path
) -> None:
    """A price or a requirement by orders of magnitude above the rest rounds, and does not crash."""
    document = demo()
    for key in replies(document, selector):
        changed = json.loads(json.dumps(document))
        change(changed, key, word, value)
        check(changed, tmp_path / "hostile.cmrec")


def test_text_of_a_recording_moves_no_cursor(tmp_path: Path) -> None:
    """Names and errors that a stranger wrote into a file come without control characters."""
    document = demo()
    evil = "x\x1b[2J\n\u202elive\r"
    document["origin"] = evil
    [chain] = document["configuration"]["chains"].values()
    chain["name"] = evil
    for entries in document["configuration"]["deployments"].values():
        for entry in entries:
            entry["name"] += evil
    for token in document["configuration"]["tokens"]:
        token["symbol"] += evil
    [tape] = document["chains"].values()
    for key in replies(document, "70a08231"):  # balanceOf(address)
        tape["calls"][key] = {"error": "CallReverted", "args": [evil, evil]}
    for command in ("health", "positions"):
        shown = replayed(document, tmp_path / "hostile.cmrec", command)
        assert shown.code == Exit.PARTIAL
        assert not set("\x1b\r\u202e") & set(shown.out + shown.err)
