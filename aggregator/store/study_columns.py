"""Columns that every study of a snapshot has: a plan, a cascade, a ladder, a calendar."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from aggregator.store.columns import USD, column

MADE_AT = "UTC time at which it was first saved"
INPUTS = "What was asked for: all that decides the answer beside the snapshot"
INPUTS_HASH = "SHA-256 over inputs"
ROWS_HASH = "SHA-256 over its rows in all tables"
TOLD = "Sentences on what is not counted"


def study_id(name: str) -> str:
    """The comment of the id of a study."""
    return f"Deterministic: {name}-, and a hash of the snapshot and inputs"


def usd(comment: str, *, nullable: bool = False) -> Any:
    """Dollars that a plan or a cascade adds up, rounded to 8 digits; the comment says USD."""
    return column(USD, comment, nullable=nullable)


def made_at() -> Any:
    """When a study was saved."""
    return column(sa.DateTime, MADE_AT)


def inputs() -> Any:
    """What a study was asked for."""
    return column(sa.JSON, INPUTS)


def inputs_hash() -> Any:
    """The hash of it."""
    return column(sa.String, INPUTS_HASH)


def rows_hash() -> Any:
    """The hash of what was answered."""
    return column(sa.String, ROWS_HASH)


def told() -> Any:
    """What is not counted."""
    return column(sa.JSON, TOLD)
