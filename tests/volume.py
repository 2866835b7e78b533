"""How much tests try: what suffices for every change, or with `CROSSMARGIN_TESTS=thorough` much more.

For dear examples, seeds and rounds alone; what is cheap is always tried in full.
"""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

THOROUGH = os.environ.get("CROSSMARGIN_TESTS") == "thorough"


def volume(usual: T, thorough: T) -> T:
    """Either, by what was asked for."""
    return thorough if THOROUGH else usual
