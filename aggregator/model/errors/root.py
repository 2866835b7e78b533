"""The root of the tree."""

from __future__ import annotations


class CrossmarginError(Exception):
    """The root of every failure that this package raises on purpose; `code` names its kind in JSON."""

    code = "error"
