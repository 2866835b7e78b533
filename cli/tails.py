"""Expected shortfall and value at risk, as part of a document and as a line of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import envelope
from cli.text import clean, usd

if TYPE_CHECKING:
    from aggregator.model.tails import Tails

_METHODS = {
    "delta_normal": "normal",
    "cornish_fisher": "skewed",
    "monte_carlo": "drawn",
    "historical": "historical",
}


def document(tails: Tails | None) -> dict[str, Any] | None:
    """All of it; None for a snapshot of a release that kept none."""
    if tails is None:
        return None
    absent = tails.historical_absent
    return {
        "requirement_usd": envelope.usd(tails.requirement_usd),
        "expected_shortfall_usd": envelope.usd(tails.expected_shortfall_usd),
        "confidence": tails.confidence,
        "days": tails.days,
        "draws": tails.draws,
        "value_at_risk": [
            {
                "method": v.method,
                "confidence": v.confidence,
                "days": v.days,
                "loss_usd": envelope.usd(v.loss_usd),
            }
            for v in tails.value_at_risk
        ],
        "historical_absent": None if absent is None else clean(absent, 200),
    }


def lines(tails: Tails | None) -> list[str]:
    """Expected shortfall, and value at risk of its confidence and horizon in each way that there is."""
    if tails is None:
        return []
    values = [
        f"{_METHODS[v.method]} {usd(v.loss_usd)}"
        for v in tails.value_at_risk
        if (v.confidence, v.days) == (tails.confidence, tails.days)
    ]
    when = f"{tails.days} days, {100 * tails.confidence:.3g}%"
    told = f"{when}: shortfall {usd(tails.expected_shortfall_usd)}"
    return [f"{told} · value at risk {', '.join(values)}" if values else told]
