"""The one JSON shape that every command prints with --json, and the values in it.

Raw amounts and USD are strings, ratios and scores numbers; infinity is null.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from cli.text import clean

if TYPE_CHECKING:
    from aggregator.model.errors import CrossmarginError
    from aggregator.model.portfolio import Portfolio
    from aggregator.model.readings import Failure

VERSION = 1


def envelope(
    command: str,
    data: Any,
    *,
    ok: bool = True,
    warnings: Sequence[str] = (),
    coverage: Mapping[str, Any] | None = None,
    blocks: Sequence[Mapping[str, Any]] = (),
    errors: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """`{schema, ok, data, warnings, coverage, blocks, errors}`; `schema` is `crossmargin/COMMAND/VERSION`."""
    return {
        "schema": f"crossmargin/{command}/{VERSION}",
        "ok": ok,
        "data": data,
        "warnings": list(warnings),
        "coverage": coverage,
        "blocks": list(blocks),
        "errors": list(errors),
    }


def of_portfolio(command: str, portfolio: Portfolio, data: Any) -> dict[str, Any]:
    """The envelope of an answer about one wallet: `ok` only where nothing is missing."""
    coverage = portfolio.coverage
    return envelope(
        command,
        data,
        ok=coverage.complete,
        warnings=portfolio.warnings,
        coverage={
            "expected": coverage.expected,
            "ok": coverage.ok,
            "failed": coverage.failed,
            "unverified": list(coverage.unverified),
        },
        blocks=[
            {"chain_id": b.chain, "number": b.number, "hash": b.hash, "timestamp": b.timestamp}
            for b in portfolio.blocks.values()
        ],
        errors=[failure(f) for f in portfolio.failures],
    )


def failure(found: Failure) -> dict[str, Any]:
    """A read that did not succeed."""
    return {
        "code": found.error.code,
        "message": clean(str(found.error), 1000),
        "adapter": found.adapter,
        "deployment": found.deployment,
        "chain_id": found.chain,
        "wallet": found.wallet,
    }


def of_error(command: str, error: CrossmarginError) -> dict[str, Any]:
    """The envelope of a command that could not answer."""
    return envelope(
        command, None, ok=False, errors=[{"code": error.code, "message": clean(str(error), 1000)}]
    )


def write(document: Mapping[str, Any]) -> None:
    """Print one envelope as one line."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def usd(value: float) -> str:
    """Dollars with eight decimals, as the database keeps them."""
    return f"{value:.8f}"


def finite(value: float) -> float | None:
    """A ratio; None where it is infinite."""
    return None if math.isinf(value) else value
