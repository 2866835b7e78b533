"""The order in which sources of a volatility are believed."""

from __future__ import annotations

import math

import pytest

from aggregator.pricing.sources import IvKind, IvSource, first_usable

SURFACE = IvSource(IvKind.SURFACE, 0.6, "getVol(uint128,uint64)@0x01")
BOARD = IvSource(IvKind.BOARD, 0.7, "board")
EXCHANGE = IvSource(IvKind.EXCHANGE, 0.8, "ticker")


def test_the_surface_comes_first() -> None:
    """Then the board, then an exchange; of one kind the first; of none, none."""
    assert first_usable([EXCHANGE, BOARD, SURFACE]) == SURFACE
    assert first_usable([EXCHANGE, BOARD]) == BOARD
    other = IvSource(IvKind.EXCHANGE, 0.9, "another ticker")
    assert first_usable([EXCHANGE, other]) == EXCHANGE
    assert first_usable([]) is None


@pytest.mark.parametrize("iv", [None, math.nan, math.inf, 0.0, -0.5])
def test_what_is_no_volatility_gives_way(iv: float | None) -> None:
    """The next source counts, and without one there is none."""
    broken = IvSource(IvKind.SURFACE, iv, "broken")
    assert first_usable([broken, BOARD]) == BOARD
    assert first_usable([broken]) is None
