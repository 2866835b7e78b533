"""Text for people."""

from __future__ import annotations

import pytest

from cli.text import shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Aave V3", "Aave V3"),
        ("GMX V2 local ETH/USD [WETH-USDC] short", "GMX V2 local …-USDC] short"),
        ("GMX V2 local ETH/USD [WETH-USDC] pool", "GMX V2 local …H-USDC] pool"),
        ("x" * 26, "x" * 26),
        ("a\u202eb\n", "ab"),
    ],
)
def test_names_are_cut_where_they_do_not_differ(text: str, shown: str) -> None:
    """Control characters are gone before anything is counted."""
    assert shortened(text, 26) == shown
    assert len(shown) <= 26
