"""A bounded number of the inputs of `tests.abi.fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.abi.fuzz import fuzz
from tests.volume import volume


@pytest.mark.parametrize("seed", volume([1], [1, 2, 3]))
def test_mutated_bytes_decode_to_what_they_say_or_raise_documented_errors(seed: int, tmp_path: Path) -> None:
    """And enough of them decode for the comparison to mean something."""
    found = fuzz(4_000, seed, tmp_path)
    assert not found.findings, found.findings[0]
    assert found.decoded > 800
