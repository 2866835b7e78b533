"""Texts that nodes and contracts send, made safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with `?` for every character that could move a terminal's cursor or hide what is there."""
    return "".join([c if c.isprintable() else "?" for c in text])
