"""The contenders of the pricing benchmark agree, and a figure that differs is found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.pricing import check, options, ours, textbook


def test_ours_and_the_textbook_agree() -> None:
    """On made-up options of every kind; one wrong digit of one figure is told with its name."""
    given = options(2_000)
    expected = ours(given, 1)
    check(expected, textbook(given), given[0], "scipy")
    wrong = textbook(given)
    wrong[4, 77] *= 1.0 + 1e-7
    with pytest.raises(AssertionError, match="theta"):
        check(expected, wrong, given[0], "scipy")
    missing = textbook(given)
    missing[0, 3] = np.nan
    with pytest.raises(AssertionError, match="price"):
        check(expected, missing, given[0], "scipy")
