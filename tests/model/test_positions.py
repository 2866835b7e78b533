"""What an option can be, and what not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.risk.builders import option


def test_a_perpetual_option_has_no_expiry_and_no_other_lacks_one() -> None:
    """Either alone is refused; a perpetual one never expires."""
    usual = option("ETH", 1.0, "call", 2_000.0, years=0.1, iv=0.6)
    perpetual = replace(usual, style="perpetual", expiry=None)
    assert not perpetual.is_expired(2**70)
    assert usual.expiry is not None
    assert usual.is_expired(usual.expiry)
    assert not usual.is_expired(usual.expiry - 1)
    with pytest.raises(ValueError, match="perpetual option with expiry"):
        replace(usual, style="perpetual")
    with pytest.raises(ValueError, match="european option with expiry None"):
        replace(usual, expiry=None)


def test_who_has_the_right() -> None:
    """The sign of the size tells holder and writer."""
    assert option("ETH", 1.0, "put", 2_000.0, years=0.1, iv=0.6).side == "holder"
    assert option("ETH", -1.0, "put", 2_000.0, years=0.1, iv=0.6).side == "writer"
