"""A cross-check in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aggregator.app import Verdict
from aggregator.model.units import EXACT
from cli import documents
from cli.position_documents import text
from cli.text import clean

if TYPE_CHECKING:
    from aggregator.app import CrossCheck
    from aggregator.app.crosschecks import Compared, Comparison
    from aggregator.model.portfolio import Portfolio


def document(portfolio: Portfolio, check: CrossCheck) -> dict[str, Any]:
    """The data of its envelope; amounts as text, in whole units of the asset."""
    return {
        "wallet": check.wallet,
        "owned": documents.owned(portfolio),
        "subgraphs": [_comparison(comparison) for comparison in check.comparisons],
        "uncovered": [
            {
                "account_id": a.id,
                "protocol": a.protocol,
                "label": clean(a.label, 64),
                "chain_id": a.chain,
                "owner_path": list(a.owner_path),
            }
            for a in check.uncovered
        ],
        "counts": {verdict.value: check.count(verdict) for verdict in Verdict},
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    entry = comparison.subgraph
    return {
        "name": entry.name,
        "schema": entry.kind,
        "protocol": entry.adapter,
        "deployment": comparison.deployment,
        "owner_path": list(comparison.path),
        "chain_id": entry.chain,
        "block": comparison.number,
        "lag_blocks": comparison.lag,
        "positions": [_position(one) for one in comparison.positions],
    }


def _position(one: Compared) -> dict[str, Any]:
    ours, theirs = one.ours, one.theirs
    both = ours is not None and theirs is not None
    return {
        "owner": one.owner,
        "kind": one.kind,
        "what": clean(one.what, 200),
        "name": clean(one.name, 64),
        "account_ids": list(ours.accounts) if ours else [],
        "contracts": text(ours.amount) if ours else None,
        "subgraph": text(theirs.amount) if theirs else None,
        "difference": text(EXACT.subtract(ours.amount, theirs.amount)) if both and ours and theirs else None,
        "verdict": one.judged.verdict,
        "reason": one.judged.reason,
        "interest_per_year": one.judged.rate,
        "proven_at_block": one.judged.proven_at,
        "since": theirs.since if theirs else None,
        "origins": [clean(origin, 300) for origin in theirs.origins] if theirs else [],
    }
