"""Expected shortfall and value at risk as people and scripts see them."""

from __future__ import annotations

from dataclasses import replace

from aggregator.model.tails import Tails, ValueAtRisk
from cli import tails

FOUND = Tails(
    requirement_usd=2_700.5,
    expected_shortfall_usd=2_631.25,
    confidence=0.99,
    days=2,
    draws=16_384,
    value_at_risk=(
        ValueAtRisk("delta_normal", 0.95, 1, 800.0),
        ValueAtRisk("delta_normal", 0.99, 2, 1_743.0),
        ValueAtRisk("cornish_fisher", 0.99, 2, 1_653.0),
        ValueAtRisk("monte_carlo", 0.99, 2, 1_840.0),
    ),
    historical_absent="no price history of \x1b[31mevil",
)


def test_line() -> None:
    """What has the confidence and horizon of the shortfall, in a line; nothing of what there is not."""
    assert tails.lines(FOUND) == [
        "2 days, 99%: shortfall $2,631 · value at risk normal $1,743, skewed $1,653, drawn $1,840"
    ]
    assert tails.lines(replace(FOUND, value_at_risk=())) == ["2 days, 99%: shortfall $2,631"]
    assert tails.lines(None) == []


def test_document() -> None:
    """Everything, dollars as texts, and no control character of a token's name."""
    found = tails.document(FOUND)
    assert found is not None
    assert found["expected_shortfall_usd"] == "2631.25000000"
    assert found["value_at_risk"][0] == {
        "method": "delta_normal",
        "confidence": 0.95,
        "days": 1,
        "loss_usd": "800.00000000",
    }
    assert "\x1b" not in found["historical_absent"]
    assert tails.document(replace(FOUND, historical_absent=None)) == found | {"historical_absent": None}
    assert tails.document(None) is None
